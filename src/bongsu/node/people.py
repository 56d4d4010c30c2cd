"""Accounts, sessions, devices and what else belongs to one person."""

from typing import cast

from bongsu.appservices.acting import Acting, ActingAuthenticator
from bongsu.appservices.services import Services
from bongsu.http.client.account import AccountEndpoints
from bongsu.http.client.account_data import AccountDataEndpoints
from bongsu.http.client.admin import AdminEndpoints
from bongsu.http.client.devices import DeviceEndpoints
from bongsu.http.client.email_page import EmailPage
from bongsu.http.client.login import Login
from bongsu.http.client.openid import OpenIdEndpoints
from bongsu.http.client.profile import ProfileEndpoints
from bongsu.http.client.push_rules import PushRules
from bongsu.http.client.pushers import Pushers
from bongsu.http.client.register import Mode, Register, RegistrationPolicy
from bongsu.http.client.reports import ReportEndpoints
from bongsu.http.client.threepids import ThreepidEndpoints
from bongsu.http.client.user_directory import UserDirectoryEndpoints
from bongsu.http.rate_limit import RateLimiter
from bongsu.log.bus import Bus
from bongsu.log.gateway import Log
from bongsu.log.intents import Intents
from bongsu.node.pushing import mailer_of
from bongsu.postgres.account_store import PostgresAccountStore
from bongsu.postgres.database import Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.email_store import PostgresEmailStore
from bongsu.postgres.event_positions import PostgresEventPositions
from bongsu.postgres.intent_store import PostgresIntentStore
from bongsu.postgres.interactive_auth_store import (
    PostgresAuthSessionStore,
    PostgresRegistrationTokenStore,
)
from bongsu.postgres.key_store import delete_keys_of
from bongsu.postgres.pusher_store import PostgresPusherStore, delete_pushers_of
from bongsu.postgres.report_store import PostgresReportStore
from bongsu.postgres.session_store import PostgresSessionStore
from bongsu.postgres.short_token_store import PostgresShortTokenStore
from bongsu.postgres.sliding_store import delete_connections_of
from bongsu.postgres.user_data_store import PostgresUserDataStore
from bongsu.postgres.user_directory_store import PostgresUserDirectory
from bongsu.push.log_store import LoggedPushRules
from bongsu.push.pushers import PushersService
from bongsu.push.service import PushRulesService
from bongsu.rooms.reading import RoomReader
from bongsu.settings import Settings
from bongsu.users.account_data import AccountDataService, InviteRules
from bongsu.users.accounts import DEPARTURE, Accounts
from bongsu.users.authenticator import Authenticator
from bongsu.users.departure import Departures
from bongsu.users.device_announcer import LoggedDeviceLists
from bongsu.users.devices import Devices
from bongsu.users.directory import UserDirectory
from bongsu.users.emails import Emails
from bongsu.users.interactive_auth import InteractiveAuth
from bongsu.users.last_seen import LastSeen
from bongsu.users.openid import OpenId
from bongsu.users.passwords import Passwords
from bongsu.users.profiles import Profiles
from bongsu.users.reports import Reports
from bongsu.users.revocations import BusRevocations
from bongsu.users.sessions import SessionMaker, Sessions
from bongsu.users.tags import RoomTags
from bongsu.users.tokens import now_ms


