"""A whole deployment on one machine: three sites that may be killed, cut, hung and healed.

    <data>/lab.json          what was laid out at the first `up`: addresses, ports, secrets
    <data>/desk_keys         what seals personal data at every site's desk
    <data>/links.json        which links between isolated sites are cut
    <data>/a/                one site: a folder a process, each with its configuration and its log
        etcd/ patroni/ postgres/ nats/ seaweed/ witness/ node0/ ... desk/
            environment      NAME=value lines for its process, if you write them: read at each start

Each site is kept by one detached process, `bongsu lab site`, as a data centre is by its init
systems: it starts what died, unless it was killed on purpose, and dies with its site. Who belongs
to a site is asked of the kernel (see `process_table`), so that every command finds the truth
from any shell, whatever died before. Nothing here is needed to run Bongsu in real data centres;
the engines are the same ones, set the same way.
"""
