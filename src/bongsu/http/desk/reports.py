"""Reporting damage: the form and the receipt."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from starlette.datastructures import UploadFile
from starlette.responses import Response

from bongsu.desk.reports.claim import StagedFile, Submission
from bongsu.desk.reports.form import Checked, check_form, clean
from bongsu.desk.reports.intake import FILE_BYTES_MAX, FILES_MAX, Accepted, Intake
from bongsu.desk.reports.keys import ReportKeys, derive, is_form_key, new_form_key
from bongsu.errors import TooLarge, Unavailable
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.report_fields import CHOICES, Values, empty_values, values_of_form
from bongsu.http.desk.tickets import Tickets
from bongsu.http.desk.visit import Visit
from bongsu.users.tokens import Clock, now_ms

REPORT_PATH = "/report"
BODY_BYTES_MAX = 64 * 1024 * 1024  # all files of one form together
ACCOUNT_COOKIE = "desk_reporter"
ACCOUNT_SECONDS = 24 * 3600
FILE_NAME_CHARS_MAX = 200
READ_BYTES = 256 * 1024
DRAFT_FIELDS_MAX = 100


class ReportPages:
    """`site` is where reports are taken in; `accounts` reads who came in from the messenger."""

    def __init__(
        self,
        intake: Intake,
        accounts: Tickets,
        *,
        site: str,
        clock: Clock = now_ms,
    ) -> None:
        self._intake = intake
        self._accounts = accounts
        self._site = site
        self._clock = clock

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(REPORT_PATH, self.show)
        yield post(
            REPORT_PATH, self.send, limit="intake", body_bytes_max=BODY_BYTES_MAX,
            files_max=FILES_MAX, fields_max=DRAFT_FIELDS_MAX, asks_work=True,
        )  # fmt: skip

    async def show(self, visit: Visit) -> Response:
        return self._form(visit, new_form_key(), empty_values())

    async def send(self, visit: Visit) -> Response:
        """One with mistakes comes back as it was typed; a good one is answered when it is safe."""
        form_key = visit.text("form_key", 64)
        if not is_form_key(form_key):
            raise visit.refuse("base.form_old")
        values = values_of_form(visit.form)
        checked = check_form(values, language=visit.language, now=self._clock())
        if checked.claim is None:
            return self._form(visit, form_key, values, errors=checked.errors, status=422)
        try:
            staged = await stage_files(self._intake, visit)
        except TooLarge:
            return self._form(
                visit, form_key, values, errors={"evidence": "file_large"}, status=413
            )
        except Unavailable:
            return self._form(visit, form_key, values, not_kept=True, status=503)
        keys = derive(form_key)
        try:
            accepted = await self._intake.receive(self._submission(visit, keys, checked, staged))
        except Unavailable:
            await self._intake.discard(staged)
            return self._form(visit, form_key, values, not_kept=True, status=503)
        return self._receipt(visit, keys, accepted)

    def _account(self, visit: Visit) -> str | None:
        return self._accounts.open(visit.request.cookies.get(ACCOUNT_COOKIE))

    def _submission(
        self, visit: Visit, keys: ReportKeys, checked: Checked, staged: Sequence[StagedFile]
    ) -> Submission:
        assert checked.claim is not None, "looked at before"
        assert checked.personal is not None, "there with the claim"
        return Submission(
            keys.report_id, keys.receipt, keys.link_hash, self._clock(), self._site,
            self._account(visit), checked.claim, checked.personal, tuple(staged),
        )  # fmt: skip

    def _form(
        self,
        visit: Visit,
        form_key: str,
        values: Values,
        *,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
        not_kept: bool = False,
    ) -> Response:
        headers = {"Retry-After": "60"} if status == 503 else None
        return visit.render(
            "reports/form.html", status=status, headers=headers, form_key=form_key, values=values,
            choices=CHOICES, account=self._account(visit), errors=errors or {},
            not_kept=not_kept,
        )  # fmt: skip

    def _receipt(self, visit: Visit, keys: ReportKeys, accepted: Accepted) -> Response:
        path = link_path(keys.link_token)
        return visit.render(
            "reports/receipt.html", receipt=keys.receipt, path=path,
            url=visit.face.public_url + path, is_confirmed=accepted.is_confirmed,
            is_first=accepted.is_first,
        )  # fmt: skip


def link_path(token: str) -> str:
    return f"{REPORT_PATH}/r/{token}"


async def stage_files(intake: Intake, visit: Visit, field: str = "evidence") -> list[StagedFile]:
    """The files of a form on disk, or none of them: `TooLarge`, `Unavailable`."""
    staged: list[StagedFile] = []
    try:
        for file in visit.files(field):
            if (file.size or 0) > FILE_BYTES_MAX:
                raise TooLarge(f"A file may have {FILE_BYTES_MAX} bytes")
            if file.size:
                name = clean(file.filename or "")[:FILE_NAME_CHARS_MAX] or "file"
                staged.append(await intake.stage(name, _pieces(file)))
    except BaseException:
        await intake.discard(staged)
        raise
    return staged


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(READ_BYTES):
        yield piece
