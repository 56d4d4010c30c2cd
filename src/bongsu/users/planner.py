"""What the sequencer of a user's partition does: append, and keep the latest value beside."""

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Raw

from bongsu.errors import Refused
from bongsu.log.batch import (
    AccountDataRow,
    Batch,
    DeviceListRow,
    ForgottenRow,
    ProfileRow,
    SignedUserRow,
    ToDeviceRow,
)
from bongsu.log.entry import (
    AccountData,
    DeviceIds,
    Entry,
    Forget,
    Kind,
    ProfileField,
    SignedUsers,
    ToDevice,
    encode_body,
)
from bongsu.log.position import PARTITIONS, partition_of
from bongsu.log.proposal import Accepted
from bongsu.users.proposals import (
    ChangeDeviceList,
    ChangeOneTimeKeys,
    ForgetRoom,
    Message,
    PutAccountData,
    PutProfileField,
    SendToDevice,
    UserProposal,
)

# Versions known; they may grow to twice this before they are cut: a cut makes loads start again.
VERSIONS_MAX = 10_000

VersionKey = tuple[str, str | None, str]  # user, room, type


class AccountDataVersions(Protocol):
    async def version(self, user_id: str, room_id: str | None, type: str) -> int:
        """Position of the last change of account data, 0 for none, at the primary."""
        ...


class UserPlanner:
    """Implements `log.pending.Planner`. It needs memory only to compare versions."""

    def __init__(self, versions: AccountDataVersions) -> None:
        self._loader = versions
        self._versions: dict[VersionKey, int] = {}
        # Of each partition's memory: what was loaded under an older one is not kept.
        self._generations = [0] * PARTITIONS

    def is_ready(self, proposal: UserProposal) -> bool:
        if isinstance(proposal, PutAccountData) and proposal.expected is not None:
            return _version_key(proposal) in self._versions
        return True

    async def load(self, proposal: UserProposal) -> None:
        assert isinstance(proposal, PutAccountData)
        key = _version_key(proposal)
        partition = partition_of(proposal.key)
        generation = self._generations[partition]
        version = await self._loader.version(*key)
        if generation == self._generations[partition]:
            self._versions.setdefault(key, version)

    def settle(self) -> None:
        if len(self._versions) > 2 * VERSIONS_MAX:
            for key in list(self._versions)[:-VERSIONS_MAX]:
                self._generations[partition_of(key[0])] += 1
                del self._versions[key]

    def forget(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._generations[partition] += 1
        self._versions = {
            key: version
            for key, version in self._versions.items()
            if partition_of(key[0]) not in partitions
        }

    def undo(self, key: str) -> None:
        self._generations[partition_of(key)] += 1
        for version in [version for version in self._versions if version[0] == key]:
            del self._versions[version]

    def plan(self, proposal: UserProposal, batch: Batch) -> Accepted:
        match proposal:
            case PutAccountData():
                entry = self._put_account_data(proposal, batch)
            case PutProfileField():
                value = None if proposal.value is None else Raw(proposal.value)
                body = encode_body(ProfileField(proposal.field, value))
                entry = _append(batch, Kind.PROFILE, proposal, body)
                field = ProfileRow(proposal.key, proposal.field, entry.position, proposal.value)
                batch.add(field[:2], field)
            case ChangeDeviceList():
                entry = _change_device_list(proposal, batch)
            case SendToDevice():
                entry = _send_to_device(proposal, batch)
            case ChangeOneTimeKeys():
                entry = _change_one_time_keys(proposal, batch)
            case ForgetRoom():
                body = encode_body(Forget(proposal.room_id, proposal.leave_position))
                entry = _append(batch, Kind.FORGET, proposal, body)
                row = ForgottenRow(proposal.key, proposal.room_id, proposal.leave_position)
                batch.add(row[:2], row)
        return Accepted(entry.partition, entry.position, proposal.key)

    def _put_account_data(self, proposal: PutAccountData, batch: Batch) -> Entry:
        key = _version_key(proposal)
        if proposal.expected is not None and self._versions[key] != proposal.expected:
            raise Refused("Changed meanwhile by another request", code="M_UNKNOWN", status=409)
        body = encode_body(AccountData(proposal.room_id, proposal.type, Raw(proposal.content)))
        entry = _append(batch, Kind.ACCOUNT_DATA, proposal, body)
        self._versions[key] = entry.position  # always: an older one may be being loaded
        row = AccountDataRow(
            proposal.key,
            proposal.room_id or "",
            proposal.type,
            entry.position,
            proposal.content,
        )
        batch.add(row[:3], row)
        return entry


def _change_device_list(proposal: ChangeDeviceList, batch: Batch) -> Entry:
    body = encode_body(SignedUsers(proposal.signed)) if proposal.signed else b""
    entry = _append(batch, Kind.DEVICE_LIST, proposal, body)
    for signed in proposal.signed:
        batch.add((proposal.key, signed), SignedUserRow(proposal.key, signed, entry.position))
    if not proposal.signed:
        row = DeviceListRow(proposal.key, entry.partition, entry.position)
        batch.add(proposal.key, row)
    return entry


def _send_to_device(proposal: SendToDevice, batch: Batch) -> Entry:
    """One entry a user; the last one carries the request id, for it is there or none is."""
    assert proposal.messages
    by_user: dict[str, list[Message]] = {}
    for message in proposal.messages:
        by_user.setdefault(message.user_id, []).append(message)
    *others, last = by_user
    for user_id in others:
        _append_to_device(proposal, user_id, by_user[user_id], batch, None)
    return _append_to_device(proposal, last, by_user[last], batch, proposal.request_id)


def _append_to_device(
    proposal: SendToDevice,
    user_id: str,
    messages: Sequence[Message],
    batch: Batch,
    request_id: bytes | None,
) -> Entry:
    device_ids = tuple(message.device_id for message in messages)
    body = encode_body(ToDevice(proposal.sender, proposal.device_id, device_ids))
    entry = batch.append(Kind.TO_DEVICE, user_id, body, request_id=request_id)
    for seq, message in enumerate(messages):
        row = ToDeviceRow(user_id, message.device_id, entry.position, seq, message.body)
        batch.add((user_id, entry.position, seq), row)
        batch.body_bytes += len(message.body)
    return entry


def _change_one_time_keys(proposal: ChangeOneTimeKeys, batch: Batch) -> Entry:
    by_user: dict[str, list[str]] = {}
    for user_id, device_id in proposal.devices:
        by_user.setdefault(user_id, []).append(device_id)
    *others, last = by_user
    for user_id in others:
        batch.append(Kind.ONE_TIME_KEYS, user_id, _device_ids(by_user[user_id]))
    body = _device_ids(by_user[last])
    return batch.append(Kind.ONE_TIME_KEYS, last, body, request_id=proposal.request_id)


def _device_ids(device_ids: Sequence[str]) -> bytes:
    return encode_body(DeviceIds(tuple(device_ids)))


def _version_key(proposal: PutAccountData) -> VersionKey:
    return proposal.key, proposal.room_id, proposal.type


def _append(batch: Batch, kind: Kind, proposal: UserProposal, body: bytes) -> Entry:
    return batch.append(kind, proposal.key, body, request_id=proposal.request_id)