class People:
    """Services of people, made in the order in which they depend on each other."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        log: Log,
        bus: Bus,
        rooms: RoomReader,
        rate_limiter: RateLimiter,
        services: Services,
    ) -> None:
        name = settings.server_name
        self.passwords = Passwords()
        self.device_lists = LoggedDeviceLists(log)
        self.device_store = PostgresDeviceStore(
            database, [delete_pushers_of, delete_keys_of, delete_connections_of]
        )
        account_store = PostgresAccountStore(database, self.device_store)
        sessions = PostgresSessionStore(database)
        short_tokens = PostgresShortTokenStore(database)
        self.data_store = PostgresUserDataStore(database)
        self.services = services
        self.acting = Acting(services, account_store, self.device_store)
        self._tokens = Authenticator(sessions)
        self.authenticator = ActingAuthenticator(self._tokens, services, self.acting)
        self.revocations = BusRevocations(bus, self.authenticator)
        maker = SessionMaker()
        self.sessions = Sessions(sessions, short_tokens, maker, self.revocations)
        self.devices = Devices(self.device_store, self.device_lists, self.revocations)
        self.accounts = Accounts(
            account_store,
            self.passwords,
            maker,
            self.revocations,
            server_name=name,
            announcer=self.device_lists,
        )
        self.emails = _emails(settings, database)
        self.interactive_auth = InteractiveAuth(
            PostgresAuthSessionStore(database),
            self.accounts,
            PostgresRegistrationTokenStore(database),
            self.passwords,
            server_name=name,
            lasting_tokens=settings.registration_tokens,
            emails=self.emails,
        )
        self.last_seen = LastSeen(self.device_store)
        self.intents = Intents(PostgresIntentStore(database))
        self.intents.register(DEPARTURE, Departures(log, rooms, self.data_store).carry_out)
        self.profiles = Profiles(log, self.intents, self.data_store, rooms, self.accounts)
        self.account_data = AccountDataService(log, self.data_store)
        self.invite_rules = InviteRules(self.data_store)
        self.push_rules = PushRulesService(LoggedPushRules(log, self.data_store))
        self._settings = settings
        self._rate_limiter = rate_limiter
        self._openid = OpenId(short_tokens, server_name=name)
        self._pushers = PushersService(
            PostgresPusherStore(database),
            PostgresEmailStore(database) if settings.smtp_url else None,
            plain_http=bool(settings.outgoing_allowed_networks),
        )
        self._user_directory = UserDirectory(PostgresUserDirectory(database))
        self._reports = Reports(
            PostgresReportStore(database),
            rooms,
            PostgresEventPositions(database),
            self.accounts,
            now_ms,
        )

    def endpoints(self) -> list[object]:
        name = self._settings.server_name
        mode = cast(Mode, self._settings.registration)  # one of these: settings are checked
        policy = RegistrationPolicy(mode, self._settings.guests)
        return [
            Register(
                self.accounts,
                self.interactive_auth,
                policy,
                self.services,
                self.emails,
                server_name=name,
            ),
            Login(
                self.accounts,
                self.sessions,
                self.devices,
                self.passwords,
                self.interactive_auth,
                self._rate_limiter,
                self.acting,
                self.emails,
                server_name=name,
            ),
            AccountEndpoints(self.accounts, self.interactive_auth, self.emails),
            ThreepidEndpoints(
                self.emails,
                self.interactive_auth,
                self._rate_limiter,
                may_register=mode != "closed",
            ),
            EmailPage(self.emails),
            DeviceEndpoints(self.devices, self.interactive_auth),
            AdminEndpoints(self.accounts, self.devices, server_name=name),
            OpenIdEndpoints(self._openid),
            PushRules(self.push_rules),
            Pushers(self._pushers),
            UserDirectoryEndpoints(self._user_directory),
            ReportEndpoints(self._reports),
            ProfileEndpoints(self.profiles),
            AccountDataEndpoints(self.account_data, RoomTags(self.account_data)),
        ]

    async def start(self) -> None:
        await self.revocations.start()
        self._tokens.start()
        self.last_seen.start()
        await self.intents.start()

    async def stop(self) -> None:
        if self.emails is not None:
            await self.emails.stop()
        await self.intents.stop()
        await self.device_lists.stop()
        await self.last_seen.stop()
        await self._tokens.stop()
        await self.revocations.stop()
        self.passwords.close()


def _emails(settings: Settings, database: Database) -> Emails | None:
    """People's e-mail addresses, if the settings name a mail server."""
    mailer = mailer_of(settings)
    if mailer is None:
        return None
    return Emails(
        PostgresEmailStore(database),
        mailer,
        settings.base_url,
        server_name=settings.server_name,
        reveals=settings.email_reveals_accounts,
    )
