"""Devices verify each other by emoji (SAS), the messages of it going from device to device.

matrix-nio with matrix-nio, and with matrix-js-sdk, whose Rust crypto is Element X's. What the two
can do together, and what stands between them:

- nio knows no `m.key.verification.request`, which the other begins with, and no `done`, with which
  it ends: the test says `ready` and `done` for it. Everything between is the libraries' own.
- nio 0.26 writes the commitment in hex instead of base64, calls the MAC by the name of one that is
  encoded otherwise, and takes the numbers of the emoji for their bits: no other library can agree
  with it. The three are set right here (`as_specified`).
- nio knows nothing of cross-signing: it trusts the device that it compared, and no other of its
  owner. That people verify each other by cross-signing is shown between two of matrix-js-sdk
  (`js/encryption.mjs`).
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from encrypting_people import Encrypted, keep_up, reads, say
from nio import RoomPreset, RoomSendResponse, ToDeviceMessage, ToDeviceResponse
from nio.crypto import OlmDevice, Sas, sas
from nio.event_builders import EnableEncryptionBuilder
from partner import Partner, partner_of
from people import PATIENCE_SECONDS, Person


@pytest.fixture
async def encrypted(homeserver: str, tmp_path: Path) -> AsyncIterator[Encrypted]:
    people = Encrypted(homeserver, tmp_path)
    yield people
    await people.close()


@pytest.fixture
async def verifier(homeserver: str) -> AsyncIterator[Partner]:
    async with partner_of(homeserver, "verifier.mjs") as partner:
        yield partner


@pytest.fixture
def as_specified(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nio does against the spec, done by it. Spec: "Short Authentication String"."""

    def digest(data: bytes) -> Any:
        encoded = b64encode(sha256(data).digest()).rstrip(b"=").decode()
        return SimpleNamespace(hexdigest=lambda: encoded)

    def emoji(process: Sas, info: str) -> list[tuple[str, str]]:
        assert process.established_sas is not None
        return [Sas.emoji[index] for index in process.established_sas.bytes(info).emoji_indices]

    monkeypatch.setattr(sas, "sha256", digest)
    monkeypatch.setattr(Sas, "_generate_emoji", emoji)
    monkeypatch.setattr(Sas, "_mac_normal", "hkdf-hmac-sha256.v2")
    monkeypatch.setattr(Sas, "_mac_v1", ["hkdf-hmac-sha256.v2"])


async def _room(creator: Person, guest_id: str) -> str:
    room_id = await creator.create_room(
        preset=RoomPreset.private_chat, initial_state=[EnableEncryptionBuilder().as_dict()]
    )
    await creator.nio.room_invite(room_id, guest_id)
    return room_id


def _device(person: Person, user_id: str, device_id: str) -> OlmDevice | None:
    return person.nio.device_store[user_id].get(device_id)


async def _knows(person: Person, user_id: str, device_id: str) -> OlmDevice:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (device := _device(person, user_id, device_id)) is None:
            await person.sync()
            await keep_up(person)
    return device


async def _until_shown(person: Person) -> Sas:
    """Sync until both keys are there: then the emoji can be shown."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for process in person.nio.key_verifications.values():
                assert not process.canceled, process.cancel_reason
                if process.established_sas is not None:
                    return process
            await person.sync()
            await keep_up(person)


async def _until_verified(person: Person, process: Sas) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not process.verified:
            assert not process.canceled, process.cancel_reason
            await person.sync()
            await keep_up(person)


async def test_nio_and_nio(encrypted: Encrypted) -> None:
    alice, bob = await encrypted.person("alice"), await encrypted.person("bob")
    room_id = await _room(alice, bob.user_id)
    await bob.join(room_id)
    device = await _knows(alice, bob.user_id, bob.nio.device_id)
    await _knows(bob, alice.user_id, alice.nio.device_id)
    assert isinstance(await alice.nio.start_key_verification(device), ToDeviceResponse)
    await bob.sees(lambda _: bob.nio.key_verifications or None)
    await bob.nio.accept_key_verification(next(iter(bob.nio.key_verifications)))
    ours, theirs = await asyncio.gather(_until_shown(alice), _until_shown(bob))
    assert ours.get_emoji() == theirs.get_emoji()
    for person, process in ((alice, ours), (bob, theirs)):
        await person.nio.confirm_short_auth_string(process.transaction_id)
    await asyncio.gather(_until_verified(alice, ours), _until_verified(bob, theirs))
    assert device.verified


@pytest.mark.usefixtures("as_specified")
async def test_nio_and_js_sdk(encrypted: Encrypted, verifier: Partner) -> None:
    alice = await encrypted.person("alice")
    room_id = await _room(alice, verifier.user_id)
    device = await _knows(alice, verifier.user_id, verifier.device_id)
    await say(alice, room_id, "who is there?")
    assert not (await reads(alice, room_id, "read: who is there?")).verified
    verifier.tell(f"{alice.user_id} {alice.nio.device_id}")
    await _answer_the_request(alice, device)
    await alice.sees(lambda _: alice.nio.key_verifications or None)
    await alice.nio.accept_key_verification(next(iter(alice.nio.key_verifications)))
    process = await _until_shown(alice)
    emoji = " ".join(symbol for symbol, _ in process.get_emoji())
    assert await verifier.hears("emoji") == emoji
    await alice.nio.confirm_short_auth_string(process.transaction_id)
    await _until_verified(alice, process)
    await _tell(alice, device, "m.key.verification.done", process.transaction_id)
    assert await verifier.hears("verified") == ""
    assert device.verified
    # nio encrypts for verified devices alone if it is not told otherwise: now it does.
    content = {"msgtype": "m.text", "body": "it is you"}
    sent = await alice.nio.room_send(room_id, "m.room.message", content)
    assert isinstance(sent, RoomSendResponse), sent
    assert (await reads(alice, room_id, "read: it is you")).verified


async def _answer_the_request(person: Person, device: OlmDevice) -> None:
    """Say `ready`, for nio does not."""

    def request(response: Any) -> str | None:
        for event in response.to_device_events:
            if event.source["type"] == "m.key.verification.request":
                return str(event.source["content"]["transaction_id"])
        return None

    await _tell(
        person, device, "m.key.verification.ready", await person.sees(request),
        from_device=person.nio.device_id, methods=["m.sas.v1"],
    )  # fmt: skip


async def _tell(
    person: Person, device: OlmDevice, type: str, transaction_id: str, **content: Any
) -> None:
    message = ToDeviceMessage(
        type, device.user_id, device.id, {"transaction_id": transaction_id, **content}
    )
    assert isinstance(await person.nio.to_device(message), ToDeviceResponse)
