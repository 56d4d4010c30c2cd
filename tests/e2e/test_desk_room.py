"""The notice room: a desk beside a real server writes there as a real user, each update once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.desk_house import DeskHouse
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import User, register

PATIENCE_SECONDS = 60.0


@pytest.fixture
async def herald(solo: Bongsu) -> AsyncIterator[User]:
    """Whose token the desk has."""
    client = HttpClient(solo.url)
    yield await register(client, "herald")
    await client.close()


@pytest.fixture
async def desk_settings(solo: Bongsu, herald: User, tmp_path: Path) -> dict[str, Any]:
    token = tmp_path / "token"
    await asyncio.to_thread(token.write_text, herald.token + "\n")
    return {
        "public_base_url": solo.url,
        "desk_room": await herald.create_room(name="Notices"),
        "desk_room_token_file": token,
    }


async def test_every_update_is_written_once(
    desk_house: DeskHouse, desk_settings: dict[str, Any], herald: User
) -> None:
    publishing = desk_house.desk.notices.publishing
    subscribers = "SELECT 1 FROM notice_subscriber"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await desk_house.database.fetch(subscribers):
            await asyncio.sleep(0.05)
    await publishing.put_service("@t:x", "messages", {"en": "Messages"})
    incident = await publishing.publish(
        "@t:x", kind="incident", impact="major_outage", titles={"en": "Fire"},
        services=["messages"], started_ts=None, ends_ts=None, post_key="k" * 16,
        phase="investigating", texts={"en": "We are looking."},
    )  # fmt: skip
    await publishing.add_update(
        "@t:x", incident, post_key="m" * 16, phase="resolved", texts={"en": "All is well."}
    )
    # A desk that died before it could say so: the claim lapses, and another tells it again.
    done = "SELECT count(*) AS n FROM notice_delivery WHERE outcome = 'delivered'"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await desk_house.database.fetch(done))[0]["n"] < 2:
            await asyncio.sleep(0.05)
    again = "UPDATE notice_delivery SET done_ts = NULL, outcome = NULL, claimed_until = 0"
    await desk_house.database.execute(again)
    desk_house.desk.notices.delivering.look()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await desk_house.database.fetch(done))[0]["n"] < 2:
            await asyncio.sleep(0.05)
    rooms = (await herald.sync())["rooms"]["join"]
    events = rooms[desk_settings["desk_room"]]["timeline"]["events"]
    notices = [e["content"]["body"] for e in events if e["type"] == "m.room.message"]
    assert len(notices) == 2
    assert "We are looking." in notices[0] or "We are looking." in notices[1]
    assert f"/incidents/{incident}" in notices[0]
