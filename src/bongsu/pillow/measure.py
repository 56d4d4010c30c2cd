"""The process that measures one image: image on stdin, `width height type` on stdout.

    python -I -m bongsu.pillow.measure

Only the header is read: an image that would be huge once decoded costs nothing.
"""

import io
import sys
import warnings

from PIL import Image

from bongsu.host import confined
from bongsu.host.confined import confine

SECONDS_MAX = 30.0
MEMORY_BYTES_MAX = 768 * 1024 * 1024
CPU_SECONDS_MAX = 4
OUTPUT_BYTES_MAX = 200
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


class PillowMeasurer:
    """Implements `media.previews.ImageMeasurer`. It starts a process a call."""

    async def measure(self, body: bytes) -> tuple[int, int, str] | None:
        ended = await confined.run(
            "bongsu.pillow.measure",
            [],
            body,
            seconds_max=SECONDS_MAX,
            output_bytes_max=OUTPUT_BYTES_MAX,
        )
        parts = ended.output.decode("ascii", "replace").split()
        if ended.code != 0 or len(parts) != 3:
            return None
        return int(parts[0]), int(parts[1]), parts[2]


def main() -> None:
    confine(memory_bytes_max=MEMORY_BYTES_MAX, cpu_seconds_max=CPU_SECONDS_MAX)
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # nothing is decoded
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=FORMATS) as image:
        kind = Image.MIME.get(str(image.format), "image/jpeg")
        print(image.width, image.height, kind)


if __name__ == "__main__":
    main()
