"""Delivery of notifications to pushers."""

from bongsu.fetching import Fetcher
from bongsu.mail.sender import SmtpMailer
from bongsu.mail.server import parse_smtp_url
from bongsu.mailing import Mailer
from bongsu.node.heart import Heart
from bongsu.postgres.database import Database
from bongsu.postgres.entry_reader import PostgresEntryReader
from bongsu.postgres.push_store import PostgresPushStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.pushing.emails import Emails
from bongsu.pushing.gateway import Gateways
from bongsu.pushing.service import PushDelivery
from bongsu.settings import Settings


def mailer_of(settings: Settings) -> Mailer | None:
    """Who sends e-mail, if the settings name a mail server."""
    if settings.smtp_url is None or settings.smtp_from is None:
        return None
    server = parse_smtp_url(settings.smtp_url, settings.smtp_password_file)
    return SmtpMailer(server, settings.smtp_from)


def push_delivery(
    settings: Settings, database: Database, heart: Heart, fetcher: Fetcher
) -> PushDelivery:
    """For the partitions whose sequencer is in this node."""
    mailer = mailer_of(settings)
    return PushDelivery(
        heart.follower,
        PostgresEntryReader(database),
        PostgresPushStore(database),
        PostgresSyncStore(database),
        Gateways(fetcher),
        Emails(mailer, settings.server_name) if mailer else None,
        lambda: heart.sequencer.heads,
    )
