"""Media: uploads at every site, downloads at all others, and all of it asked for at the end."""

import asyncio
import hashlib
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from bongsu.drill.http_client import ConnectionLost
from bongsu.drill.notes import Notes, Trouble
from bongsu.drill.people import People
from bongsu.drill.travel import GaveUp, Traveller

UPLOAD_PATH = "/_matrix/media/v3/upload"
DOWNLOAD_PATH = "/_matrix/client/v1/media/download/"
BYTES_MIN, BYTES_MAX = 1_000, 100_000
DOWNLOAD_TRIES = 10
VERIFY_AT_ONCE = 8
VERIFY_TRIES = 3
VERIFY_PAUSE_SECONDS = 1.0


@dataclass
class MediaVerdict:
    """Counts, and what could not be had again: "mxc://… at SITE: why"."""

    uploaded: int = 0
    downloaded: int = 0
    lost: list[str] = field(default_factory=list[str])


class Uploads:
    """One uploader a site, who also looks at what the others uploaded."""

    def __init__(self, notes: Notes, pause_seconds: float) -> None:
        self._notes, self._pause_seconds = notes, pause_seconds
        self._people: list[Traveller] = []
        self._known: dict[str, bytes] = {}  # content uri: SHA-256
        self._downloaded = 0
        self._wrong: list[str] = []
        self._stopping = False

    async def board(self, people: People, sites: Sequence[str]) -> None:
        self._people = await asyncio.gather(*[people.register(site, "media") for site in sites])

    async def run(self) -> None:
        """Upload and download until `stop`."""
        async with asyncio.TaskGroup() as group:
            for person in self._people:
                group.create_task(self._work(person))

    def stop(self) -> None:
        self._stopping = True

    async def verify(self, sites: Sequence[str]) -> MediaVerdict:
        """Ask each of `sites` for everything that was ever acknowledged."""
        gate = asyncio.Semaphore(VERIFY_AT_ONCE)

        async def one(person: Traveller, uri: str) -> str | None:
            async with gate:
                why = await self._missing(person, uri)
            return why and f"{uri} at {person.here}: {why}"

        people = [person for person in self._people if person.home in sites]
        for person in people:
            person.here = person.home
        checks = [one(person, uri) for person in people for uri in self._known]
        missing = [line for line in await asyncio.gather(*checks) if line]
        return MediaVerdict(len(self._known), self._downloaded, self._wrong + missing)

    async def _work(self, person: Traveller) -> None:
        while not self._stopping:
            body = secrets.token_bytes(random.randint(BYTES_MIN, BYTES_MAX))
            sent = await person.ask("upload", "POST", UPLOAD_PATH, body, "application/octet-stream")
            self._known[sent.json["content_uri"]] = hashlib.sha256(body).digest()
            await self._download(person, random.choice(list(self._known)))
            await asyncio.sleep(self._pause_seconds * random.uniform(0.5, 1.5))

    async def _download(self, person: Traveller, uri: str) -> None:
        try:
            got = await person.ask("download", "GET", _path(uri), tries=DOWNLOAD_TRIES)
        except GaveUp:
            return  # each try is written down, and `verify` asks again
        self._downloaded += 1
        if hashlib.sha256(got.answer.body).digest() != self._known[uri]:
            self._wrong.append(f"{uri} at {got.site}: other bytes than were uploaded")

    async def _missing(self, person: Traveller, uri: str) -> str | None:
        """Why `uri` cannot be had where `person` is; None if it can."""
        why = ""
        for _ in range(VERIFY_TRIES):
            begun = self._notes.now()
            try:
                answer = await person.once("GET", _path(uri))
            except (ConnectionLost, TimeoutError) as error:
                status, why = 0, str(error) or "no answer in time"
            else:
                if answer.status == 200:
                    same = hashlib.sha256(answer.body).digest() == self._known[uri]
                    return None if same else "other bytes than were uploaded"
                status, why = answer.status, f"status {answer.status}"
            now = self._notes.now()
            self._notes.troubles.append(
                Trouble(now, person.here, "verify", status, now - begun, why)
            )
            await asyncio.sleep(VERIFY_PAUSE_SECONDS)
        return why


def _path(uri: str) -> str:
    return DOWNLOAD_PATH + uri.removeprefix("mxc://")
