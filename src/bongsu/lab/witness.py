"""The witness of each site: with the others it deposes a lost primary."""

import importlib.util
import shlex
import sys

from bongsu.host.child_process import Command
from bongsu.lab import etcd
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
from bongsu.lab.topology import PATRONI_PORT, POSTGRES_PORT, SCOPE, WITNESS_PORT, Lab, Site


def is_installed() -> bool:
    """Whether this Bongsu has a witness."""
    return importlib.util.find_spec("bongsu.witness") is not None


def pre_promote_command(site: Site) -> str | None:
    """What Patroni runs before a promotion; it goes on only if this succeeds."""
    if not is_installed():
        return None
    config = site.path("witness") / "witness.toml"
    command = [sys.executable, "-m", "bongsu.witness.pre_promote", "--config", str(config)]
    return shlex.join(command)


def _prepare(lab: Lab, site: Site) -> None:
    folder, account = site.path("witness"), account_of(lab)
    make_folder(folder, account)
    write_file(folder / "witness.toml", _configuration(lab, site), account)


def _configuration(lab: Lab, site: Site) -> str:
    return toml(
        {
            "site": site.name,
            "scope": SCOPE,
            "etcd": etcd.endpoints(lab, site),
            "listen": f"{site.address}:{WITNESS_PORT}",
            "superuser_dsn": lab.superuser_url(site),
        },
        {
            "patroni": {other.name: other.url(PATRONI_PORT) for other in lab.sites},
            "postgres": {other.name: f"{other.address}:{POSTGRES_PORT}" for other in lab.sites},
        },
    )


def _command(lab: Lab, site: Site) -> Command:
    folder = site.path("witness")
    config = str(folder / "witness.toml")
    return engine_command(
        lab,
        folder,
        [sys.executable, "-m", "bongsu.cli", "witness", "--log-format", "json", "--config", config],
    )


async def _look(lab: Lab, site: Site) -> State:
    answer = await ask(site.url(WITNESS_PORT) + "/metrics")
    return {"metrics": site.url(WITNESS_PORT) + "/metrics"} if answer.status == 200 else {}


WITNESS = Component("witness", _prepare, _command, _look)
