"""The same conversation in matrix-js-sdk, the library under Element Web, on Node; and encrypted,
with its Rust crypto, which Element X shares."""

import re
import subprocess
from pathlib import Path

import pytest
from harness.node import installed_node

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
    return installed_node(FOLDER)


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
