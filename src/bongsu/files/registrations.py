"""Registration files of application services: YAML, read once at the start."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bongsu.appservices.registration import Registration, check_unique, parse
from bongsu.errors import OperatorError

FILE_BYTES_MAX = 1024 * 1024


def load_registrations(paths: Sequence[str], server_name: str) -> list[Registration]:
    """All of them, or `OperatorError` with the file and the field that is wrong."""
    found: list[tuple[str, Registration]] = []
    for path in paths:
        where = f"appservices: {path}"
        found.append((where, parse(where, _document(where, Path(path)), server_name)))
    check_unique(found)
    return [registration for _, registration in found]


def _document(where: str, path: Path) -> Any:
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise OperatorError(f"{where}: cannot be read ({error.strerror})") from None
    if len(data) > FILE_BYTES_MAX:
        raise OperatorError(f"{where}: longer than {FILE_BYTES_MAX} bytes")
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise OperatorError(f"{where}: no valid YAML ({told})") from None
