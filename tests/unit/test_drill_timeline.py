"""Log lines of every part become events of one timeline."""

from bongsu.drill import timeline
from bongsu.drill.notes import Event
from bongsu.drill.timeline import events_of, merged

BEGAN = 1_795_366_800.0  # 2026-11-22T17:00:00Z


def _events(part: str, *lines: str) -> list[Event]:
    return events_of("a", part, lines, lambda wall: wall - BEGAN)


def test_witness_lines() -> None:
    line = (
        '{"reason": "no sign of life", "silence": 2.04, "leader": "b", "votes": {},'
        ' "event": "suspect", "level": "info", "timestamp": "2026-11-22T17:00:05.5Z"}'
    )
    (event,) = _events("witness", line)
    assert event.at == 5.5
    assert event.what == "suspect: no sign of life (silence 2.04)"
    assert event.is_turn


def test_deposing_is_a_turn() -> None:
    line = '{"event": "leader deposed", "level": "warning", "timestamp": "2026-11-22T17:00:06Z"}'
    assert [event.is_turn for event in _events("witness", line)] == [True]


def test_patroni_lines_that_tell() -> None:
    (event,) = _events(
        "patroni",
        "2026-11-22 17:00:01,000 INFO: no action. I am (a), a secondary, following a leader (b)",
        "2026-11-22 17:00:02,250 INFO: promoted self to leader by acquiring session lock",
        "server promoting",
    )
    assert (event.at, event.is_turn) == (2.25, True)
    assert event.what == "promoted self to leader by acquiring session lock"


def test_etcd_lines_that_tell() -> None:
    (event,) = _events(
        "etcd",
        '{"level":"info","ts":"2026-11-22T17:00:01.5Z","msg":"established TCP connection"}',
        '{"level":"info","ts":"2026-11-22T17:00:02.5Z","msg":"raft.node: 1 elected leader 2"}',
    )
    assert (event.at, event.what) == (2.5, "raft.node: 1 elected leader 2")


def test_node_lines_without_its_requests() -> None:
    (event,) = _events(
        "node0",
        '{"route": "/sync", "event": "answered", "timestamp": "2026-11-22T17:00:01Z"}',
        '{"event": "x", "level": "debug", "timestamp": "2026-11-22T17:00:01Z"}',
        '{"server": "b", "event": "primary found", "timestamp": "2026-11-22T17:00:02Z"}',
    )
    assert event.what == "primary found (server b)"


def test_repeats_are_shown_once_and_nonsense_not_at_all() -> None:
    line = '{"event": "ended", "again_in": %d, "timestamp": "2026-11-22T17:00:01Z"}'
    assert len(_events("node0", line % 1, line % 2, "{", "[]", "", '{"msg": 1}', "\x00")) == 1


def test_merged_is_in_order_within_the_drill() -> None:
    events = [Event(at, "a", "p", "w") for at in (5.0, -1.0, 2.0, 99.0)]
    assert [event.at for event in merged(events, 0.0, 10.0)] == [2.0, 5.0]


def test_turns_survive_a_flood() -> None:
    flood = [Event(float(at), "a", "p", "w") for at in range(2 * timeline.EVENTS_MAX)]
    turn = Event(5000.0, "a", "p", "promoted", is_turn=True)
    kept = merged([*flood, turn], 0.0, 10_000.0)
    assert len(kept) == timeline.EVENTS_MAX
    assert kept[-1] == turn
