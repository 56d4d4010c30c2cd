"""Where a node starts; `bongsu.node` wires it."""

from bongsu.node.serving import run_node

__all__ = ["run_node"]
