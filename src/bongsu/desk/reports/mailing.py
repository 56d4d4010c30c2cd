"""Telling reporters by e-mail that there is something to see under their private link.

    question, decision ─▶ row in the same transaction ─▶ claimed by one desk ─▶ SMTP ─▶ done

A mail says neither what was decided nor where the report is: the secret of the private link is
stored nowhere but hashed, a mail travels in the open, and an address may have been mistyped. Who
got the link uses the link. A claim is one desk's for `CLAIM_MS`, which is longer than all its
attempts together may take; when a desk dies, another sends under the same Message-ID.
"""

import asyncio
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import structlog

from bongsu.desk.notices.subscribers import checked_email
from bongsu.errors import InvalidParam, Unavailable
from bongsu.mailing import Mailer, MailFailed, MailRefused, Message
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

log = structlog.get_logger()

CLAIMED_MAX = 20  # by one desk at once
AT_ONCE_MAX = 4
MAIL_SECONDS_MAX = 30.0
CLAIM_MS = 180_000
LOOK_SECONDS = 2.0
BROKEN_SECONDS = 10.0
SWEEP_LOOKS = 1800
BACK_OFF_SECONDS = (60, 300, 1800, 7200, 21600, 43200)
"""Before the second attempt, the third, …; after the last it is given up."""
AGE_MAX_MS = 7 * 86_400_000  # what could not be told by then is no news any more
KEPT_MS = 30 * 86_400_000  # outcomes

_BETWEEN = re.compile(r"[\s,;<>()/]+")


class MailKind(StrEnum):
    """What there is to see under the private link."""

    QUESTION = "question"
    DECISION = "decision"
    APPEAL = "appeal"  # a decision on one
    MESSAGE = "message"  # something was written, nothing decided
    AWARD = "award"  # what is given
    RETURNED = "returned"  # a payment came back


class Outcome(StrEnum):
    SENT = "sent"
    NO_ADDRESS = "no_address"  # none that is e-mail, or erased meanwhile
    REFUSED = "refused"  # by the mail server, for good
    GIVEN_UP = "given_up"


class Due(NamedTuple):
    """A mail to be sent. `contact`: as the reporter wrote it in the latest version; "" for none."""

    mail_id: int
    kind: MailKind
    attempts: int
    receipt: str
    language: str
    contact: str


class Wording(Protocol):
    """Says it in the reporter's language: subject and text."""

    def mail(self, kind: MailKind, receipt: str, language: str) -> tuple[str, str]: ...


class ReportMailStore(Protocol):
    async def claim(self, holder: str, now: int, until: int, limit: int) -> Sequence[Due]:
        """Mails that are due and nobody is at; they are `holder`'s until then."""
        ...

    async def finish(self, mail_id: int, holder: str, now: int, outcome: Outcome) -> None: ...
    async def postpone(self, mail_id: int, holder: str, due: int) -> None: ...
    async def sweep(self, now: int, queued_before: int, done_before: int) -> int:
        """Give up what is too old and forget what is long done; how many were given up."""
        ...

    async def count_waiting(self) -> int: ...


class ReportMails:
    """Start it and stop it. Without a `mailer` mails only grow old."""

    def __init__(
        self,
        store: ReportMailStore,
        mailer: Mailer | None,
        wording: Wording,
        holder: str,
        clock: Clock = now_ms,
    ) -> None:
        self._store, self._mailer, self._wording = store, mailer, wording
        self._holder = holder
        self._clock = clock
        self._tasks = TaskOwner("report mails")
        self.sent_total = 0
        self.failed_total = 0

    def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def send_due(self) -> int:
        """Claim and send what is due; how many those were."""
        if self._mailer is None:
            return 0
        now = self._clock()
        claimed = await self._store.claim(self._holder, now, now + CLAIM_MS, CLAIMED_MAX)
        places = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(mailer: Mailer, due: Due) -> None:
            async with places:
                await self._send(mailer, due)

        await asyncio.gather(*(one(self._mailer, due) for due in claimed))
        return len(claimed)

    async def sweep(self) -> int:
        now = self._clock()
        return await self._store.sweep(now, now - AGE_MAX_MS, now - KEPT_MS)

    async def _run(self) -> None:
        looks = 0
        while True:
            seconds = LOOK_SECONDS
            try:
                if looks % SWEEP_LOOKS == 0 and (count := await self.sweep()):
                    log.warning("reporters were not told in time", mails=count)
                looks += 1
                if await self.send_due() == CLAIMED_MAX:
                    continue
            except Unavailable as error:
                log.info("mails to reporters wait", reason=error.message)
                seconds = BROKEN_SECONDS
            except Exception:
                log.exception("mails to reporters wait")
                seconds = BROKEN_SECONDS
            await asyncio.sleep(seconds)

    async def _send(self, mailer: Mailer, due: Due) -> None:
        outcome = await self._outcome(mailer, due)
        if outcome is None:
            later = self._clock() + BACK_OFF_SECONDS[due.attempts] * 1000
            await self._store.postpone(due.mail_id, self._holder, later)
        else:
            await self._store.finish(due.mail_id, self._holder, self._clock(), outcome)

    async def _outcome(self, mailer: Mailer, due: Due) -> Outcome | None:
        """None to try again."""
        to = address_in(due.contact)
        if to is None:
            return Outcome.NO_ADDRESS
        subject, text = self._wording.mail(due.kind, due.receipt, due.language)
        name = f"report-{due.mail_id}"
        try:
            async with asyncio.timeout(MAIL_SECONDS_MAX):
                await mailer.send(Message(to, subject, text, message_id=name))
        except MailRefused as error:
            self._note(due, error)
            return Outcome.REFUSED
        except (MailFailed, TimeoutError) as error:
            self._note(due, error)
            return Outcome.GIVEN_UP if due.attempts >= len(BACK_OFF_SECONDS) else None
        self.sent_total += 1
        return Outcome.SENT

    def _note(self, due: Due, error: Exception) -> None:
        self.failed_total += 1
        reason = f"{type(error).__name__}: {error}"[:200].replace(due.contact, "…")
        log.info("a reporter was not told", receipt=due.receipt, reason=reason)


def address_in(contact: str) -> str | None:
    """The first e-mail address in what somebody gave as contact."""
    for part in _BETWEEN.split(contact):
        try:
            return checked_email(part)
        except InvalidParam:
            continue
    return None
