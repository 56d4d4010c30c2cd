"""Puts the log together for one node: pen, sequencer, follower, ownership, and the door to them."""

import time
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from bongsu.log.bus import Bus
from bongsu.log.follower import Follower
from bongsu.log.gateway import Log, Publisher
from bongsu.log.ownership import Ownership
from bongsu.log.pending import Planner
from bongsu.log.placement import Placement
from bongsu.log.planners import Planners
from bongsu.log.proposal import Proposal
from bongsu.log.sequencer import Sequencer
from bongsu.postgres.database import Database
from bongsu.postgres.entry_reader import PostgresAccountDataVersions, PostgresEntryReader
from bongsu.postgres.log_sql import TERMINATE_HOLDERS
from bongsu.postgres.pen import LOCK_SPACE, PostgresPen
from bongsu.postgres.room_loader import PostgresRoomLoader
from bongsu.rooms.planner import RoomPlanner
from bongsu.rooms.proposals import CreateRoom, MarkRead, RoomProposal, SendEvent
from bongsu.users.planner import UserPlanner
from bongsu.users.proposals import (
    ChangeDeviceList,
    ChangeOneTimeKeys,
    ForgetRoom,
    PutAccountData,
    PutProfileField,
    SendToDevice,
    UserProposal,
)

ROOM_PROPOSALS = (SendEvent, CreateRoom, MarkRead)
USER_PROPOSALS = (
    PutAccountData,
    PutProfileField,
    ChangeDeviceList,
    ForgetRoom,
    SendToDevice,
    ChangeOneTimeKeys,
)


class Heart:
    """The log of one node. `log` is what services use; the rest is for starting and watching."""

    def __init__(
        self,
        node: str,
        dsn: str,
        database: Database,
        bus: Bus,
        incarnation: str,
        *,
        alone: bool,
        placement: Placement | None = None,
        is_doubtful: Callable[[], bool] = lambda: False,
    ) -> None:
        """`dsn` names the server that this node may write to while it is the primary.

        `is_doubtful` tells when that server may have been replaced without our hearing of it.
        """
        self.follower = Follower(PostgresEntryReader(database), incarnation)
        self.publisher = Publisher(self.follower, None if alone else bus, placement)
        rooms = RoomPlanner(PostgresRoomLoader(database), _now_ms)
        users = UserPlanner(PostgresAccountDataVersions(database))
        planners: dict[type[Proposal], Planner] = {}
        planners.update(dict.fromkeys(ROOM_PROPOSALS, cast(Planner, rooms)))
        planners.update(dict.fromkeys(USER_PROPOSALS, cast(Planner, users)))
        self.sequencer = Sequencer(
            PostgresPen(dsn, node),
            Planners(planners),
            self.publisher,
            self._on_lost,
            lambda: self.ownership.level,
            is_doubtful,
        )

        async def end_silent_holders(partitions: Sequence[int]) -> None:
            await database.fetch(TERMINATE_HOLDERS, LOCK_SPACE, list(partitions), confirmed=True)

        self.ownership = Ownership(
            node,
            self.sequencer,
            self.follower,
            bus,
            end_silent_holders,
            alone=alone,
            placement=placement,
            is_doubtful=is_doubtful,
        )
        decoder = msgspec.msgpack.Decoder(RoomProposal | UserProposal)
        self.log = Log(
            self.sequencer,
            self.ownership,
            self.follower,
            bus,
            msgspec.msgpack.encode,
            decoder.decode,
        )

    async def start(self) -> None:
        await self.publisher.follow()
        await self.follower.start()
        await self.log.start()
        self.sequencer.start()
        await self.ownership.start()

    async def stop(self) -> None:
        """Answer what runs, hand the partitions back, then stop following."""
        await self.sequencer.drain()
        await self.ownership.stop()
        await self.sequencer.stop()
        await self.publisher.stop()
        await self.follower.stop()

    def _on_lost(self) -> None:
        self.ownership.lost()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
