"""Deposes a silent primary in seconds, and makes sure that it can acknowledge nothing afterwards.

One witness runs beside each site's PostgreSQL. Patroni alone waits for the leader key's lease, 20 s
at least; witnesses that agree on a silence delete the key at once. What makes that safe is the
*fence*: a standby stops receiving from the old primary before its vote counts, so that a primary
which is hung rather than gone finds no quorum. `machine` decides and is pure; `model` is what it
sees, `memory` what it remembers; `store` (etcd), `standby` (PostgreSQL), `probe` (the primary's
ports) and `disk` (can it write?) are its senses and hands; `agent` is the loop; `pre_promote`
guards every promotion, whoever asked for it. A primary that answers and cannot write, its disk
being full, is not deposed: a site with room takes over in order (`handover`).
"""
