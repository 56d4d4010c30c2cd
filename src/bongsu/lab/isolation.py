"""Sites in network namespaces, so that links between them can be cut and slowed."""

from bongsu.lab.topology import Lab, Site


def inside(lab: Lab, site: Site, command: list[str]) -> list[str]:
    """`command` as it runs within the site's network."""
    return command
