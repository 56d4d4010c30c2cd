"""A report on its way to paper: lines with a style, in the order in which they are read."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct


class Style(StrEnum):
    HEADING = "heading"
    SUBHEADING = "subheading"
    TEXT = "text"
    ITEM = "item"
    FAINT = "faint"


class Line(NamedTuple):
    """`depth`: how far it is indented, as causes under what they brought about."""

    style: Style
    text: str
    depth: int = 0


class Print(Struct, frozen=True):
    """`foot` stands on every page, {page} and {pages} filled in."""

    title: str
    subtitle: str
    foot: str
    language: str
    made_ts: int
    lines: Sequence[Line]


class Printer(Protocol):
    def print(self, report: Print) -> bytes:
        """A PDF: the same bytes for the same report. Takes its time: call it in a thread.

        `Unavailable` where no font for Korean is installed.
        """
        ...
