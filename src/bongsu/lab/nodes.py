"""Bongsu's own nodes: `bongsu serve` with the lab's engines."""

import dataclasses
import re
import sys

from bongsu.host.child_process import Command
from bongsu.lab import nats_cluster
from bongsu.lab.component import (
    Component,
    State,
    account_of,
    engine_command,
    make_folder,
    toml,
    write_file,
)
from bongsu.lab.probe import ask
from bongsu.lab.seaweed import BUCKET
from bongsu.lab.topology import NODE_PORT, Lab, Site
from bongsu.settings import Settings

SERVER_NAME = "lab"
DATABASE_CONNECTIONS = 5
_OWNED = re.compile(rb"^bongsu_head\{", re.MULTILINE)


def are_possible() -> bool:
    """Whether this Bongsu can be one of many sites."""
    return "site" in {field.name for field in dataclasses.fields(Settings)}


def components(lab: Lab) -> list[Component]:
    """One for each node of a site."""
    return [_node(number) for number in range(lab.nodes)] if are_possible() else []


def _node(number: int) -> Component:
    name = f"node{number}"

    def prepare(lab: Lab, site: Site) -> None:
        folder, account = site.path(name), account_of(lab)
        make_folder(folder, account)
        write_file(folder / "bongsu.toml", toml(_settings(lab, site, number)), account)
        write_file(folder / "media_keys.toml", toml(lab.secrets.s3_keys), account)

    def command(lab: Lab, site: Site) -> Command:
        folder = site.path(name)
        config = str(folder / "bongsu.toml")
        return engine_command(
            lab, folder, [sys.executable, "-m", "bongsu.cli", "serve", "--config", config]
        )

    async def look(lab: Lab, site: Site) -> State:
        """`ready`, and how many `partitions` it owns."""
        url = site.url(NODE_PORT + number)
        answer = await ask(url + "/metrics")
        if answer.status != 200:
            return {}
        return {"url": url, "partitions": len(_OWNED.findall(answer.body))}

    return Component(name, prepare, command, look, after_ready=True)


def _settings(lab: Lab, site: Site, number: int) -> dict[str, object]:
    folder = site.path(f"node{number}")
    # Perhaps of the release before, which would refuse a setting that it does not know.
    is_another_source = (folder / "environment").exists()
    return site_settings(lab, site) | {
        "listen": f"{site.address}:{NODE_PORT + number}",
        "data": str(folder / "data"),
        "registration": "open",
        "media_keys": str(folder / "media_keys.toml"),
        "database_connections": DATABASE_CONNECTIONS,
        **({} if is_another_source else {"client_sites": _client_sites(lab)}),
    }


def _client_sites(lab: Lab) -> list[str]:
    return [f"{site.name}={site.url(NODE_PORT)}" for site in lab.sites]


def site_settings(lab: Lab, site: Site) -> dict[str, object]:
    """What all of Bongsu's processes at a site have in common."""
    return {
        "site": site.name,
        "server_name": SERVER_NAME,
        "rate_limits": False,
        "database_url": lab.database_url(lab.own_first(site)),
        "replica_url": lab.database_url([site]),
        "nats_url": ",".join(nats_cluster.urls(lab, site)),
        "media_stores": [f"{other.name}={other.s3_url}/{BUCKET}" for other in lab.sites],
        "log_format": "json",
    }
