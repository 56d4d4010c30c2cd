"""Synapse, the homeserver that we measure against and that our own tests are validated on.

One process, PostgreSQL; rate limits and slow password hashes, of no figure, out of the way;
otherwise as its authors ship it.
"""

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from harness.postgres import Postgres
from harness.process import Process, free_port

VERSION = "1.163.2"
READY_SECONDS_MAX = 120.0

_NO_LIMIT = "{per_second: 100000, burst_count: 1000000}"
_CONFIG = """\
server_name: "localhost"
pid_file: {directory}/synapse.pid
listeners:
  - port: {port}
    type: http
    bind_addresses: ["127.0.0.1"]
    resources: [{{names: [client], compress: false}}]
database:
  name: psycopg2
  args:
    {{user: postgres, dbname: {database}, host: 127.0.0.1, port: {database_port},
      cp_min: 5, cp_max: 10}}
log_config: {directory}/log.yaml
media_store_path: {directory}/media
signing_key_path: {directory}/signing.key
registration_shared_secret: "benchmark"
macaroon_secret_key: "benchmark"
form_secret: "benchmark"
report_stats: false
trusted_key_servers: []
enable_registration: true
enable_registration_without_verification: true
allow_public_rooms_without_auth: true
bcrypt_rounds: 4
bcrypt_rounds: 4
rc_message: {no_limit}
rc_registration: {no_limit}
rc_registration_token_validity: {no_limit}
rc_room_creation: {no_limit}
rc_login: {{address: {no_limit}, account: {no_limit}, failed_attempts: {no_limit}}}
rc_admin_redaction: {no_limit}
rc_joins: {{local: {no_limit}, remote: {no_limit}}}
rc_joins_per_room: {no_limit}
rc_invites: {{per_room: {no_limit}, per_user: {no_limit}, per_issuer: {no_limit}}}
rc_3pid_validation: {no_limit}
rc_presence: {{per_user: {no_limit}}}
rc_media_create: {no_limit}
rc_reports: {no_limit}
"""
_LOG_CONFIG = """\
version: 1
formatters: {plain: {format: '%(asctime)s %(name)s %(levelname)s %(message)s'}}
handlers: {console: {class: logging.StreamHandler, formatter: plain}}
root: {level: WARNING, handlers: [console]}
disable_existing_loggers: false
"""


class Synapse:
    """One Synapse of the pinned version on a database of its own in `postgres`."""

    def __init__(self, directory: Path, venv: Path, postgres: Postgres) -> None:
        self.directory = directory
        self.postgres = postgres
        self.url = ""
        self._python = venv / "bin" / "python"
        self._process: Process | None = None

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        port, database = free_port(), "synapse"
        self.postgres.create_database(database)
        config = self.directory / "homeserver.yaml"
        config.write_text(_CONFIG.format(
            directory=self.directory, port=port, database=database,
            database_port=self.postgres.port, no_limit=_NO_LIMIT,
        ))  # fmt: skip
        (self.directory / "log.yaml").write_text(_LOG_CONFIG)
        command = [str(self._python), "-m", "synapse.app.homeserver", "-c", str(config)]
        subprocess.run([*command, "--generate-keys"], check=True, capture_output=True)
        self.url = f"http://127.0.0.1:{port}"
        self._process = Process(command, log=self.directory / "synapse.log")
        self._process.wait_until(
            lambda: answers(f"{self.url}/health"), seconds_max=READY_SECONDS_MAX, what="Synapse"
        )

    @property
    def server_pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    @property
    def database_pids(self) -> list[int]:
        return [self.postgres.pid]

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None


def install(venv: Path) -> None:
    """Make the virtual environment with the pinned Synapse, unless it is there already."""
    marker = venv / f"synapse-{VERSION}"
    if marker.exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run(
        [str(venv / "bin" / "pip"), "install", "-q",
         f"matrix-synapse=={VERSION}", "psycopg2-binary"],
        check=True,
    )  # fmt: skip
    marker.touch()


def answers(url: str) -> bool:
    """Whether a GET of `url` answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
