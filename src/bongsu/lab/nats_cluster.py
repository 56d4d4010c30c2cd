"""NATS: a server a site, all of them routed to one another. It keeps nothing on disk."""

import json

import msgspec

from bongsu.host.child_process import Command
from bongsu.lab.component import (
    Component,
    State,
    account_of,
    engine_command,
    make_folder,
    write_file,
)
from bongsu.lab.probe import ask
from bongsu.lab.topology import (
    NATS_CLUSTER_PORT,
    NATS_MONITOR_PORT,
    NATS_PORT,
    SCOPE,
    Lab,
    Site,
)
from bongsu.nats.server_process import PAYLOAD_BYTES_MAX, PENDING_BYTES_MAX, nats_binary

PING_SECONDS = 1  # a site that vanished without a word is given up after two unanswered
PINGS_UNANSWERED = 2


def urls(lab: Lab, site: Site) -> list[str]:
    """Where a node of `site` finds the bus, its own site's server first."""
    token = lab.secrets.nats
    return [f"nats://{token}@{other.address}:{NATS_PORT}" for other in lab.own_first(site)]


def _prepare(lab: Lab, site: Site) -> None:
    folder, account = site.path("nats"), account_of(lab)
    make_folder(folder, account)
    write_file(folder / "nats.conf", json.dumps(_configuration(lab, site), indent=2), account)


def _configuration(lab: Lab, site: Site) -> dict[str, object]:
    user, password = SCOPE, lab.secrets.nats
    return {
        "server_name": site.name,
        "host": site.address,
        "port": NATS_PORT,
        "http": f"{site.address}:{NATS_MONITOR_PORT}",
        "authorization": {"token": lab.secrets.nats},
        "max_payload": PAYLOAD_BYTES_MAX,
        "max_pending": PENDING_BYTES_MAX,
        "ping_interval": f"{PING_SECONDS}s",
        "ping_max": PINGS_UNANSWERED,
        "cluster": {
            "name": SCOPE,
            "host": site.address,
            "port": NATS_CLUSTER_PORT,
            "authorization": {"user": user, "password": password, "timeout": 2},
            "routes": [
                f"nats-route://{user}:{password}@{other.address}:{NATS_CLUSTER_PORT}"
                for other in lab.others(site)
            ],
        },
    }


def _command(lab: Lab, site: Site) -> Command:
    folder = site.path("nats")
    return engine_command(lab, folder, [str(nats_binary()), "--config", str(folder / "nats.conf")])


class _Route(msgspec.Struct, frozen=True):
    remote_name: str = ""


class _Said(msgspec.Struct, frozen=True):
    """What is wanted of a server's GET /routez."""

    routes: list[_Route] = []


async def _look(lab: Lab, site: Site) -> State:
    """`routes`: to how many other sites there is one."""
    said = (await ask(site.url(NATS_MONITOR_PORT) + "/routez")).decoded(_Said)
    return {} if said is None else {"routes": len({route.remote_name for route in said.routes})}


NATS = Component("nats", _prepare, _command, _look)
