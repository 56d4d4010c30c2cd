"""What a start is refused for, in a line that says what to do."""

import errno
from pathlib import Path

import pytest

from bongsu.engines import own_database
from bongsu.errors import OperatorError, cannot_listen
from bongsu.host.folder_lock import FolderLock
from bongsu.settings import Settings


@pytest.mark.asyncio
async def test_a_data_folder_that_is_a_file_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(OperatorError, match=r"cannot be made .*BONGSU_DATA"):
        async with own_database(Settings(data=tmp_path / "data")):
            pass


def test_a_data_folder_that_may_not_be_written_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bongsu.lock").mkdir()  # root may write anywhere else
    with pytest.raises(OperatorError, match=r"cannot be written .*BONGSU_DATA"):
        FolderLock(tmp_path)


def test_a_port_that_is_taken_names_the_setting() -> None:
    """Method: an event loop puts its own words for the address into the error."""
    refused = OSError(errno.EADDRINUSE, "error while attempting to bind on address")
    told = str(cannot_listen("desk_listen", "127.0.0.1:8009", refused))
    assert told == (
        "desk_listen: cannot listen on 127.0.0.1:8009 (Address already in use); something listens "
        "there already: stop it, or choose another with BONGSU_DESK_LISTEN"
    )
    not_here = OSError(errno.EADDRNOTAVAIL, "error while attempting to bind on address")
    told = str(cannot_listen("listen", "192.0.2.1:80", not_here))
    assert told.endswith("(Cannot assign requested address); choose another with BONGSU_LISTEN")
