"""PostgreSQL under Patroni: the truth, committed on two sites before it is answered.

The settings are those that were found to work by killing, cutting and hanging sites; `ttl` 20 is
the lowest that Patroni takes, the witness is what makes a failover quicker than that.
"""

import importlib.util
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from bongsu.errors import OperatorError
from bongsu.host.child_process import Command
from bongsu.lab import etcd, process_table
from bongsu.lab.component import (
    Component,
    State,
    account_of,
    engine_command,
    make_folder,
    write_file,
)
from bongsu.lab.probe import ask
from bongsu.lab.topology import PATRONI_PORT, POSTGRES_PORT, SCOPE, Lab, Site
from bongsu.lab.witness import pre_promote_command
from bongsu.postgres.cluster import wheel_binaries

FAST_STOP_SECONDS = 10.0
# Asked politely it would hand the primary over, to a site that is about to stop as well.
_AT_ONCE = ((signal.SIGKILL, 5.0),)
SHARED_BUFFERS_MB = 128
CONNECTIONS_MAX = 200

DYNAMIC: dict[str, Any] = {
    "ttl": 20,
    "loop_wait": 1,
    # Longer than etcd takes to elect: with 3 a healthy primary stepped down when another site was
    # lost that led etcd. Longer still, and a standby notices too late that its etcd is gone.
    "retry_timeout": 5,
    "synchronous_mode": "quorum",
    "synchronous_mode_strict": True,
    "synchronous_node_count": 1,
    # 0 could leave the cluster without a leader for ever.
    "maximum_lag_on_failover": 104857600,
    "primary_start_timeout": 0,
    "primary_stop_timeout": 5,
    "check_timeline": True,
    "failsafe_mode": True,
}
PARAMETERS: dict[str, str | int] = {
    "max_connections": CONNECTIONS_MAX,
    "max_wal_senders": 10,
    "max_replication_slots": 10,
    "synchronous_commit": "on",
    "wal_log_hints": "on",
    "wal_keep_size": "1GB",
    "max_slot_wal_keep_size": "4GB",
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
    "hot_standby_feedback": "on",
    "tcp_keepalives_idle": 1,
    "tcp_keepalives_interval": 1,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 3000,
    "client_connection_check_interval": "1s",
    "shared_buffers": f"{SHARED_BUFFERS_MB}MB",
    "huge_pages": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}


def require_patroni() -> None:
    """Raise `OperatorError` unless Patroni is installed."""
    for package in ("patroni", "psycopg2"):
        if importlib.util.find_spec(package) is None:
            raise OperatorError(f"{package} is missing: run `pip install 'bongsu[sites]'`")


def _prepare(lab: Lab, site: Site) -> None:
    account = account_of(lab)
    for name in ("patroni", "postgres"):
        make_folder(site.path(name), account)
    configuration = json.dumps(_configuration(lab, site), indent=2)  # JSON is YAML
    write_file(site.path("patroni") / "patroni.yml", configuration, account)


def _configuration(lab: Lab, site: Site) -> dict[str, Any]:
    own = f"{site.address}:{PATRONI_PORT}"
    dynamic = {"use_pg_rewind": True, "use_slots": True, "parameters": PARAMETERS}
    return {
        "scope": SCOPE,
        "name": site.name,
        "restapi": {"listen": own, "connect_address": own},
        "etcd3": {
            "hosts": [url.removeprefix("http://") for url in etcd.endpoints(lab, site)],
            "protocol": "http",
        },
        "bootstrap": {
            "dcs": {**DYNAMIC, "postgresql": dynamic},
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
        },
        "postgresql": _postgresql(lab, site),
        "watchdog": {"mode": "off"},
    }


def _postgresql(lab: Lab, site: Site) -> dict[str, Any]:
    own = f"{site.address}:{POSTGRES_PORT}"
    hba = [f"host {what} all {lab.network} scram-sha-256" for what in ("all", "replication")]
    passwords = lab.secrets
    pre_promote = pre_promote_command(site)
    return {
        "listen": own,
        "connect_address": own,
        "data_dir": str(site.path("postgres") / "cluster"),
        "bin_dir": str(wheel_binaries()),
        "pgpass": str(site.path("patroni") / "pgpass"),
        "authentication": {
            "superuser": {"username": "postgres", "password": passwords.superuser},
            "replication": {"username": "replicator", "password": passwords.replication},
            "rewind": {"username": "rewinder", "password": passwords.rewind},
        },
        "pg_hba": hba,
        # A site that comes back rejoins by itself, by a fresh copy if need be.
        "remove_data_directory_on_rewind_failure": True,
        "remove_data_directory_on_diverged_timelines": True,
        "basebackup": [{"checkpoint": "fast"}],
        "parameters": {
            "logging_collector": "on",
            "log_directory": str(site.path("postgres")),
            "log_filename": "postgresql.log",
            "log_rotation_age": 0,
            "log_rotation_size": 0,
        },
        **({"pre_promote": pre_promote} if pre_promote else {}),
    }


def _command(lab: Lab, site: Site) -> Command:
    folder = site.path("patroni")
    return engine_command(
        lab,
        folder,
        [sys.executable, "-m", "patroni", str(folder / "patroni.yml")],
        _AT_ONCE,
    )


def postmaster_pid(site: Site) -> int | None:
    """The process id in PostgreSQL's own file, alive or not; None if it was shut down."""
    try:
        text = (site.path("postgres") / "cluster" / "postmaster.pid").read_text()
    except FileNotFoundError:
        return None
    return int(text.split()[0]) if text.split() else None


def _stop_postgres(site: Site) -> None:
    """Fast shutdown of what Patroni started, so that the next start needs no recovery."""

    def alive() -> list[process_table.Process]:
        running = process_table.processes(Path(site.folder))
        return [process for process in running if process.component == "postgres"]

    pid = postmaster_pid(site)
    if pid is None or pid not in {process.pid for process in alive()}:
        return
    process_table.send(pid, signal.SIGINT)
    deadline = time.monotonic() + FAST_STOP_SECONDS
    while alive() and time.monotonic() < deadline:
        time.sleep(0.05)


class _Wal(msgspec.Struct, frozen=True):
    location: int = 0  # of a primary
    replayed_location: int = 0  # of a replica


class _Said(msgspec.Struct, frozen=True):
    """What is wanted of Patroni's GET /patroni."""

    state: str
    role: str
    timeline: int = 0
    xlog: _Wal = _Wal()
    replication_state: str = ""
    quorum_standby: bool = False


async def _look(lab: Lab, site: Site) -> State:
    """`role`, `timeline`, `location` in the WAL; of a replica whether it is `streaming` and one of
    the quorum's (`synchronous`)."""
    said = (await ask(site.url(PATRONI_PORT) + "/patroni")).decoded(_Said)
    if said is None or said.state != "running":
        return {}
    is_primary = said.role in ("primary", "master")
    return {
        "role": "primary" if is_primary else "replica",
        "timeline": said.timeline,
        "location": said.xlog.location or said.xlog.replayed_location,
        "streaming": is_primary or said.replication_state == "streaming",
        "synchronous": said.quorum_standby,
    }


PATRONI = Component("patroni", _prepare, _command, _look, finish=_stop_postgres)
