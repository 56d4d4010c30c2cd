"""Patroni's `pre_promote` hook: exit code 0 lets the promotion go on; with 1 Patroni gives the
leader key back, and another site tries.

    python -m bongsu.witness.pre_promote --config FILE

A failover waits for this, so it imports next to nothing: it asks the witness of its own site, which
is warm. Only if that one is dead does it load the rest of the program and look for itself.
"""

import json
import socket
import sys
import tomllib
from pathlib import Path

CONNECT_SECONDS_MAX = 0.5
ANSWER_SECONDS_MAX = 9.0  # more than the witness takes at most
ANSWER_BYTES_MAX = 64 * 1024


def run(config_path: Path) -> int:
    """The exit code; a line on stderr, which lands in Patroni's log, says why."""
    try:
        may, reason = _ask_witness(config_path)
    except (OSError, ValueError, KeyError) as error:
        print(f"bongsu pre-promote: no witness ({error}): looking myself", file=sys.stderr)
        may, reason = _look_myself(config_path)
    verdict = "agreed" if may else "refused"
    print(f"bongsu pre-promote: {verdict}: {reason}", file=sys.stderr, flush=True)
    return 0 if may else 1


def _ask_witness(config_path: Path) -> tuple[bool, str]:
    """What the witness service of this site says."""
    listen = str(tomllib.loads(config_path.read_text()).get("listen", "127.0.0.1:9470"))
    host, _, port = listen.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS_MAX) as connection:
        connection.settimeout(ANSWER_SECONDS_MAX)
        request = f"POST /pre-promote HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n"
        connection.sendall(f"{request}Content-Length: 0\r\n\r\n".encode())
        answer = b""
        while (data := connection.recv(4096)) and len(answer) < ANSWER_BYTES_MAX:
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise ValueError("no good answer")
    said = json.loads(body)
    return said["may_promote"] is True, str(said["reason"])


def _look_myself(config_path: Path) -> tuple[bool, str]:
    import asyncio

    from bongsu.errors import OperatorError
    from bongsu.witness.candidate import RefusedPromotion, may_promote
    from bongsu.witness.config import load

    try:
        return True, asyncio.run(may_promote(load(config_path)))
    except (RefusedPromotion, OperatorError) as error:
        return False, str(error)


if __name__ == "__main__":
    words = sys.argv[1:]
    if len(words) != 2 or words[0] != "--config":
        sys.exit("usage: python -m bongsu.witness.pre_promote --config FILE")
    sys.exit(run(Path(words[1])))
