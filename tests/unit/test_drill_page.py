"""The HTML page: self-contained, true to the verdict, and no place for foreign markup."""

import re
from html.parser import HTMLParser

import pytest
from test_drill_verdict import good_run

from bongsu.drill.ledger import judge
from bongsu.drill.notes import Event, Trouble
from bongsu.drill.page import page
from bongsu.drill.verdict import Limits, Run, judge_run

EVIL = "<script>alert('\"&')</script>"
VOID = {"meta", "rect", "path"}


class _Balance(HTMLParser):
    """Fails on a closing tag that does not match the opening one."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag


def _page(*runs: Run) -> str:
    return page([judge_run(run, Limits()) for run in runs])


def test_whole_page_is_well_formed_and_needs_nothing_else() -> None:
    text = _page(good_run(), good_run("cut"))
    parser = _Balance()
    parser.feed(text.replace("/>", ">"))
    assert parser.open == []
    assert {"svg", "table", "style"} <= parser.tags
    assert "script" not in parser.tags
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert "url(" not in text


def test_foreign_words_are_escaped_everywhere() -> None:
    run = good_run(EVIL)
    run.sites = ["a", "b", EVIL]
    run.events = [Event(11.0, EVIL, EVIL, EVIL, is_turn=True)]
    run.troubles = [Trouble(11.0, EVIL, EVIL, 0, 0.1, EVIL)]
    run.stream_faults, run.unfinished, run.media.lost = [EVIL], [EVIL], [EVIL]
    run.ledger = judge({EVIL: "$a"}, {})
    text = _page(run)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_both_languages_and_the_verdict_are_there() -> None:
    run = good_run()
    run.ledger = judge({"ann/!r/0": "$a"}, {})
    text = _page(run)
    assert "잃은 메시지 · Lost (1)" in text
    assert "깨짐 · broken" in text
    assert "지켜짐 · kept" in _page(good_run())


@pytest.mark.parametrize("seconds", [0.0, 0.5, 3.0, 7200.0])
def test_any_length_of_run_is_drawn(seconds: float) -> None:
    run = Run(["a"], "", "by hand", None, started=1.0, stopped=1.0 + seconds)
    assert "<svg" in _page(run)
