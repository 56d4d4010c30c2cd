"""A browser with a camera that sees what a test shows it: Chromium takes a film for one."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps
from playwright.async_api import Page
from web_browser import Web, opened_browser

_SIZE = (640, 480)
_HEAD = b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420\nFRAME\n"
_GREY = b"\x80" * (_SIZE[0] * _SIZE[1] // 2)  # both planes of colour


class Camera:
    """Pages of `web` are in a browser of their own, which looks at what was shown last."""

    def __init__(self, web: Web, film: Path) -> None:
        self.web = web
        self._film = film

    async def shows(self, page: Page, selector: str) -> None:
        """Hold the camera before a part of another page."""
        picture = await page.locator(selector).screenshot()
        record(self._film, Image.open(BytesIO(picture)))


def record(film: Path, subject: Image.Image) -> None:
    """One frame, in place: the browser reads the same file again and again."""
    frame = ImageOps.pad(subject.convert("L"), _SIZE, color=200)
    luma = frame.point([16 + value * 219 // 255 for value in range(256)])
    with film.open("r+b" if film.exists() else "wb") as file:
        file.write(_HEAD + luma.tobytes() + _GREY)


@asynccontextmanager
async def opened_camera(url: str, folder: Path) -> AsyncGenerator[Camera]:
    film = folder / "film.y4m"
    record(film, Image.new("L", _SIZE, 128))
    async with opened_browser(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",  # nobody is there to allow it
        f"--use-file-for-fake-video-capture={film}",
    ) as browser:
        web = Web(url, browser)
        yield Camera(web, film)
        await web.close()
