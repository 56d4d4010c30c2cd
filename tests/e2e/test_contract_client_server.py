"""Our answers against the spec's own schemas.

Goal: every operation of the client-server API is answered as its OpenAPI file says, or named as
not offered. Method: scenes (tables of requests) are played against the running server; each answer,
error or not, is held against the schema of its operation and status, and each event in it against
the schema of its type.
"""

import re

import pytest
from contract import spec
from contract.not_offered import NOT_OFFERED
from contract.scenes_appservices import SCENES as APPSERVICES
from contract.scenes_keys import SCENES as KEYS
from contract.scenes_people import SCENES as PEOPLE
from contract.scenes_rooms import SCENES as ROOMS
from contract.spec import operations
from contract.steps import PASSWORD, Stage, Step, outcome
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import User, login
from network import Network

pytestmark = pytest.mark.skipif(spec.MISSING is not None, reason=str(spec.MISSING))

SCENES = PEOPLE | KEYS | ROOMS | APPSERVICES
BY_EMAIL = {"id_server": "x.y", "id_access_token": "x", "medium": "email", "address": "a@x.y"}


@pytest.mark.parametrize("scene", SCENES)
async def test_scene(scene: str, client: HttpClient, solo: Bongsu, network: Network) -> None:
    stage = Stage(client)
    await stage.enter("alice", "bob")
    if any(step.who == "net" for step in SCENES[scene]):
        stage.enters("net", User(client, "@_net:localhost", network.as_token, ""))
    async with network.running():
        await _play(scene, stage, client, solo)


async def _play(scene: str, stage: Stage, client: HttpClient, solo: Bongsu) -> None:
    if any(step.who == "admin" for step in SCENES[scene]):
        solo.run("user", "add", "admin", "--admin", stdin=f"{PASSWORD}\n")
        stage.enters("admin", await login(client, "admin", PASSWORD))
    for step in SCENES[scene]:
        await stage.play(step)


@pytest.mark.parametrize("name", NOT_OFFERED)
async def test_not_offered(name: str, client: HttpClient) -> None:
    stage = Stage(client)
    await stage.play(Step("alice POST v3/createRoom", {}, keeps={"room": "room_id"}))
    operation, expected = operations()[name], NOT_OFFERED[name]
    path = re.sub(r"\{(?!room\})\w+\}", "x", operation.path.replace("{roomId}", "{room}"))
    status, answer = await stage.ask(Step(f"alice {operation.verb} {path}", BY_EMAIL))
    assert outcome(status, answer, expected) == expected, answer


def test_every_operation_is_played_or_not_offered() -> None:
    played = {step.operation.id for scene in SCENES.values() for step in scene if step.operation}
    forgotten = operations().keys() - played - NOT_OFFERED.keys()
    assert not forgotten, "neither in the scenes nor in NOT_OFFERED"
    assert not NOT_OFFERED.keys() - operations().keys(), "the spec knows no such operation"
    assert not NOT_OFFERED.keys() & played, "offered after all"
    print(f"{len(played)} of {len(operations())} operations are offered")
