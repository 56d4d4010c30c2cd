"""What was acknowledged, what is found, and whether the two agree. No sockets, no clock.

Each message has a mark of its own, "sender/room/number", in its content. A sender sends number
n + 1 into a room only after n was acknowledged, so the numbers of one sender in one room must be
found rising; two senders' messages may stand in any order. What was sent but never acknowledged
may be found or not, once at most.

Where the log itself can be read, two failures are told apart: `lost` is acknowledged and not in the
log, `not_shown` is in the log, and whoever asks a site for the room's history does not get it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

Mark = str
RoomId = str


@dataclass(frozen=True)
class Found:
    """A message as a reader got it."""

    event_id: str
    mark: Mark


History = Mapping[RoomId, Sequence[Found]]
"""What was found in each room, oldest first."""


def mark_of(sender: str, room: str, number: int) -> Mark:
    return f"{sender}/{room}/{number:08d}"


@dataclass
class Verdict:
    """Counts and the offending marks; `clean` if every promise held."""

    acknowledged: int = 0
    found: int = 0
    lost: list[Mark] = field(default_factory=list[Mark])  # acknowledged, not there
    not_shown: list[Mark] = field(default_factory=list[Mark])  # there, but not served
    doubled: list[Mark] = field(default_factory=list[Mark])  # there more than once
    reordered: list[Mark] = field(default_factory=list[Mark])  # behind a later one of its sender
    changed: list[Mark] = field(default_factory=list[Mark])  # there under another event id

    @property
    def clean(self) -> bool:
        return not (self.lost or self.not_shown or self.doubled or self.reordered or self.changed)

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged}, found {self.found}, lost {len(self.lost)}, "
            f"not shown {len(self.not_shown)}, doubled {len(self.doubled)}, "
            f"reordered {len(self.reordered)}, changed {len(self.changed)}"
        )


class Journal:
    """Every acknowledgement; with `path`, written before the next send of its sender.

    The kernel has it then: it outlives whoever writes it, though not the machine's power.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.acknowledged: dict[Mark, str] = {}
        self._file: TextIO | None = path.open("a") if path else None

    def acknowledge(self, mark: Mark, event_id: str) -> None:
        assert mark not in self.acknowledged, f"{mark} acknowledged twice: the ledger is wrong"
        self.acknowledged[mark] = event_id
        if self._file is not None:
            self._file.write(json.dumps([mark, event_id]) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def judge(acknowledged: Mapping[Mark, str], shown: History, log: History | None = None) -> Verdict:
    """Compare what was acknowledged (mark -> event id) with each room's history in its order.

    `shown` is the history as it was served, `log` as it is stored; None: that cannot be read.
    """
    verdict = _judge_one(acknowledged, shown)
    if log is None:
        return verdict
    stored = _judge_one(acknowledged, log)
    stored.not_shown = _without(verdict.lost, stored.lost)
    for name in ("doubled", "reordered", "changed"):
        wrong: list[Mark] = getattr(stored, name)
        wrong += _without(getattr(verdict, name), wrong)
    return stored


def _judge_one(acknowledged: Mapping[Mark, str], history: History) -> Verdict:
    everything = [one for room in history.values() for one in room]
    counts = Counter(one.mark for one in everything)
    event_ids = {one.mark: one.event_id for one in everything}
    verdict = Verdict(acknowledged=len(acknowledged), found=len(everything))
    verdict.doubled = sorted(mark for mark, count in counts.items() if count > 1)
    for mark, event_id in acknowledged.items():
        if mark not in event_ids:
            verdict.lost.append(mark)
        elif counts[mark] == 1 and event_ids[mark] != event_id:
            verdict.changed.append(mark)
    for room in history.values():
        verdict.reordered += _out_of_order(room)
    return verdict


def stream_faults(streamed: History, history: History) -> list[str]:
    """How a reader's stream differs from the history: missing, repeated, foreign, out of order."""
    faults: list[str] = []
    for room, wanted in history.items():
        got = [one.event_id for one in streamed.get(room, ())]
        ids = [one.event_id for one in wanted]
        if got == ids:
            continue
        faults += [f"{room}: missing {one}" for one in _without(ids, got)]
        faults += [f"{room}: not in history {one}" for one in _without(got, ids)]
        faults += [f"{room}: repeated {one}" for one, n in Counter(got).items() if n > 1]
        if Counter(got) == Counter(ids):
            faults.append(f"{room}: out of order")
    return faults


def _out_of_order(room: Iterable[Found]) -> list[Mark]:
    """Marks that stand behind a higher number of the same sender (a repeat is no reordering)."""
    highest: dict[str, str] = {}
    late: list[Mark] = []
    for one in room:
        scope, _, number = one.mark.rpartition("/")
        if number < highest.get(scope, ""):
            late.append(one.mark)
        highest[scope] = max(number, highest.get(scope, ""))
    return late


def _without(these: Iterable[str], those: Iterable[str]) -> list[str]:
    known = set(those)
    return [one for one in these if one not in known]
