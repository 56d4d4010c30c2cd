"""A server that must not only answer, but also have nothing to complain of in its log."""

from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from harness.bongsu import Bongsu
from harness.process import open_folder

ERRORS_SHOWN_MAX = 10
ERROR_CHARS_MAX = 3000


@contextmanager
def watched() -> Iterator[Bongsu]:
    """A server on an empty folder; at the end it must stop cleanly and have logged no error."""
    with open_folder() as folder:
        bongsu = Bongsu(folder / "data", settings={"BONGSU_LOG_FORMAT": "json"})
        bongsu.start()
        try:
            yield bongsu
        finally:
            code = bongsu.stop()
        errors = list(errors_in(bongsu.log.read_bytes()))
        assert not errors, "\n".join(errors[:ERRORS_SHOWN_MAX])
        assert code == 0


def errors_in(log: bytes) -> Iterator[str]:
    """Lines of a JSON log that say that something of ours broke, and tracebacks between them."""
    for line in log.splitlines():
        try:
            told = orjson.loads(line)
            is_error = told["level"] in ("error", "critical") or told["event"] == "ownership lost"
        except (orjson.JSONDecodeError, TypeError, KeyError):
            is_error = b"Traceback" in line
        if is_error:
            yield line[-ERROR_CHARS_MAX:].decode(errors="replace")
