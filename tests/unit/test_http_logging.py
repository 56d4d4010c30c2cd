"""What stands in the log, and what must never stand there."""

import subprocess
import sys

import pytest

# In a process of its own: structlog's and logging's configuration belong to the whole process.
SCRIPT = """
import logging, structlog
from bongsu.http import logging as http_logging

http_logging.configure("{log_format}", "info")
http_logging.request_id.set("request-1")

def fail():
    token = "syt_" + "secret"
    raise RuntimeError("boom")

log = structlog.get_logger()
log.debug("too quiet")
try:
    fail()
except RuntimeError:
    log.exception("failed")
logging.getLogger("asyncio").warning("from a library")
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_lines_have_the_request_id_and_tracebacks_no_locals(log_format: str) -> None:
    script = SCRIPT.replace("{log_format}", log_format)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert done.stderr.count("request-1") == 2
    assert "boom" in done.stderr
    assert "from a library" in done.stderr
    assert "too quiet" not in done.stderr
    assert "syt_secret" not in done.stderr


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_full_disk_under_the_log_stops_nobody(log_format: str) -> None:
    script = SCRIPT.replace("{log_format}", log_format) + "print('alive')"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=full, text=True,
            check=False,
        )  # fmt: skip
    assert done.stdout == "alive\n"
