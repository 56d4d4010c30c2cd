"""Unread counts, derived from what each event carries: nothing is written per member.

Every event knows the running total of notifying events in its room, and whether it notifies by the
default rules. So a count is a difference of totals; it is corrected for one's own and ignored
people's events, and by rules of one's own, over the latest events only (`SCAN_MAX`). Sending is
reading: an own event marks what stands before it in its thread as read. Spec: client-server API,
"Receiving notifications".
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from bongsu.log.entry import EventFacts, LoggedEvent, Receipt
from bongsu.push.count_mode import CountMode, count_mode
from bongsu.push.evaluate import CompiledRules, compile_ruleset, evaluate
from bongsu.push.facts import EventFacts as PushEvent
from bongsu.push.facts import RoomFacts
from bongsu.push.ruleset import decode_changes, effective_ruleset
from bongsu.sync.history import Change

SCAN_MAX = 100
MAIN = "main"
GROUP = 3  # members of a room for rules that count them, where only the default rules care
SILENT, HIGHLIGHTS = (0, 0), (1, 1)

Count = tuple[int, int]  # (notifications, highlights)


class Rules:
    """One person's push rules, compiled when first asked. `document` None: the defaults."""

    __slots__ = ("_compiled", "_document", "user_id")

    def __init__(self, user_id: str, document: bytes | None) -> None:
        self.user_id = user_id
        self._document = document
        self._compiled: CompiledRules | None = None

    def mode(self, room_id: str) -> CountMode:
        if self._document is None:
            return CountMode.ALL
        return count_mode(self._compile(), room_id, GROUP)

    def count(self, event: LoggedEvent) -> Count:
        """What one event of somebody else adds."""
        facts = event.facts
        highlights = facts.mentions_room or self.user_id in facts.mentions
        match self.mode(event.room_id):
            case CountMode.ALL:
                return HIGHLIGHTS if highlights else (int(facts.notifies), 0)
            case CountMode.MENTIONS:
                return HIGHLIGHTS if highlights else SILENT
            case CountMode.NONE:
                return SILENT
            case CountMode.SCAN:
                verdict = evaluate(self._compile(), _push_event(event))
                return (int(verdict.notify), int(verdict.highlight))

    def _compile(self) -> CompiledRules:
        if self._compiled is None:
            ruleset = effective_ruleset(decode_changes(self._document), self.user_id)
            self._compiled = compile_ruleset(ruleset, self.user_id)
        return self._compiled


class Unread:
    """Counts of one room for one person, as of position `through`."""

    __slots__ = ("highlights", "notifications", "threads", "through")

    def __init__(self, through: int, main: Count = SILENT) -> None:
        self.through = through
        self.notifications, self.highlights = main
        self.threads: dict[str, Count] = {}

    def add(self, thread: str | None, count: Count) -> None:
        if not count[0]:
            return
        if thread is None:
            self.notifications += count[0]
            self.highlights += count[1]
        else:
            old = self.threads.get(thread, SILENT)
            self.threads[thread] = (old[0] + count[0], old[1] + count[1])

    def clear(self, thread: str | None) -> None:
        """Everything so far in the main timeline (None) or a thread was read."""
        if thread is None:
            self.notifications = self.highlights = 0
        else:
            self.threads.pop(thread, None)

    def advance(
        self, events: Iterable[LoggedEvent], through: int, rules: Rules, ignored: frozenset[str]
    ) -> None:
        """Count the events that follow, up to position `through`."""
        for event in events:
            sender = event.facts.sender
            if sender == rules.user_id:
                self.clear(event.facts.thread)
            elif sender not in ignored:
                self.add(event.facts.thread, rules.count(event))
        self.through = max(self.through, through)

    def read(self, receipt: Receipt, last_position: int) -> bool:
        """An own receipt: False if it lies before the last event, so counts must be found anew."""
        if receipt.event_position < last_position:
            return False
        if receipt.thread_id is None:
            self.threads.clear()
        if receipt.thread_id in (None, MAIN):
            self.clear(None)
        else:
            self.clear(receipt.thread_id)
        return True

    @property
    def has_highlights(self) -> bool:
        return bool(self.highlights or any(h for _, h in self.threads.values()))

    def totals(self, by_thread: bool) -> Count:
        """The room's counts: of its main timeline only, or of everything in it."""
        if by_thread or not self.threads:
            return self.notifications, self.highlights
        counts = self.threads.values()
        return (
            self.notifications + sum(n for n, _ in counts),
            self.highlights + sum(h for _, h in counts),
        )


