"""etcd: who is the leader, and who may say so. A member a site."""

import shutil

import msgspec

from bongsu.errors import OperatorError
from bongsu.host.child_process import Command
from bongsu.lab.component import Component, State, account_of, engine_command, make_folder
from bongsu.lab.probe import ask
from bongsu.lab.topology import ETCD_PEER_PORT, ETCD_PORT, SCOPE, Lab, Site

HEARTBEAT_MS = 100
ELECTION_MS = 1000


def etcd_binary() -> str:
    """Debian's etcd, or whatever is on the PATH; `OperatorError` says what to install."""
    found = shutil.which("etcd")
    if found is None:
        raise OperatorError("etcd is missing: run `apt-get install etcd-server`")
    return found


def endpoints(lab: Lab, site: Site) -> list[str]:
    """Client URLs of all members, the site's own first."""
    return [other.url(ETCD_PORT) for other in lab.own_first(site)]


def _prepare(lab: Lab, site: Site) -> None:
    make_folder(site.path("etcd"), account_of(lab))


def _command(lab: Lab, site: Site) -> Command:
    client, peer = site.url(ETCD_PORT), site.url(ETCD_PEER_PORT)
    members = ",".join(f"{other.name}={other.url(ETCD_PEER_PORT)}" for other in lab.sites)
    options = {
        "name": site.name,
        "data-dir": str(site.path("etcd") / "data"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": members,
        "initial-cluster-token": f"{SCOPE}-{lab.number}",
        "heartbeat-interval": str(HEARTBEAT_MS),
        "election-timeout": str(ELECTION_MS),
        "pre-vote": "true",
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "5m",
        "logger": "zap",
        "log-outputs": "stderr",
    }
    return engine_command(
        lab,
        site.path("etcd"),
        [etcd_binary(), *(f"--{name}={value}" for name, value in options.items())],
    )


class _Header(msgspec.Struct, frozen=True):
    member_id: str


class _Said(msgspec.Struct, frozen=True):
    """What is wanted of a member's status; numbers come as texts."""

    header: _Header
    leader: str = "0"


async def _look(lab: Lab, site: Site) -> State:
    """`leader`: whether this member leads. Up means that it knows of a leader."""
    answer = await ask(site.url(ETCD_PORT) + "/v3/maintenance/status", b"{}")
    said = answer.decoded(_Said)
    if said is None or said.leader == "0":
        return {}
    return {"leader": said.leader == said.header.member_id}


ETCD = Component("etcd", _prepare, _command, _look)
