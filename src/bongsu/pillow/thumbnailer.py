"""Thumbnails from worker processes: started for one image each, killed when they take too long."""

import signal
from collections.abc import AsyncIterator

from bongsu.errors import Unavailable
from bongsu.host import confined
from bongsu.media.thumbnail import Outcome, Size, Thumbnail, decode

SECONDS_MAX = 60.0  # of one image, on a busy machine; its CPU time has a bound of its own
OUTPUT_BYTES_MAX = 16 * 1024 * 1024

# How a worker dies when the image is to blame; killed in another way, it may be tried again.
_BLAME = {
    signal.SIGXCPU: Outcome.TOO_LARGE,
    signal.SIGSEGV: Outcome.UNREADABLE,
    signal.SIGABRT: Outcome.UNREADABLE,
    signal.SIGBUS: Outcome.UNREADABLE,
}


class PillowThumbnailer:
    """Makes thumbnails. It starts a process for each call: the caller bounds how many run."""

    async def make(self, content: AsyncIterator[bytes], size: Size, *, animated: bool) -> Thumbnail:
        """The outcome for the image in `content`; `Unavailable` if it may differ next time.

        Cancelling kills the process.
        """
        ended = await confined.run(
            "bongsu.pillow.worker",
            [str(size.width), str(size.height), size.method, "animated" if animated else "still"],
            content,
            seconds_max=SECONDS_MAX,
            output_bytes_max=OUTPUT_BYTES_MAX,
        )
        if ended.code is None:
            raise Unavailable("The thumbnail took too long")
        return _outcome(ended.output, ended.code)


def _outcome(output: bytes, code: int) -> Thumbnail:
    if len(output) > OUTPUT_BYTES_MAX:
        return Thumbnail(Outcome.TOO_LARGE)
    if code == 0:
        return decode(output)
    if -code in _BLAME:
        return Thumbnail(_BLAME[signal.Signals(-code)])
    raise Unavailable(f"The thumbnail worker ended with {code}")
