"""A bridge made with mautrix: it acts as its ghosts, and hears all that concerns it exactly once.

Method: a real server with a registration file, a real mautrix service, people with matrix-nio. The
service keeps each transaction as it came, so that what was sent twice can be told from what was
said twice.
"""

import asyncio
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from bridge import PATIENCE_SECONDS, Bridge
from harness.bongsu import Bongsu
from harness.http import ConnectionLost, HttpClient
from harness.matrix import MatrixError, User, call, register
from harness.process import open_folder
from mautrix.errors import MForbidden, MUserInUse
from mautrix.types import TextMessageEventContent

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[Bongsu, Bridge]]:
    with open_folder() as folder:
        bridge = Bridge("irc")
        path = bridge.register(folder)
        bongsu = Bongsu(folder / "data", settings={"BONGSU_APPSERVICES": str(path)})
        bongsu.start()
        try:
            yield bongsu, bridge
        finally:
            bongsu.stop()


@pytest.fixture
def bongsu(house: tuple[Bongsu, Bridge]) -> Bongsu:
    return house[0]


@pytest.fixture
def bridge(house: tuple[Bongsu, Bridge]) -> Bridge:
    return house[1]


async def test_ghosts_talk_and_listen(bongsu: Bongsu, bridge: Bridge) -> None:
    client = HttpClient(bongsu.url)
    alice = await register(client, "alice")
    async with bridge.running(bongsu.url) as service:
        room_id = await service.intent.create_room(invitees=[alice.user_id])
        await alice.join(room_id)
        for name in ("ann", "ben"):
            ghost = service.intent.user(bridge.ghost(name))
            await ghost.ensure_joined(room_id)
            await ghost.set_displayname(name.title())
            await ghost.send_text(room_id, f"hello from {name}")
        sent = await service.intent.user(bridge.ghost("ann")).send_message(
            room_id, TextMessageEventContent(body="long ago"), timestamp=1_000_000
        )
        event = await alice.call("GET", f"/rooms/{room_id}/event/{sent}")
        assert event["origin_server_ts"] == 1_000_000
        assert event["sender"] == bridge.ghost("ann")
        for number in range(50):
            await alice.send_text(room_id, str(number))
        await bridge.until(lambda: len(bridge.texts(room_id)) >= 53)
        assert [text for text in bridge.texts(room_id) if text.isdigit()] == [*map(str, range(50))]
        assert len(set(bridge.event_ids())) == len(bridge.event_ids())
        assert await service.ping_self("x") >= 0
    await client.close()


async def test_the_service_is_down_and_the_server_dies(bongsu: Bongsu, bridge: Bridge) -> None:
    """What was said meanwhile comes in order, and nothing of it twice."""
    carol = await register(HttpClient(bongsu.url), "carol")
    async with bridge.running(bongsu.url) as service:
        room_id = await service.intent.create_room(invitees=[carol.user_id])
        await carol.join(room_id)
    said = [await carol.send_text(room_id, f"down {number}") for number in range(150)]
    await _killed(bongsu, carol)
    said += [await carol.send_text(room_id, f"up {number}") for number in range(30)]
    bridge.acks_to_lose = 2
    async with bridge.running(bongsu.url) as service:
        await service.ping_self()
        await bridge.until(lambda: set(said) <= set(bridge.event_ids()))
        await _killed(bongsu, carol)
        said.append(await carol.send_text(room_id, "after the second death"))
        await bridge.until(lambda: said[-1] in bridge.event_ids())
    heard = [each for each in bridge.event_ids() if each in set(said)]
    assert heard == said
    assert bridge.acks_to_lose == 0
    await carol.client.close()


async def _killed(bongsu: Bongsu, user: User) -> None:
    """The server, killed and started again; the user goes on where they were."""
    await user.client.close()
    bongsu.kill()
    bongsu.start()
    user.client = HttpClient(bongsu.url)


async def test_its_names_are_its_own(bongsu: Bongsu, bridge: Bridge) -> None:
    client = HttpClient(bongsu.url)
    dave = await register(client, "dave")
    with pytest.raises(MatrixError, match="M_EXCLUSIVE"):
        await register(client, "_irc_thief")
    with pytest.raises(MatrixError, match="M_EXCLUSIVE"):
        await dave.create_room(room_alias_name="_irc_stolen")
    async with bridge.running(bongsu.url) as service:
        with pytest.raises(MForbidden):
            await service.intent.user(dave.user_id).whoami()
        with pytest.raises(MForbidden):
            await service.intent.user(bridge.ghost("nobody")).whoami()
        ghost = service.intent.user(bridge.ghost("eve"))
        await ghost.ensure_registered()
        assert (await ghost.whoami()).user_id == ghost.mxid
        with pytest.raises(MUserInUse):
            await ghost.api.request("POST", _register(), {
                "type": "m.login.application_service", "username": "_irc_eve",
            })  # fmt: skip
    await client.close()


