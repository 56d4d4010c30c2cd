"""Messages to devices, each put into its inbox exactly once.

A request is cut by the partitions of its receivers; each piece is one proposal with an id of its
own, made of the client's transaction id, and the 200 comes after all of them. A retry repeats the
pieces and each owner knows those it has. Spec: Client-Server API, "Send-to-Device messaging".
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from bongsu import ids
from bongsu.errors import InvalidParam, TooLarge
from bongsu.log.gateway import Log
from bongsu.log.position import partition_of
from bongsu.log.proposal import fresh_request_id, scoped_request_id
from bongsu.rooms.canonical_json import encode
from bongsu.tasks import TaskOwner
from bongsu.users.proposals import ChangeOneTimeKeys, Message, SendToDevice
from bongsu.users.requester import Requester
from bongsu.users.text import DEVICE_ID_BYTES_MAX, bounded

TYPE_BYTES_MAX = 255
TXN_ID_BYTES_MAX = 255
MESSAGE_BYTES_MAX = 64 * 1024  # as an event's
MESSAGES_MAX = 20_000
PIECE_BYTES_MAX = 400_000  # a proposal has to fit into one message of the bus
PIECE_MESSAGES_MAX = 1_000
ANNOUNCEMENTS_MAX = 1_000

Contents = Mapping[str, Mapping[str, dict[str, Any]]]


class DeviceReader(Protocol):
    async def known_devices(self, devices: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those that exist now, confirmed; a user with `*` if they have any device."""
        ...


class ToDevice:
    def __init__(self, log: Log, devices: DeviceReader, *, server_name: str) -> None:
        self._log = log
        self._devices = devices
        self._server_name = server_name

    async def send(self, requester: Requester, type: str, txn_id: str, contents: Contents) -> None:
        """Put a message of `type` into the inbox of each device named; returns when all lie there.

        Devices that do not exist, and other servers' users, are passed over.
        """
        bounded("type", type, TYPE_BYTES_MAX)
        bounded("transaction id", txn_id, TXN_ID_BYTES_MAX)
        pieces = await self._pieces(requester, type, contents)
        await asyncio.gather(*(self._propose(requester, type, txn_id, *piece) for piece in pieces))

    async def _propose(
        self,
        requester: Requester,
        type: str,
        txn_id: str,
        name: str,
        messages: Sequence[Message],
    ) -> None:
        await self._log.propose(
            SendToDevice(
                key=messages[0].user_id,
                request_id=scoped_request_id(
                    requester.user_id, requester.device_id, "sendToDevice", type, txn_id, name
                ),
                sender=requester.user_id,
                device_id=requester.device_id,
                messages=list(messages),
            )
        )

    async def _pieces(
        self, requester: Requester, type: str, contents: Contents
    ) -> list[tuple[str, list[Message]]]:
        """The request cut into named proposals. The cut does not depend on which devices exist, so
        that a retry's pieces are the same."""
        head = b'{"type":%b,"sender":%b,"content":' % (encode(type), encode(requester.user_id))
        messages = [
            Message(user_id, device_id, head + content + b"}")
            for user_id, device_id, content in _each(contents)
            if ids.domain_of(user_id) == self._server_name
        ]
        if len(messages) > MESSAGES_MAX:
            raise TooLarge(f"More than {MESSAGES_MAX} messages at once")
        if not messages:
            return []
        known = await self._devices.known_devices([(m.user_id, m.device_id) for m in messages])
        pieces: list[tuple[str, list[Message]]] = []
        for name, piece in _cut(messages):
            there = [m for m in piece if (m.user_id, m.device_id) in known]
            if there:
                pieces.append((name, there))
        return pieces


class LoggedKeyChanges:
    """Implements `keys.device_keys.KeyChanges`: what sync's counts of keys are made afresh by."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tasks = TaskOwner("one-time keys", limit=ANNOUNCEMENTS_MAX)

    async def one_time_keys_uploaded(self, user_id: str, device_id: str) -> None:
        """Returns once this node has applied it: what it shows from now on counts the upload."""
        await self._propose([(user_id, device_id)])

    def one_time_keys_claimed(self, devices: Sequence[tuple[str, str]]) -> None:
        """In the background: the claim is committed, and whoever has the keys must not wait."""
        by_partition: dict[int, list[tuple[str, str]]] = {}
        for device in devices:
            by_partition.setdefault(partition_of(device[0]), []).append(device)
        for group in by_partition.values():
            self._tasks.start(self._propose(group))

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _propose(self, devices: list[tuple[str, str]]) -> None:
        await self._log.propose(
            ChangeOneTimeKeys(key=devices[0][0], request_id=fresh_request_id(), devices=devices)
        )


def _each(contents: Contents) -> Iterator[tuple[str, str, bytes]]:
    for user_id, by_device in contents.items():
        if not ids.is_user_id(user_id):
            raise InvalidParam("Not a valid user ID")
        for device_id, content in by_device.items():
            bounded("device_id", device_id, DEVICE_ID_BYTES_MAX)
            encoded = encode(content)  # afresh, so that nobody's parser chokes on another's text
            if len(encoded) > MESSAGE_BYTES_MAX:
                raise TooLarge("A message is too large")
            yield user_id, device_id, encoded


def _cut(messages: Sequence[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Messages by partition, in pieces that a proposal can carry, each under its own name."""
    by_partition: dict[int, list[Message]] = {}
    for message in sorted(messages, key=lambda m: (m.user_id, m.device_id)):
        by_partition.setdefault(partition_of(message.user_id), []).append(message)
    for partition, rest in by_partition.items():
        piece: list[Message] = []
        size = number = 0
        for message in rest:
            full = size + len(message.body) > PIECE_BYTES_MAX or len(piece) == PIECE_MESSAGES_MAX
            if piece and full:
                yield f"{partition}.{number}", piece
                piece, size, number = [], 0, number + 1
            piece.append(message)
            size += len(message.body)
        yield f"{partition}.{number}", piece
