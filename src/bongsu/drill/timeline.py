"""What the parts of the deployment said in their logs, as events of one timeline. Pure.

Logs of JSON lines (ours, and etcd's) and of `YYYY-MM-DD HH:MM:SS,mmm LEVEL: text` (Patroni's).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bongsu.drill.notes import Event

EVENTS_MAX = 500
WHAT_CHARS_MAX = 240

Parsed = tuple[float, str]  # seconds of the Unix epoch, what was said

_PATRONI = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+)(?: UTC)? (?:\[\d+\] )?(\w+): (.*)")
_PATRONI_TELLS = re.compile(
    r"promot|demot|acquired|leader key|lock owner|bootstrap|rewind|starting as|replica|failover|"
    r"pre_promote|synchronous|watch|not healthy|follow", re.IGNORECASE,
)  # fmt: skip
_PATRONI_ROUTINE = re.compile(r"no action\. I am", re.IGNORECASE)
_ETCD_TELLS = re.compile(r"elected leader|lost leader|became (?:leader|follower)|stopped", re.I)
_TURNS = re.compile(r"promoted self|^leader deposed|^suspect|^fence|acquired session lock", re.I)
_WITNESS_NUMBERS = {"silence", "position", "revision"}  # what varies from line to line
_NOT_SHOWN = {"timestamp", "event", "level", "logger", "request_id"}


def events_of(
    site: str, part: str, lines: Iterable[str], at_wall: Callable[[float], float]
) -> list[Event]:
    """Events in a component's log lines. `at_wall` turns Unix time into the drill's."""
    found: list[Event] = []
    last = ""
    for line in lines:
        parsed = _parse(part, line)
        if parsed is None or _core(parsed[1]) == last:
            continue
        last = _core(parsed[1])
        what = parsed[1][:WHAT_CHARS_MAX]
        found.append(Event(at_wall(parsed[0]), site, part, what, bool(_TURNS.search(what))))
    return found


def merged(events: Sequence[Event], began: float, ended: float) -> list[Event]:
    """In order of time, within the drill's own; the turns are never left out for want of room."""
    inside = sorted((one for one in events if began <= one.at <= ended), key=lambda one: one.at)
    if len(inside) <= EVENTS_MAX:
        return inside
    turns = [one for one in inside if one.is_turn][:EVENTS_MAX]
    others = [one for one in inside if not one.is_turn][: EVENTS_MAX - len(turns)]
    return sorted(turns + others, key=lambda one: one.at)


def _parse(part: str, line: str) -> Parsed | None:
    if line.startswith("{"):
        return _json_line(part, line)
    match = _PATRONI.match(line)
    if match is None or not _PATRONI_TELLS.search(match[3]) or _PATRONI_ROUTINE.search(match[3]):
        return None
    return _unix(match[1].replace(",", ".")), match[3]


def _json_line(part: str, line: str) -> Parsed | None:
    try:
        said = msgspec.json.decode(line, type=dict[str, Any])
        if "msg" in said:  # etcd
            if not _ETCD_TELLS.search(str(said["msg"])):
                return None
            return _unix(str(said["ts"])), str(said["msg"])
        if said.get("level") == "debug" or "route" in said:
            return None
        return _unix(str(said["timestamp"])), _words(part, said)
    except (msgspec.DecodeError, KeyError, ValueError):
        return None


def _words(part: str, said: dict[str, Any]) -> str:
    """The event and what belongs to it, in one line."""
    shown = {key: value for key, value in said.items() if key not in _NOT_SHOWN}
    reason = f": {shown.pop('reason')}" if "reason" in shown else ""
    if part == "witness":
        shown = {key: value for key, value in shown.items() if key in _WITNESS_NUMBERS}
    rest = ", ".join(f"{key} {value}" for key, value in shown.items() if value not in (None, ""))
    return f"{said['event']}{reason}" + (f" ({rest})" if rest else "")


def _core(what: str) -> str:
    """A line without what counts up in it: repeats are shown once."""
    return re.sub(r"\d+", "", what)


def _unix(text: str) -> float:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
