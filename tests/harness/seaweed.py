"""One SeaweedFS of the tests' own, from the wheel: a bucket that can be killed or lose its disk."""

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from bongsu.s3.signature import Keys
from harness.process import Process, free_port

WEED = Path(sysconfig.get_path("scripts")) / "weed"
KEYS = Keys("bongsu", "a secret of this test")
BUCKET = "media"


class Seaweed:
    """One site's store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = [free_port() for _ in range(8)]
        self.url = f"http://127.0.0.1:{self._ports[3]}/{BUCKET}"
        self._process: Process | None = None

    def start(self) -> None:
        (self._folder / "data").mkdir(parents=True, exist_ok=True)
        keys = {"accessKey": KEYS.access_key, "secretKey": KEYS.secret_key}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "bongsu", "credentials": [keys], "actions": actions}
        (self._folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        names = ("master.port", "volume.port", "filer.port", "s3.port")
        ports = [f"-{name}={port}" for name, port in zip(names, self._ports, strict=False)]
        ports += [f"-{name}.grpc={port}" for name, port in zip(names, self._ports[4:], strict=True)]
        self._process = Process(
            [str(WEED), "-logtostderr=true", "server", f"-dir={self._folder / 'data'}",
             "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
             f"-s3.config={self._folder / 's3.json'}", "-s3.iam=false", *ports,
             "-s3.port.iceberg=0", "-s3.port.lance=0",
             f"-filer.localSocket={self._folder / 'f.sock'}",
             f"-s3.localSocket={self._folder / 's.sock'}",
             "-master.volumeSizeLimitMB=64", "-volume.max=0", "-volume.preStopSeconds=0",
             "-master.telemetry=false"],
            log=self._folder / "log",
        )  # fmt: skip
        self._process.wait_until(self._has_bucket, seconds_max=60, what="SeaweedFS")

    def signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def lose_disk(self) -> None:
        self.kill()
        shutil.rmtree(self._folder / "data")

    def _has_bucket(self) -> bool:
        servers = [f"127.0.0.1:{self._ports[n]}.{self._ports[n + 4]}" for n in (0, 2)]
        orders = (
            f"s3.bucket.create -name {BUCKET}\n"
            f"fs.configure -locationPrefix=/buckets/{BUCKET} -fsync=true -apply\nexit\n"
        )
        try:
            done = subprocess.run(
                [str(WEED), "shell", f"-master={servers[0]}", f"-filer={servers[1]}"],
                input=orders, capture_output=True, text=True, timeout=10, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
        return '"fsync"' in done.stdout
