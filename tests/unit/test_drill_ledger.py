"""The judge itself: each kind of broken promise, faked, must be found and called by its name."""

from pathlib import Path

import pytest

from bongsu.drill.ledger import Found, Journal, Verdict, judge, mark_of, stream_faults

ROOM = "!room"


def _history(*numbers: int, sender: str = "ann") -> list[Found]:
    return [Found(f"${sender}{n}", mark_of(sender, ROOM, n)) for n in numbers]


def _acknowledged(*numbers: int, sender: str = "ann") -> dict[str, str]:
    return {one.mark: one.event_id for one in _history(*numbers, sender=sender)}


def _judge(acknowledged: dict[str, str], history: list[Found]) -> Verdict:
    return judge(acknowledged, {ROOM: history})


def test_true_history_is_clean() -> None:
    verdict = _judge(_acknowledged(0, 1, 2), _history(0, 1, 2))
    assert verdict.clean
    assert (verdict.acknowledged, verdict.found) == (3, 3)


def test_message_without_acknowledgement_may_be_found() -> None:
    assert _judge(_acknowledged(0, 1), _history(0, 1, 2)).clean


def test_two_senders_may_interleave() -> None:
    ann, ben = _history(0, 1), _history(0, 1, sender="ben")
    both = _acknowledged(0, 1) | _acknowledged(0, 1, sender="ben")
    assert _judge(both, [ben[0], ann[0], ann[1], ben[1]]).clean


def test_loss_is_found() -> None:
    verdict = _judge(_acknowledged(0, 1, 2), _history(0, 2))
    assert verdict.lost == [mark_of("ann", ROOM, 1)]
    assert not verdict.clean


def test_what_is_stored_and_not_served_is_no_loss_but_told() -> None:
    stored = {ROOM: _history(0, 1)}
    verdict = judge(_acknowledged(0, 1, 2), {ROOM: _history(0)}, stored)
    assert verdict.lost == [mark_of("ann", ROOM, 2)]
    assert verdict.not_shown == [mark_of("ann", ROOM, 1)]
    assert not verdict.clean


def test_a_double_in_the_log_alone_is_found() -> None:
    stored = {ROOM: [*_history(0, 1), Found("$again", mark_of("ann", ROOM, 1))]}
    verdict = judge(_acknowledged(0, 1), {ROOM: _history(0, 1)}, stored)
    assert (verdict.doubled, verdict.lost) == ([mark_of("ann", ROOM, 1)], [])


def test_double_is_found() -> None:
    twice = [*_history(0, 1), Found("$again", mark_of("ann", ROOM, 1))]
    verdict = _judge(_acknowledged(0, 1), twice)
    assert (verdict.doubled, verdict.reordered) == ([mark_of("ann", ROOM, 1)], [])
    assert not verdict.clean


def test_double_of_an_earlier_one_is_found() -> None:
    twice = [*_history(0, 1, 2), Found("$again", mark_of("ann", ROOM, 0))]
    assert _judge(_acknowledged(0, 1, 2), twice).doubled == [mark_of("ann", ROOM, 0)]


def test_reordering_is_found() -> None:
    verdict = _judge(_acknowledged(0, 1, 2), _history(0, 2, 1))
    assert verdict.reordered == [mark_of("ann", ROOM, 1)]
    assert not verdict.clean


def test_other_event_id_than_acknowledged_is_found() -> None:
    verdict = _judge(_acknowledged(0), [Found("$other", mark_of("ann", ROOM, 0))])
    assert verdict.changed == [mark_of("ann", ROOM, 0)]
    assert not verdict.clean


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        ((0, 2), "missing $ann1"),
        ((0, 1, 1, 2), "repeated $ann1"),
        ((0, 2, 1), "out of order"),
        ((0, 1, 2, 3), "not in history $ann3"),
    ],
)
def test_broken_stream_is_found(numbers: tuple[int, ...], fault: str) -> None:
    faults = stream_faults({ROOM: _history(*numbers)}, {ROOM: _history(0, 1, 2)})
    assert faults == [f"{ROOM}: {fault}"]


def test_whole_stream_has_no_fault() -> None:
    assert stream_faults({ROOM: _history(0, 1)}, {ROOM: _history(0, 1)}) == []


def test_journal_is_on_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.acknowledge("ann/!room/0", "$a")
    assert (tmp_path / "journal").read_text() == '["ann/!room/0", "$a"]\n'
    journal.close()
