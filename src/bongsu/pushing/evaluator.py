"""What the entries of a room mean for pushers: who is notified, and whose unread count moved.

Only members with pushers are looked at; their rules come from a cache. Whether somebody was in the
room at the event is for the delivery to check, which knows their history.
"""

from collections.abc import Collection, Sequence
from math import inf
from time import time
from typing import Any, NamedTuple

from bongsu.log.entry import Entry, EventFacts, Kind, LoggedEvent, decode_facts, decode_receipt
from bongsu.push.evaluate import evaluate
from bongsu.push.facts import EventFacts as PushEvent
from bongsu.push.facts import RoomFacts
from bongsu.push.rules import Action
from bongsu.pushing.audience import Audience, Members, Reader
from bongsu.pushing.notice import Due
from bongsu.pushing.sources import PushStore
from bongsu.sync.hub import READ_MARKERS
from bongsu.sync.room_feed import MEMBER

AGE_SECONDS_MAX = 6 * 3600.0  # older than this, an event is no news: after a long stop, or a retry


class Outcome(NamedTuple):
    """Of one entry. `reading`: people whose count may have become less, by reading or sending."""

    position: int
    event: LoggedEvent | None
    dues: Sequence[Due]
    reading: Collection[str]


class Evaluator:
    def __init__(self, store: PushStore, audience: Audience) -> None:
        self._store = store
        self._audience = audience

    async def look_at(self, entries: Sequence[Entry]) -> list[Outcome]:
        """What is to be done, in order; entries that concern nobody are left out."""
        looked_at = [e for e in entries if e.kind in (Kind.EVENT, Kind.RECEIPT)]
        await self._audience.load_rooms(entry.key for entry in looked_at)
        outcomes: list[Outcome] = []
        for entry in looked_at:
            members = self._audience.get(entry.key)
            outcome = (
                _on_receipt(entry, members)
                if entry.kind == Kind.RECEIPT
                else await self._on_event(entry, members)
            )
            if outcome is not None:
                outcomes.append(outcome)
        return outcomes

    async def _on_event(self, entry: Entry, members: Members) -> Outcome | None:
        facts = decode_facts(entry.facts)
        concerned = set(members.with_pushers)
        if facts.type == MEMBER:
            self._audience.member_changed(entry.key, facts)
            if facts.membership == "invite":
                concerned.add(facts.state_key or "")
        if not concerned:
            return None
        reading = concerned & {facts.sender}
        event = LoggedEvent(entry.key, entry.position, entry.event_id, entry.body, facts)
        noticed = await self._noticed(event, concerned - reading, members.count)
        if is_old(event.pdu["origin_server_ts"]) or facts.redacted_by is not None:
            noticed = {}
        dues = await self._dues(entry, event, noticed) if noticed else ()
        return Outcome(entry.position, event, dues, reading) if dues or reading else None

    async def _noticed(
        self, event: LoggedEvent, user_ids: Collection[str], member_count: int
    ) -> dict[str, Sequence[Action]]:
        """The actions for each whom their rules notify."""
        facts = event.facts
        room = RoomFacts(event.room_id, member_count, inf if facts.mentions_room else 0)
        pushed = PushEvent(event.pdu, room)
        noticed: dict[str, Sequence[Action]] = {}
        for user_id, reader in (await self._audience.readers(user_ids)).items():
            if not _is_unwanted(reader, facts):
                verdict = evaluate(reader.rules, pushed)
                if verdict.notify:
                    noticed[user_id] = verdict.actions
        return noticed

    async def _dues(
        self, entry: Entry, event: LoggedEvent, noticed: dict[str, Sequence[Action]]
    ) -> list[Due]:
        targets = await self._store.load_targets(list(noticed))
        self._audience.has_none(entry.key, set(noticed) - {t.name.user_id for t in targets})
        ts: Any = event.pdu["origin_server_ts"]
        return [
            Due(t.name, entry.partition, entry.position, ts, noticed[t.name.user_id])
            for t in targets
        ]


def is_old(ts: int) -> bool:
    return time() - ts / 1000 > AGE_SECONDS_MAX


def _on_receipt(entry: Entry, members: Members) -> Outcome | None:
    if not members.with_pushers:
        return None
    receipt = decode_receipt(entry.body)
    if receipt.receipt_type not in READ_MARKERS or receipt.user_id not in members.with_pushers:
        return None
    return Outcome(entry.position, None, (), (receipt.user_id,))


def _is_unwanted(reader: Reader, facts: EventFacts) -> bool:
    is_invite = facts.membership == "invite"
    return facts.sender in reader.ignored or (is_invite and reader.blocks_invites)