class ReadMarks(NamedTuple):
    """How far somebody has read: positions, and the totals at the unthreaded one and main's."""

    position: int
    notify_total: int
    main_total: int
    main_position: int
    main_main_total: int
    threads: dict[str, int]


def read_marks(joined: Change, receipts: Iterable[Receipt]) -> ReadMarks:
    """From one's join (what was before it is not unread) and one's own receipts in a room."""
    position, notify_total, main_total = joined.position, joined.notify_total, joined.main_total
    main_position, main_main_total = position, main_total
    threads: dict[str, int] = {}
    for receipt in receipts:
        at = receipt.event_position
        if receipt.thread_id is None:
            if at > position:
                position, notify_total, main_total = at, receipt.notify_total, receipt.main_total
        elif receipt.thread_id == MAIN:
            if at > main_position:
                main_position, main_main_total = at, receipt.main_total
        else:
            threads[receipt.thread_id] = max(at, threads.get(receipt.thread_id, 0))
    if main_position < position:
        main_position, main_main_total = position, main_total
    return ReadMarks(position, notify_total, main_total, main_position, main_main_total, threads)


def count_unread(
    marks: ReadMarks,
    events: Sequence[LoggedEvent],
    through: int,
    rules: Rules,
    ignored: frozenset[str],
    older_mentions: int = 0,
) -> Unread:
    """Counts from the events after `marks.position`, newest last, at most `SCAN_MAX` of them.

    Where more of them may be unread, totals tell how many notify, and `older_mentions` how many
    of those highlight.
    """
    unread = Unread(through)
    read_by_sending: dict[str | None, int] = {}
    for event in reversed(events):
        thread = event.facts.thread
        if event.facts.sender == rules.user_id:
            read_by_sending.setdefault(thread, event.position)
            continue
        is_read = thread in read_by_sending or _is_read(event, marks)
        if not is_read and event.facts.sender not in ignored:
            unread.add(thread, rules.count(event))
    if len(events) == SCAN_MAX:
        is_main_unread = None not in read_by_sending and marks.main_position < events[0].position
        _add_older(unread, marks, events[0], rules, older_mentions if is_main_unread else None)
    return unread


def _add_older(
    unread: Unread, marks: ReadMarks, oldest: LoggedEvent, rules: Rules, mentions: int | None
) -> None:
    """Add what is unread before `oldest`, by totals; `mentions` None: main was read by sending."""
    facts, mode = oldest.facts, rules.mode(oldest.room_id)
    in_room = facts.notify_total - int(facts.notifies)
    in_main = facts.main_total - int(facts.notifies and facts.thread is None)
    if mode is CountMode.MENTIONS and mentions:
        unread.add(None, (mentions, mentions))
    if mode is not CountMode.ALL:
        return
    if mentions is not None:
        more = max(0, in_main - marks.main_main_total)
        unread.add(None, (more, min(more, mentions)))
    in_threads = (in_room - in_main) - (marks.notify_total - marks.main_total)
    if in_threads > 0:  # of which threads is not worth knowing
        unread.add(OLDER_THREADS, (in_threads, 0))


OLDER_THREADS = ""  # stands for threads with nothing new in the scanned events


def _is_read(event: LoggedEvent, marks: ReadMarks) -> bool:
    thread = event.facts.thread
    mark = marks.main_position if thread is None else marks.threads.get(thread, 0)
    return event.position <= max(mark, marks.position)


def _push_event(event: LoggedEvent) -> PushEvent:
    """The event as rules see it, kept with it. The sequencer has checked mentions of the room."""
    found: PushEvent | None = event.verdicts.get(PushEvent)
    if found is None:
        room = RoomFacts(event.room_id, GROUP, inf if event.facts.mentions_room else 0)
        facts: EventFacts = event.facts
        pdu = event.pdu if event.body else {"type": facts.type, "sender": facts.sender}
        found = event.verdicts[PushEvent] = PushEvent(pdu, room)
    return found
