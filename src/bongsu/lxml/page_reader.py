"""Reads pages in worker processes: started for one page each, killed when they take too long."""

import msgspec

from bongsu.host import confined
from bongsu.media.page import Page

SECONDS_MAX = 30.0  # of one page, on a busy machine; its CPU time has a bound of its own
OUTPUT_BYTES_MAX = 256 * 1024


class LxmlPageReader:
    """Implements `media.previews.PageReader`. It starts a process a call."""

    async def read(self, body: bytes, content_type: str | None) -> Page | None:
        ended = await confined.run(
            "bongsu.lxml.worker",
            [content_type or ""],
            body,
            seconds_max=SECONDS_MAX,
            output_bytes_max=OUTPUT_BYTES_MAX,
        )
        if ended.code != 0:
            return None
        try:
            return msgspec.json.decode(ended.output, type=Page)
        except msgspec.DecodeError:
            return None
