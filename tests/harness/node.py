"""Node, with the packages that a folder of scripts pins."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest


def installed_node(folder: Path) -> str:
    """Path of Node; the pinned packages of `folder` are installed beside its scripts."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("these tests need Node 18 or newer: apt-get install nodejs npm")
    pinned = folder / "package-lock.json"
    installed = folder / "node_modules" / ".package-lock.json"
    with (folder / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests of another process may want them just now
        if not installed.exists() or installed.stat().st_mtime < pinned.stat().st_mtime:
            done = subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            installed.touch()
    return node
