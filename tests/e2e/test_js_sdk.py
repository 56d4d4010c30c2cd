"""The same conversation in matrix-js-sdk, the library under Element Web, on Node; and encrypted,
with its Rust crypto, which Element X shares: by /sync and by sliding sync."""

import re
import subprocess
from pathlib import Path

import pytest
from harness.node import installed_node

FOLDER = Path(__file__).parent / "js"
SCENE_SECONDS_MAX = 300
# Read from the script, not by running it: collecting tests must not need Node.
SCENES = [
    (script, scene, *how)
    for script, *how in (("scenarios.mjs",), ("encryption.mjs",), ("encryption.mjs", "sliding"))
    for scene in re.findall(r"^    async (\w+)\(url\)", (FOLDER / script).read_text(), re.M)
]


@pytest.fixture(scope="session")
def node() -> str:
    return installed_node(FOLDER)


@pytest.mark.parametrize("words", SCENES, ids="-".join)
def test_scene(words: tuple[str, ...], node: str, homeserver: str) -> None:
    script, scene, *how = words
    done = subprocess.run(
        [node, script, scene, homeserver, *how],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=SCENE_SECONDS_MAX,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
