"""Compensation for machines: texts checked as they are written elsewhere, programmes and the ledger
as they stand."""

from collections.abc import Iterator

from msgspec import Struct
from starlette.responses import Response

from bongsu.desk.compensation.dry_run import DryRun
from bongsu.desk.compensation.explaining import RuleInWords
from bongsu.desk.compensation.ledger import LedgerStore
from bongsu.desk.compensation.versions import Programmes, Version, check
from bongsu.http.desk.compensation_programmes import APPROVERS, READERS, rules_in_words
from bongsu.http.desk.endpoints import Endpoint, api
from bongsu.http.desk.json_bodies import answer_json, read_json
from bongsu.http.desk.visit import Visit

API = "/api/compensation"


class ProgrammeText(Struct, frozen=True, forbid_unknown_fields=True):
    """A programme as YAML."""

    text: str


class ToldProblem(Struct, frozen=True):
    line: int
    column: int
    message: str
    is_warning: bool


class Checked(Struct, frozen=True):
    """`rules`: what the text means, in words; empty as long as anything is wrong with it."""

    problems: list[ToldProblem]
    rules: list[RuleInWords]


class ToldProgramme(Struct, frozen=True):
    """The latest version of a programme, with its latest dry run."""

    programme: str
    version: int
    sha256: str
    author: str
    made_ts: int
    approvers: list[str]
    is_approved: bool
    dry_run: DryRun | None = None


class ProgrammeList(Struct, frozen=True):
    programmes: list[ToldProgramme]


class ToldTotal(Struct, frozen=True):
    """All accounts of a class together, in smallest units."""

    account_class: str
    unit: str
    amount: int
    accounts: int


class LedgerTotals(Struct, frozen=True):
    """The amounts of each unit sum to zero."""

    totals: list[ToldTotal]


class CompensationApi:
    def __init__(self, programmes: Programmes, ledger: LedgerStore) -> None:
        self._programmes = programmes
        self._ledger = ledger

    def endpoints(self) -> Iterator[Endpoint]:
        yield api("POST", f"{API}/check", self.check, roles=READERS)
        yield api("GET", f"{API}/programmes", self.list_programmes, roles=READERS)
        yield api("GET", f"{API}/ledger", self.show_ledger, roles=APPROVERS)

    async def check(self, visit: Visit) -> Response:
        given = await read_json(visit, ProgrammeText, "a programme's text")
        problems = [
            ToldProblem(each.line, each.column, said, each.is_warning)
            for each in check(given.text)
            for said in (each.words.in_language(visit.language),)
        ]
        return answer_json(Checked(problems, rules_in_words(given.text, visit)))

    async def list_programmes(self, visit: Visit) -> Response:
        latest = await self._programmes.list_latest()
        return answer_json(ProgrammeList([await self._told(version) for version in latest]))

    async def show_ledger(self, visit: Visit) -> Response:
        totals = await self._ledger.load_totals()
        return answer_json(LedgerTotals([ToldTotal(*total) for total in totals]))

    async def _told(self, version: Version) -> ToldProgramme:
        run = await self._programmes.load_run(version.programme, version.version)
        return ToldProgramme(
            version.programme, version.version, version.sha256.hex(), version.author,
            version.made_ts, [each.approver for each in version.approvals], version.is_approved,
            None if run is None else run.result,
        )  # fmt: skip
