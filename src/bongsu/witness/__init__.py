"""Deposes a silent primary in seconds, and makes sure that it can acknowledge nothing afterwards.

One witness runs beside each site's PostgreSQL. Patroni alone waits for the leader key's lease, 20 s
at least; witnesses that agree on a silence delete the key at once. What makes that safe is the
*fence*: a standby stops receiving from the old primary before its vote counts, so that a primary
which is hung rather than gone finds no quorum. `machine` decides and is pure; `model` is what it
sees; `store` (etcd), `standby` (PostgreSQL) and `probe` (the primary's ports) are its senses and
hands; `agent` is the loop; `pre_promote` guards every promotion, whoever asked for it.
"""
