"""A conversation among people who use matrix-nio, a client that we did not write."""

import asyncio
import io
from typing import Any

import pytest
from harness.bongsu import Bongsu
from nio import (
    Event,
    InviteNameEvent,
    MemoryDownloadResponse,
    MessageDirection,
    ReactionEvent,
    ReceiptEvent,
    RedactedEvent,
    RedactionEvent,
    RoomGetEventResponse,
    RoomMessageImage,
    RoomMessagesResponse,
    RoomMessageText,
    RoomPreset,
    RoomRedactResponse,
    RoomTypingResponse,
    ThumbnailResponse,
    TypingNoticeEvent,
    UpdateReceiptMarkerResponse,
    UploadResponse,
)
from nio.api import RelationshipType
from people import PATIENCE_SECONDS, People, Person
from PIL import Image

HISTORY = 500


async def test_invited_person_joins_and_both_chat(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room_id = await alice.create_room(name="Beacons")
    await alice.nio.room_invite(room_id, bob.user_id)

    invite = await bob.sees(lambda response: response.rooms.invite.get(room_id))
    names = [event.name for event in invite.invite_state if isinstance(event, InviteNameEvent)]
    assert names == ["Beacons"]
    await bob.join(room_id)
    asked = await alice.say(room_id, "Do you see the fire?")
    question = await bob.sees_id(room_id, asked)
    assert isinstance(question, RoomMessageText)
    assert (question.body, question.sender) == ("Do you see the fire?", alice.user_id)

    answered = await bob.say(room_id, "I see it 🔥")
    answer = await alice.sees_id(room_id, answered)
    assert isinstance(answer, RoomMessageText)
    assert answer.body == "I see it 🔥"
    assert bob.nio.rooms[room_id].name == "Beacons"
    assert set(bob.nio.rooms[room_id].users) == {alice.user_id, bob.user_id}


async def test_edit_arrives_and_is_aggregated(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    original = await alice.say(room_id, "helo")
    edit = await alice.say(
        room_id,
        "* hello",
        **{
            "m.new_content": {"msgtype": "m.text", "body": "hello"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": original},
        },
    )
    seen = await bob.sees_id(room_id, edit)
    assert seen.source["content"]["m.new_content"]["body"] == "hello"
    event = await _get_event(bob, room_id, original)
    assert event.source["unsigned"]["m.relations"]["m.replace"]["event_id"] == edit


async def test_reaction_arrives_and_is_listed(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    message = await alice.say(room_id, "tea?")
    relation = {"rel_type": "m.annotation", "event_id": message, "key": "👍"}
    reaction = await bob.send(room_id, {"m.relates_to": relation}, "m.reaction")

    seen = await alice.sees_id(room_id, reaction)
    assert isinstance(seen, ReactionEvent)
    assert (seen.reacts_to, seen.key) == (message, "👍")
    listed = alice.nio.room_get_event_relations(room_id, message, RelationshipType.annotation)
    assert [event.event_id async for event in listed] == [reaction]


async def test_thread_is_summed_up_on_its_root(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    root = await alice.say(room_id, "root")
    replies = [
        await bob.say(
            room_id,
            f"reply {number}",
            **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}},
        )
        for number in range(3)
    ]
    seen = await alice.sees_id(room_id, replies[-1])
    assert seen.source["content"]["m.relates_to"]["rel_type"] == "m.thread"
    event = await _get_event(alice, room_id, root)
    summary = event.source["unsigned"]["m.relations"]["m.thread"]
    assert summary["count"] == 3
    assert summary["latest_event"]["event_id"] == replies[-1]
    assert summary["current_user_participated"] is True  # the root is hers


async def test_redaction_arrives_and_takes_the_content_away(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    message = await alice.say(room_id, "a secret")
    await bob.sees_id(room_id, message)
    response = await alice.nio.room_redact(room_id, message, reason="slip")
    assert isinstance(response, RoomRedactResponse)

    seen = await bob.sees_id(room_id, response.event_id)
    assert isinstance(seen, RedactionEvent)
    assert (seen.redacts, seen.reason) == (message, "slip")
    event = await _get_event(bob, room_id, message)
    assert isinstance(event, RedactedEvent)
    assert "body" not in event.source["content"]


async def test_picture_arrives_whole_and_as_thumbnail(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    picture = _png(640, 480)
    upload, _ = await alice.nio.upload(
        io.BytesIO(picture), "image/png", "fire.png", filesize=len(picture)
    )
    assert isinstance(upload, UploadResponse)
    info = {"mimetype": "image/png", "size": len(picture), "w": 640, "h": 480}
    content = {"msgtype": "m.image", "body": "fire.png", "url": upload.content_uri, "info": info}
    message = await alice.send(room_id, content)

    seen = await bob.sees_id(room_id, message)
    assert isinstance(seen, RoomMessageImage)
    download = await bob.nio.download(seen.url)
    assert isinstance(download, MemoryDownloadResponse)
    assert (download.body, download.content_type) == (picture, "image/png")
    server_name, media_id = seen.url.removeprefix("mxc://").split("/")
    thumbnail = await bob.nio.thumbnail(server_name, media_id, 64, 64)
    assert isinstance(thumbnail, ThumbnailResponse)
    with Image.open(io.BytesIO(thumbnail.body)) as small:
        assert small.width < 640


async def test_read_receipt_arrives(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    message = await alice.say(room_id, "read me")
    await bob.sees_id(room_id, message)
    response = await bob.nio.update_receipt_marker(room_id, message)
    assert isinstance(response, UpdateReceiptMarkerResponse)

    def receipts(event: Any) -> list[tuple[str, str]]:
        is_receipt = isinstance(event, ReceiptEvent)
        return [(r.event_id, r.user_id) for r in event.receipts] if is_receipt else []

    await alice.sees(
        lambda response: next(
            (
                True
                for event in _ephemeral(response, room_id)
                if (message, bob.user_id) in receipts(event)
            ),
            None,
        )
    )


async def test_unread_count_rises_and_falls_with_the_receipt(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    for number in range(3):
        message = await alice.say(room_id, f"news {number}")
    await bob.sees_id(room_id, message)
    await bob.sees_unread(room_id, 3)
    await bob.nio.update_receipt_marker(room_id, message)
    await bob.sees_unread(room_id, 0)


async def test_typing_comes_and_goes(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)

    def typing(users: list[str]) -> Any:
        return lambda response: next(
            (
                True
                for event in _ephemeral(response, room_id)
                if isinstance(event, TypingNoticeEvent) and event.users == users
            ),
            None,
        )

    assert isinstance(await bob.nio.room_typing(room_id, True), RoomTypingResponse)
    await alice.sees(typing([bob.user_id]))
    assert isinstance(await bob.nio.room_typing(room_id, False), RoomTypingResponse)
    await alice.sees(typing([]))


async def test_late_joiner_pages_back_without_gap_or_repeat(people: People) -> None:
    """Goal: history is complete and ordered; method: 500 numbered messages, read in pages."""
    alice, bob, room_id = await _pair_in_room(people, preset=RoomPreset.public_chat)
    for number in range(HISTORY):
        await (alice, bob)[number % 2].say(room_id, f"{number}")
    carol = await people.person("carol")
    await carol.join(room_id)
    joined = await carol.sees(lambda response: response.rooms.join.get(room_id))

    backwards = list(reversed(joined.timeline.events))
    backwards += await _pages(carol, room_id, joined.timeline.prev_batch, MessageDirection.back)
    assert _numbers(backwards) == list(reversed(range(HISTORY)))
    assert backwards[-1].source["type"] == "m.room.create"
    ids = [event.event_id for event in backwards]
    assert len(ids) == len(set(ids))

    forwards = await _pages(carol, room_id, None, MessageDirection.front)
    assert _numbers(forwards) == list(range(HISTORY))
    assert [event.event_id for event in forwards] == list(reversed(ids))


async def test_token_is_resumed_after_a_restart_of_the_client(people: People) -> None:
    alice, bob, room_id = await _pair_in_room(people)
    since = (await bob.sync(timeout=0)).next_batch
    sent = [await alice.say(room_id, f"while away {number}") for number in range(30)]
    for _ in range(2):  # a token may be used again
        await _resume(people, bob, since, room_id, sent)


async def test_token_is_resumed_on_every_process(pair: Bongsu) -> None:
    """Goal: any process answers any token; method: fresh connections until both have answered."""
    people = People(pair.url)
    try:
        alice, bob, room_id = await _pair_in_room(people)
        since = (await bob.sync(timeout=0)).next_batch
        sent = [await alice.say(room_id, f"while away {number}") for number in range(30)]
        assert len(pair.gateway_pids) >= 2
        # The kernel spreads connections evenly: 24 all on one process is one run in 8 million.
        await asyncio.gather(*[_resume(people, bob, since, room_id, sent) for _ in range(24)])
    finally:
        await people.close()


async def _resume(
    people: People, person: Person, since: str, room_id: str, sent: list[str]
) -> None:
    """A fresh client of the same device gets exactly `sent` from an old token on; from a process
    that has not heard of all of it yet, the rest comes next."""
    again = people.again(person)
    timeline = {"room": {"timeline": {"limit": 100}}}
    seen: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(seen) < len(sent):
            response = await again.sync(since=since, sync_filter=timeline)
            since = response.next_batch
            if (room := response.rooms.join.get(room_id)) is not None:
                seen += [event.event_id for event in room.timeline.events]
                assert room.timeline.limited is False
    assert seen == sent


async def _pair_in_room(
    people: People, preset: RoomPreset = RoomPreset.private_chat
) -> tuple[Person, Person, str]:
    """Alice, Bob, and a room with both of them in it."""
    alice, bob = await people.person("alice"), await people.person("bob")
    return alice, bob, await alice.create_room(bob, preset=preset)


async def _get_event(person: Person, room_id: str, event_id: str) -> Event:
    response = await person.nio.room_get_event(room_id, event_id)
    assert isinstance(response, RoomGetEventResponse), response
    return response.event


async def _pages(
    person: Person, room_id: str, start: str | None, direction: MessageDirection
) -> list[Event]:
    """All of /messages from `start` to the end, 30 an answer."""
    events: list[Event] = []
    for _ in range(HISTORY):
        response = await person.nio.room_messages(room_id, start, direction=direction, limit=30)
        assert isinstance(response, RoomMessagesResponse), response
        events += response.chunk
        if response.end is None or response.end == start:
            return events
        start = response.end
    pytest.fail("/messages never ends")


def _numbers(events: list[Event]) -> list[int]:
    return [int(event.body) for event in events if isinstance(event, RoomMessageText)]


def _ephemeral(response: Any, room_id: str) -> list[Any]:
    room = response.rooms.join.get(room_id)
    return room.ephemeral if room else []


def _png(width: int, height: int) -> bytes:
    """A picture with some colours in it."""
    output = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(output, "PNG")
    return output.getvalue()
