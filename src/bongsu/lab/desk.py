"""The desk of each site: `bongsu desk` with the lab's engines, all of them under the same keys."""

import sys

import msgspec

from bongsu.files.desk_keys import load_file_keys
from bongsu.host.child_process import Command
from bongsu.lab.component import (
    Component,
    State,
    account_of,
    engine_command,
    make_folder,
    toml,
    write_file,
)
from bongsu.lab.nodes import site_settings
from bongsu.lab.probe import ask
from bongsu.lab.topology import DESK_PORT, Lab, Site

DATABASE_CONNECTIONS = 4


class Health(msgspec.Struct, frozen=True):
    """What the desk says of itself."""

    database: bool


def _prepare(lab: Lab, site: Site) -> None:
    folder, account = site.path("desk"), account_of(lab)
    make_folder(folder, account)
    keys = lab.path / "desk_keys"
    load_file_keys(keys)  # made once, for all sites
    write_file(folder / "keys", keys.read_text(), account)
    write_file(folder / "media_keys.toml", toml(lab.secrets.s3_keys), account)
    write_file(folder / "desk.toml", toml(_settings(lab, site)), account)


def _settings(lab: Lab, site: Site) -> dict[str, object]:
    folder = site.path("desk")
    return site_settings(lab, site) | {
        "desk_listen": f"{site.address}:{DESK_PORT}",
        "desk_client_origins": [url for other in lab.sites for url in lab.node_urls(other)],
        "data": str(folder / "data"),
        "desk_keys": str(folder / "keys"),
        "desk_probe_networks": [lab.network],
        "media_keys": str(folder / "media_keys.toml"),
        "database_connections": DATABASE_CONNECTIONS,
    }


def _command(lab: Lab, site: Site) -> Command:
    folder = site.path("desk")
    config = str(folder / "desk.toml")
    return engine_command(
        lab, folder, [sys.executable, "-m", "bongsu.cli", "desk", "--config", config]
    )


async def _look(lab: Lab, site: Site) -> State:
    """`database`: whether it answered just now."""
    url = lab.desk_url(site)
    health = (await ask(url + "/health")).decoded(Health)
    return {"url": url, "database": health.database} if health else {}


DESK = Component("desk", _prepare, _command, _look, after_ready=True)
