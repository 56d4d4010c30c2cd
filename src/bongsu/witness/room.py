"""How much room our own disk has."""

import os
from collections.abc import Sequence


def room_of(folders: Sequence[str]) -> int | None:
    """Bytes left for PostgreSQL in the fullest of the folders; None if one cannot be asked."""
    try:
        found = [os.statvfs(folder) for folder in folders]
    except OSError:
        return None
    return min(each.f_bavail * each.f_frsize for each in found)
