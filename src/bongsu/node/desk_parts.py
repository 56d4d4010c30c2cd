"""What every area of the desk may use, made once, and what an area is."""

import time
from collections.abc import Iterator, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from bongsu.desk.people import Desk, Operators, People
from bongsu.desk.sealing import FileKeys, Sealer
from bongsu.files.desk_keys import load_file_keys
from bongsu.http.desk.csrf import Csrf
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry, Face
from bongsu.http.desk.limits import RATES
from bongsu.http.desk.proof_of_work import ProofOfWork
from bongsu.http.peers import Peers
from bongsu.http.rate_limit import RateLimiter
from bongsu.mailing import Mailer
from bongsu.node.pushing import mailer_of
from bongsu.outgoing.client import Outgoing
from bongsu.postgres.database import Database
from bongsu.postgres.desk.accounts import DeskAccounts
from bongsu.postgres.desk.audit_store import PostgresAudit
from bongsu.postgres.desk.operator_store import PostgresOperators, PostgresOperatorSessions
from bongsu.postgres.desk.sealing_store import PostgresSealingKeys
from bongsu.settings import Settings
from bongsu.users.passwords import Passwords


class DeskArea(Protocol):
    """One area, wired: node/desk_<area>.py has one, `node.desk_areas` names them all."""

    def areas(self) -> Iterator[Area]:
        """Its pages."""
        ...

    def entries(self) -> Sequence[Entry]:
        """Its links on the operators' page."""
        ...

    async def start(self) -> None:
        """Start its background work. The database may be out of reach."""
        ...

    async def stop(self) -> None: ...


class DeskParts:
    """`database` has the schema `desk` in its path, `messenger` has `public`, for reading who
    somebody is. Make it in a running loop; close it at the end."""

    def __init__(self, settings: Settings, database: Database, messenger: Database) -> None:
        self.settings = settings
        self.database = database
        self.messenger = messenger
        keys = settings.desk_keys or settings.desk_data / "keys"
        self.sealer = Sealer(load_file_keys(keys, is_shared=bool(settings.site)))
        self.sealing_keys = PostgresSealingKeys(database, self.sealer)
        self.passwords = Passwords()
        self.audit = PostgresAudit(database)
        desk = Desk(
            DeskAccounts(messenger),
            PostgresOperators(database),
            PostgresOperatorSessions(database),
        )
        self.people = People(desk, self.passwords, server_name=settings.server_name)
        self.operators = Operators(desk, server_name=settings.server_name)
        self.face = face_of(settings, self.sealer.file_keys, self.people)
        self.mailer: Mailer | None = mailer_of(settings)
        self.outgoing = Outgoing(settings.outgoing_allowed_networks)

    async def close(self) -> None:
        await self.outgoing.close()
        self.passwords.close()


def face_of(settings: Settings, file_keys: FileKeys, people: People) -> Face:
    """The face without links for operators: those are the areas'."""
    return Face(
        people=people,
        csrf=Csrf(file_keys.derive("forms")),
        work=ProofOfWork(file_keys.derive("work"), settings.desk_proof_of_work, time.time),
        limiter=RateLimiter(RATES, enabled=settings.rate_limits),
        peers=Peers(settings.trusted_proxies),
        title=settings.desk_title or settings.server_name,
        public_url=settings.desk_url,
        client_origins=settings.desk_origins,
        zone=ZoneInfo(settings.desk_time_zone),
    )
