"""The same conversation in matrix-js-sdk, the library under Element Web, on Node; and encrypted,
with its Rust crypto, which Element X shares."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "js"
SCENE_SECONDS_MAX = 300
# Read from the script, not by running it: collecting tests must not need Node.
SCENES = [
    (script, scene)
    for script in ("scenarios.mjs", "encryption.mjs")
    for scene in re.findall(r"^    async (\w+)\(url\)", (FOLDER / script).read_text(), re.M)
]


@pytest.fixture(scope="session")
def node() -> str:
    """Path of Node, with the pinned packages installed beside the scripts."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("these tests need Node 18 or newer: apt-get install nodejs npm")
    lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        installed.touch()
    return node


@pytest.mark.parametrize(("script", "scene"), SCENES)
def test_scene(script: str, scene: str, node: str, homeserver: str) -> None:
    done = subprocess.run(
        [node, script, scene, homeserver],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=SCENE_SECONDS_MAX,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
