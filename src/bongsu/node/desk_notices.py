"""Notices, wired: board, probes, publishing, subscriptions, deliveries, copies."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence

import structlog
from prometheus_client.metrics_core import Metric

from bongsu.desk.notices.channels import MailChannel, RoomChannel, WebhookChannel
from bongsu.desk.notices.delivering import Deliverer, Delivering
from bongsu.desk.notices.keeper import Keeper
from bongsu.desk.notices.probing import Prober
from bongsu.desk.notices.publishing import Publishing
from bongsu.desk.notices.subscribers import Channel, Links, Subscriber
from bongsu.desk.notices.subscribing import Subscribing
from bongsu.errors import OperatorError, Unavailable
from bongsu.files.desk_board import BoardOnDisk, PublicFolder
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry
from bongsu.http.desk.notice_desk import HOME, PUBLISHERS, NoticeDesk
from bongsu.http.desk.notice_site import Copy, NoticeSite
from bongsu.http.desk.notice_words import NoticeWording
from bongsu.http.desk.notices import SubscriptionPages
from bongsu.http.desk.texts import DEFAULT_LANGUAGE
from bongsu.node.content import load_keys
from bongsu.node.desk_metrics import counter, gauge, gauges, known
from bongsu.node.desk_parts import DeskParts
from bongsu.outgoing.client import Outgoing
from bongsu.postgres.desk.notice_board_store import PostgresBoard
from bongsu.postgres.desk.notice_delivery_store import PostgresDeliveries
from bongsu.postgres.desk.notice_incident_store import PostgresIncidents
from bongsu.postgres.desk.notice_service_store import PostgresServices
from bongsu.postgres.desk.notice_subscriber_store import PostgresSubscribers
from bongsu.s3.public_copy import BucketCopy
from bongsu.s3.store import S3Store
from bongsu.settings import Settings
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import now_ms

SWEEP_SECONDS = 3600.0
RETRY_SECONDS = 5.0
TOKEN_BYTES_MAX = 4096
HOMESERVER_NETWORKS = ("127.0.0.0/8", "::1/128")

log = structlog.get_logger()


class NoticeArea:
    """Implements `node.desk_parts.DeskArea`. `front` answers the public pages from memory."""

    def __init__(self, parts: DeskParts) -> None:
        settings, database, face = parts.settings, parts.database, parts.face
        self._settings = settings
        holder = f"{settings.site or 'one'}-{secrets.token_hex(4)}"
        links = Links(parts.sealer.file_keys.derive("notice links"), settings.desk_url)
        wording = NoticeWording(face)
        self._services = PostgresServices(database)
        self._subscribers = PostgresSubscribers(database, parts.sealer)
        self._deliveries = PostgresDeliveries(database, parts.sealer)
        self._probing = Outgoing(
            (*settings.desk_probe_networks, *settings.outgoing_allowed_networks)
        )
        self._homeserver = Outgoing((*HOMESERVER_NETWORKS, *settings.outgoing_allowed_networks))
        board_file = BoardOnDisk(settings.desk_data / "board.json")
        self.keeper = Keeper(PostgresBoard(database), board_file, lambda: self.prober.seen)
        self.prober = Prober(lambda: self.keeper.board, self._services, self._probing, holder)
        self._bucket = _bucket(settings)
        folder = PublicFolder(settings.desk_copy or settings.desk_data / "public")
        copies: dict[str, Copy] = {"folder": folder}
        if self._bucket is not None:
            copies["bucket"] = self._bucket
        self.site = NoticeSite(face, self.keeper, wording, copies)
        self.front = self.site.front
        self.subscribing = Subscribing(self._subscribers, links)
        deliverers: dict[Channel, Deliverer] = {
            Channel.WEBHOOK: WebhookChannel(parts.outgoing, wording, links)
        }
        if parts.mailer is not None:
            deliverers[Channel.EMAIL] = MailChannel(parts.mailer, wording, links)
        if settings.desk_room_token_file is not None:
            token = _token(settings)
            deliverers[Channel.ROOM] = RoomChannel(
                self._homeserver, wording, links, settings.base_url, token
            )
        self.delivering = Delivering(self._deliveries, deliverers, holder)
        self.publishing = Publishing(self._services, PostgresIncidents(database))
        self._pages: list[Area] = [
            SubscriptionPages(
                self.subscribing, lambda: self.keeper.board, has_mail=parts.mailer is not None
            ),
            NoticeDesk(self.publishing, lambda: self.keeper.board, self, self._changed),
        ]
        self._tasks = TaskOwner("notices")

    def areas(self) -> Iterator[Area]:
        yield from self._pages

    def entries(self) -> Sequence[Entry]:
        return [Entry(HOME, "notices.op.title", PUBLISHERS)]

    async def start(self) -> None:
        await self.keeper.start()
        self.site.start()
        self.prober.start()
        self.delivering.start()
        self._tasks.start(self._keep_room())
        self._tasks.start(self._sweep())

    async def stop(self) -> None:
        await self._tasks.stop()
        await self.delivering.stop()
        await self.prober.stop()
        await self.site.stop()
        await self.keeper.stop()
        await self._probing.close()
        await self._homeserver.close()
        if self._bucket is not None:
            await self._bucket.close()

    async def subscribers(self) -> dict[str, int]:
        return await self._subscribers.count()

    async def due(self) -> int:
        return await self._deliveries.count_due()

    async def measure(self) -> Iterator[Metric]:
        waiting = await known(self._deliveries.count_due_by_kind())
        return self._measured(waiting or {}, has_database=waiting is not None)

    def _measured(self, waiting: Mapping[str, int], *, has_database: bool) -> Iterator[Metric]:
        told = {"delivered": self.delivering.delivered, "failed": self.delivering.failed}
        yield gauge("bongsu_desk_database_up", "Whether the database answered.", int(has_database))
        yield counter(
            "bongsu_desk_deliveries", "Notices to subscribers that this desk sent.", told, "outcome"
        )
        if has_database:
            yield gauges(
                "bongsu_desk_deliveries_waiting", "Notices to subscribers that are to be sent.",
                {kind: waiting.get(kind, 0) for kind in Channel}, "channel",
            )  # fmt: skip
        yield gauges(
            "bongsu_desk_copy_age_seconds", "How old a static copy's content is; -1 for none yet.",
            self.site.copy_ages(), "copy",
        )  # fmt: skip

    def _changed(self) -> None:
        self.keeper.look()
        self.delivering.look()

    async def _keep_room(self) -> None:
        """The notice room is a subscriber like others, made by the settings."""
        room = self._settings.desk_room
        if room is None:
            return
        name = "room-" + hashlib.sha256(room.encode()).hexdigest()[:24]
        subscriber = Subscriber(name, Channel.ROOM, room, DEFAULT_LANGUAGE, ())
        while True:
            try:
                await self._subscribers.put_live(subscriber, now_ms())
                return
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.subscribing.sweep()
            except Unavailable as error:
                log.info("nothing was swept", reason=error.message)


def _bucket(settings: Settings) -> BucketCopy | None:
    if settings.desk_copy_store is None:
        return None
    keys = None if settings.desk_copy_keys is None else load_keys(settings.desk_copy_keys)
    return BucketCopy(S3Store(settings.desk_copy_store, keys))


def _token(settings: Settings) -> str:
    path = settings.desk_room_token_file
    assert path is not None, "asked only where there is one"
    try:
        return path.read_bytes()[:TOKEN_BYTES_MAX].decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"desk_room_token_file: {path} cannot be read ({error})") from None
