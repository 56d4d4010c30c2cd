"""A report under its private link: follow, amend, answer, appeal, withdraw, erase."""

import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial

from starlette.responses import Response

from bongsu.desk.compensation.given import GivenReader
from bongsu.desk.reports.following import Following
from bongsu.desk.reports.form import TEXT_CHARS_MAX, check_form, check_payout, clean
from bongsu.desk.reports.intake import FILES_MAX, Intake
from bongsu.desk.reports.keys import hash_link
from bongsu.desk.reports.money import format_amount
from bongsu.desk.reports.view import Report
from bongsu.desk.reports.words import AMENDABLE, APPEALABLE, PAYABLE, WITHDRAWABLE, Kind, Status
from bongsu.errors import NotFound, Refused, TooLarge, Unavailable
from bongsu.http.desk.compensation_figures import said_amount
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.report_fields import CHOICES, Values, values_of_form, values_of_version
from bongsu.http.desk.reports import BODY_BYTES_MAX, DRAFT_FIELDS_MAX, link_path, stage_files
from bongsu.http.desk.tickets import Tickets
from bongsu.http.desk.visit import Visit
from bongsu.users.tokens import Clock, now_ms

ENTRY_KEY_BYTES = 12
ENTRY_KEY_CHARS_MAX = 40
Remover = Callable[[], Awaitable[None]]


class FollowingPages:
    """`remove` removes the files of erased reports. `own_links` opens what the messenger was given
    in the place of private links."""

    def __init__(
        self,
        following: Following,
        intake: Intake,
        remove: Remover,
        own_links: Tickets,
        given: GivenReader,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._following = following
        self._intake = intake
        self._remove = remove
        self._own_links = own_links
        self._given = given
        self._clock = clock

    def endpoints(self) -> Iterator[Endpoint]:
        path = link_path("{token}")
        yield get(path, self.show)
        yield get(f"{path}/amend", self.show_amend)
        yield post(
            f"{path}/amend", self.amend, limit="intake", body_bytes_max=BODY_BYTES_MAX,
            files_max=FILES_MAX, fields_max=DRAFT_FIELDS_MAX,
        )  # fmt: skip
        yield post(f"{path}/answer", self.answer)
        yield post(f"{path}/appeal", self.appeal)
        yield post(f"{path}/payout", self.set_payout)
        yield post(f"{path}/withdraw", self.withdraw)
        yield post(f"{path}/erase", self.erase)

    async def show(self, visit: Visit) -> Response:
        return await self._page(visit, await self._open(visit))

    async def show_amend(self, visit: Visit) -> Response:
        report = await self._open(visit)
        if "amend" not in _may(report):
            raise visit.refuse("reports.follow.past")
        return self._amend_page(visit, report, values_of_version(report.latest))

    async def amend(self, visit: Visit) -> Response:
        report = await self._open(visit)
        values = values_of_form(visit.form)
        checked = check_form(values, language=report.language, now=self._clock())
        if checked.claim is None or checked.personal is None:
            return self._amend_page(visit, report, values, errors=checked.errors, status=422)
        base, withdrawn = visit.text("base", 6), visit.texts("take_back", 100)
        if not all(text.isascii() and text.isdigit() for text in (base, *withdrawn)):
            raise visit.refuse("base.field_wrong", name="base")
        try:
            staged = await stage_files(self._intake, visit)
        except TooLarge:
            errors = {"evidence": "file_large"}
            return self._amend_page(visit, report, values, errors=errors, status=413)
        try:
            await self._following.amend(
                report, int(base), checked.claim, checked.personal, files=staged,
                withdrawn=[int(text) for text in withdrawn],
            )  # fmt: skip
        except Refused as error:
            raise _told(visit, error) from None
        finally:
            await self._intake.discard(staged)
        return visit.redirect(link_path(visit.path["token"]))

    async def answer(self, visit: Visit) -> Response:
        return await self._write(visit, Kind.ANSWER)

    async def appeal(self, visit: Visit) -> Response:
        return await self._write(visit, Kind.APPEAL)

    async def set_payout(self, visit: Visit) -> Response:
        report, values = await self._open(visit), values_of_form(visit.form)
        payout, errors = check_payout(values)
        base = visit.text("base", 6, required=True)
        if payout is None or not (base.isascii() and base.isdigit()):
            return await self._page(visit, report, values=values, errors=errors, status=422)
        try:
            await self._following.set_payout(report, int(base), payout)
        except Refused as error:
            raise _told(visit, error) from None
        return visit.redirect(link_path(visit.path["token"]))

    async def withdraw(self, visit: Visit) -> Response:
        return await self._write(visit, Kind.WITHDRAWAL)

    async def erase(self, visit: Visit) -> Response:
        await self._following.erase(await self._open(visit))
        await self._remove()
        return visit.redirect(link_path(visit.path["token"]))

    async def _write(self, visit: Visit, kind: Kind) -> Response:
        report = await self._open(visit)
        is_needed = kind is not Kind.WITHDRAWAL
        text = clean(visit.text("text", TEXT_CHARS_MAX["description"], required=is_needed))
        entry_key = visit.text("entry_key", ENTRY_KEY_CHARS_MAX, required=True)
        try:
            await self._following.write(report, kind, text, f"r{entry_key}")
        except Refused as error:
            raise _told(visit, error) from None
        return visit.redirect(link_path(visit.path["token"]))

    async def _open(self, visit: Visit) -> Report:
        token = visit.path["token"]
        own = self._own_links.open(token)
        try:
            if own is not None:
                return await self._following.open_own(own)
            return await self._following.open(token)
        except (NotFound, Unavailable) as error:
            if self._intake.holds(hash_link(token)):
                raise Refused(
                    visit.t("reports.follow.spooled"), code="DESK_SPOOLED", status=503
                ) from None
            if isinstance(error, Unavailable):
                raise
            raise Refused(
                visit.t("reports.follow.unknown"), code="DESK_NO_REPORT", status=404
            ) from None

    async def _page(
        self,
        visit: Visit,
        report: Report,
        *,
        values: Values | None = None,
        errors: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        given = await self._given.list_given(report.facts.report_id)
        return visit.render(
            "reports/follow.html", status=status, report=report, may=_may(report),
            path=link_path(visit.path["token"]), entry_key=secrets.token_urlsafe(ENTRY_KEY_BYTES),
            money=format_amount, plain=str, given=given, said_amount=partial(said_amount, visit),
            values=values or values_of_version(report.latest), errors=errors or {},
            is_owed=any(each.is_owed_money for each in given),
        )  # fmt: skip

    def _amend_page(
        self,
        visit: Visit,
        report: Report,
        values: Values,
        *,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        base = visit.form.get("base") or report.latest.version
        return visit.render(
            "reports/amend.html", status=status, report=report, values=values, choices=CHOICES,
            path=link_path(visit.path["token"]), base=base, errors=errors or {},
        )  # fmt: skip


def _may(report: Report) -> set[str]:
    """What the reporter may do as the report stands."""
    status = report.facts.status
    may = {
        "amend": status in AMENDABLE,
        "payout": status in PAYABLE,
        "answer": status is Status.QUESTION,
        "appeal": status in APPEALABLE,
        "withdraw": status in WITHDRAWABLE,
    }
    return {name for name, allowed in may.items() if allowed and report.erased_ts is None}


def _told(visit: Visit, error: Refused) -> Refused:
    key = "reports.follow.changed" if error.code == "DESK_CHANGED" else "reports.follow.past"
    return Refused(visit.t(key), code=error.code, status=error.status)
