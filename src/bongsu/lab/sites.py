"""What runs in each site, in the order of its start."""

from bongsu.lab import nodes, witness
from bongsu.lab.component import Component
from bongsu.lab.desk import DESK
from bongsu.lab.etcd import ETCD
from bongsu.lab.nats_cluster import NATS
from bongsu.lab.patroni import PATRONI
from bongsu.lab.seaweed import SEAWEED
from bongsu.lab.topology import Lab


def components(lab: Lab) -> list[Component]:
    """The engines, then the witness, the nodes and the desk if this Bongsu has them."""
    found = [ETCD, PATRONI, NATS, SEAWEED]
    if witness.is_installed():
        found.append(witness.WITNESS)
    of_nodes = nodes.components(lab)
    return found + of_nodes + ([DESK] if of_nodes else [])
