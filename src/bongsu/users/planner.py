"""What the sequencer of a user's partition does: append, and keep the latest value beside."""

from typing import Protocol

from bongsu.errors import Refused
from bongsu.log.batch import AccountDataRow, Batch, DeviceListRow, ForgottenRow, ProfileRow
from bongsu.log.entry import AccountData, Entry, Forget, Kind, ProfileField, encode_body
from bongsu.log.proposal import Accepted
from bongsu.users.proposals import (
    ChangeDeviceList,
    ForgetRoom,
    PutAccountData,
    PutProfileField,
    UserProposal,
)

VERSIONS_MAX = 10_000


class AccountDataVersions(Protocol):
    async def version(self, user_id: str, room_id: str | None, type: str) -> int:
        """Position of the last change of account data, 0 for none, at the primary."""
        ...


VersionKey = tuple[str, str | None, str]  # user, room, type


class UserPlanner:
    """Implements `log.sequencer.Planner`. It needs memory only to compare versions."""

    def __init__(self, versions: AccountDataVersions) -> None:
        self._loader = versions
        self._versions: dict[VersionKey, int] = {}
        self._generation = 0

    def hold(self, proposal: UserProposal) -> bool:
        if not isinstance(proposal, PutAccountData) or proposal.expected is None:
            return True
        key = _version_key(proposal)
        version = self._versions.pop(key, None)
        if version is None:
            return False
        self._versions[key] = version  # now the last to be dropped
        return True

    async def load(self, proposal: UserProposal) -> None:
        assert isinstance(proposal, PutAccountData)
        generation = self._generation
        key = _version_key(proposal)
        version = await self._loader.version(*key)
        if generation == self._generation:
            self._versions.setdefault(key, version)

    def done(self, proposal: UserProposal) -> None:
        while len(self._versions) > VERSIONS_MAX:
            self._versions.pop(next(iter(self._versions)))

    def forget(self) -> None:
        self._generation += 1
        self._versions = {}

    def plan(self, proposal: UserProposal, batch: Batch) -> Accepted:
        match proposal:
            case PutAccountData():
                entry = self._put_account_data(proposal, batch)
            case PutProfileField():
                body = encode_body(ProfileField(proposal.field, proposal.value))
                entry = _append(batch, Kind.PROFILE, proposal, body)
                value = bytes(proposal.value) if proposal.value is not None else None
                field = ProfileRow(proposal.key, proposal.field, entry.position, value)
                batch.add(field[:2], field)
            case ChangeDeviceList():
                entry = _append(batch, Kind.DEVICE_LIST, proposal, b"")
                batch.add(proposal.key, DeviceListRow(proposal.key, entry.position))
            case ForgetRoom():
                body = encode_body(Forget(proposal.room_id, proposal.leave_position))
                entry = _append(batch, Kind.FORGET, proposal, body)
                row = ForgottenRow(proposal.key, proposal.room_id, proposal.leave_position)
                batch.add(row[:2], row)
        return Accepted(entry.partition, entry.position, proposal.key)

    def _put_account_data(self, proposal: PutAccountData, batch: Batch) -> Entry:
        version_key = _version_key(proposal)
        if proposal.expected is not None and self._versions[version_key] != proposal.expected:
            raise Refused("Changed meanwhile by another request", code="M_UNKNOWN", status=409)
        body = encode_body(AccountData(proposal.room_id, proposal.type, proposal.content))
        entry = _append(batch, Kind.ACCOUNT_DATA, proposal, body)
        if version_key in self._versions:
            self._versions[version_key] = entry.position
        row = AccountDataRow(
            proposal.key,
            proposal.room_id or "",
            proposal.type,
            entry.position,
            bytes(proposal.content),
        )
        batch.add(row[:3], row)
        return entry


def _version_key(proposal: PutAccountData) -> VersionKey:
    return proposal.key, proposal.room_id, proposal.type


def _append(batch: Batch, kind: Kind, proposal: UserProposal, body: bytes) -> Entry:
    return batch.append(kind, proposal.key, body, request_id=proposal.request_id)
