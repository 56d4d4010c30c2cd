"""Fields of forms that more than one area has: texts in two languages, exact times, references."""

from bongsu.desk.wording import TEXT_CHARS_MAX, TITLE_CHARS_MAX, Text
from bongsu.http.desk.visit import Visit

NUMBER_CHARS_MAX = 12
LIST_CHARS_MAX = 1_000


def title(visit: Visit, name: str) -> Text:
    """Of the fields NAME_ko and NAME_en."""
    return text(visit, name, TITLE_CHARS_MAX)


def text(visit: Visit, name: str, chars_max: int = TEXT_CHARS_MAX) -> Text:
    return Text(visit.text(f"{name}_ko", chars_max), visit.text(f"{name}_en", chars_max))


def number(visit: Visit, name: str, default: int | None = None) -> int:
    """A whole number from 0 on."""
    given = visit.text(name, NUMBER_CHARS_MAX)
    if not given and default is not None:
        return default
    if not (given.isascii() and given.isdigit()):
        raise visit.refuse("base.field_wrong", name=name)
    return int(given)


def path_number(visit: Visit, name: str) -> int:
    """A number in the path; what is none names nothing that there is."""
    given = visit.path[name]
    is_number = given.isascii() and given.isdigit() and len(given) <= NUMBER_CHARS_MAX
    return int(given) if is_number else 0


def milliseconds(visit: Visit, name: str) -> int:
    """Seconds, with a fraction perhaps."""
    given = visit.text(name, NUMBER_CHARS_MAX) or "0"
    whole, _, part = given.partition(".")
    if not ((whole or "0") + (part or "0")).isdecimal() or not given.isascii():
        raise visit.refuse("base.field_wrong", name=name)
    return int(whole or "0") * 1000 + int((part + "000")[:3])


def numbers(visit: Visit, name: str) -> tuple[int, ...]:
    """Numbers of evidence, with commas or blanks between; a leading E is let pass."""
    words = visit.text(name, LIST_CHARS_MAX).replace(",", " ").upper().split()
    found = [word.removeprefix("E") for word in words]
    if not all(word.isascii() and word.isdigit() and len(word) <= 6 for word in found):
        raise visit.refuse("base.field_wrong", name=name)
    return tuple(dict.fromkeys(int(word) for word in found))


def moment(visit: Visit, ts: int) -> str:
    """A time to the second, and to the millisecond where there is one."""
    shown = visit.face.time_text(ts, "%Y-%m-%d %H:%M:%S")
    return f"{shown}.{ts % 1000:03}" if ts % 1000 else shown


def moment_input(visit: Visit, ts: int | None) -> str:
    """The value of a datetime-local field that keeps milliseconds."""
    return "" if ts is None else moment(visit, ts).replace(" ", "T")