def _register() -> Path:
    from mautrix.api import Path as ApiPath

    return ApiPath.v3.register  # type: ignore[no-any-return]


async def test_it_makes_what_it_is_asked_for(bongsu: Bongsu, bridge: Bridge) -> None:
    client = HttpClient(bongsu.url)
    erin = await register(client, "erin")
    async with bridge.running(bongsu.url) as service:
        await service.ping_self()
        await erin.call("POST", f"/join/{quote('#_irc_channel:localhost')}", {})
        with pytest.raises(MatrixError, match="M_NOT_FOUND"):
            await erin.call("POST", f"/join/{quote('#_irc_missing:localhost')}", {})
        room_id = await erin.create_room(invite=[bridge.ghost("fresh")])
        await bridge.until(lambda: bridge.ghost("fresh") in bridge.users_asked)
        ghost = service.intent.user(bridge.ghost("fresh"))
        await ghost.join_room_by_id(room_id)
    await client.close()


async def test_typing_and_receipts(bongsu: Bongsu, bridge: Bridge) -> None:
    client = HttpClient(bongsu.url)
    frank = await register(client, "frank")
    async with bridge.running(bongsu.url) as service:
        await service.ping_self()
        room_id = await service.intent.create_room(invitees=[frank.user_id])
        await frank.join(room_id)
        event_id = await service.intent.send_text(room_id, "read this")
        path = f"/rooms/{room_id}/typing/{frank.user_id}"
        await frank.call("PUT", path, {"typing": True, "timeout": 30_000})
        await frank.call("POST", f"/rooms/{room_id}/receipt/m.read/{event_id}", {})
        await bridge.until(
            lambda: (
                {"m.typing", "m.receipt"}
                <= {each["type"] for each in bridge.ephemeral if each["room_id"] == room_id}
            )
        )
    await client.close()


async def test_a_stranger_is_no_service(bongsu: Bongsu, bridge: Bridge) -> None:
    client = HttpClient(bongsu.url)
    body = {"type": "m.login.application_service", "username": "_irc_x"}
    path = "/_matrix/client/v3/register"
    with pytest.raises(MatrixError, match=r"401.*M_MISSING_TOKEN"):
        await call(client, "POST", path, body)
    with pytest.raises(MatrixError, match=r"401.*M_UNKNOWN_TOKEN"):
        await call(client, "POST", path, body, token="nonsense")
    await client.close()


async def test_one_of_two_processes_dies_again_and_again() -> None:
    """Whichever of them delivers: the other goes on where it was."""
    with open_folder() as folder:
        bridge = Bridge("two")
        path = bridge.register(folder)
        pair = Bongsu(folder / "data", processes=2, settings={"BONGSU_APPSERVICES": str(path)})
        pair.start()
        try:
            await _kill_gateways_while_talking(pair, bridge)
        finally:
            pair.stop()


async def _kill_gateways_while_talking(pair: Bongsu, bridge: Bridge) -> None:
    grace = await register(HttpClient(pair.url), "grace")
    async with bridge.running(pair.url) as service:
        room_id = await service.intent.create_room(invitees=[grace.user_id])
        await grace.join(room_id)
        said: list[str] = []
        for round in range(4):
            for number in range(25):
                said.append(await _insist(pair, grace, room_id, f"{round} {number}"))
                if number == 10:
                    os.kill(pair.gateway_pids[-1], signal.SIGKILL)  # the only one may be starting
        await bridge.until(lambda: set(said) <= set(bridge.event_ids()))
    assert [each for each in bridge.event_ids() if each in set(said)] == said
    await grace.client.close()


async def _insist(pair: Bongsu, user: User, room_id: str, text: str) -> str:
    """Send, with the same transaction id until it is answered."""
    txn_id = secrets.token_hex(8)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await user.send(room_id, {"msgtype": "m.text", "body": text}, txn_id)
            except (MatrixError, ConnectionLost, TimeoutError):
                await user.client.close()
                user.client = HttpClient(pair.url)
                await asyncio.sleep(0.1)
