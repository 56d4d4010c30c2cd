"""The operations of the operator API: who may, what is sent, what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from bongsu.desk.assessment.queue import PAGE_ROWS
from bongsu.desk.compensation.benefit_files import BenefitAnswers, BenefitFile
from bongsu.desk.drill_report import Drill
from bongsu.desk.investigation.document import Document
from bongsu.desk.investigation.machine_events import Taken
from bongsu.http.desk.assessment_api import ROWS_MAX
from bongsu.http.desk.assessment_filters import FLAGS, LISTS
from bongsu.http.desk.assessment_told import (
    BulkOrder,
    DecisionOrder,
    Done,
    FileAddress,
    Question,
    QueuePage,
    ToldReport,
)
from bongsu.http.desk.compensation_api import (
    Checked,
    LedgerTotals,
    ProgrammeList,
    ProgrammeText,
)
from bongsu.http.desk.compensation_benefits import (
    AnswersTaken,
    BatchOrder,
    BenefitList,
    ToldBatch,
)
from bongsu.http.desk.investigation_public import InvestigationList
from bongsu.http.desk.machine_api import DrillsTaken, EventBatch, EventList
from bongsu.http.desk.prevention import MeasureList
from bongsu.http.desk.report_account import ReportList
from bongsu.http.desk.session_api import SignIn, ToldOperator, ToldSession
from bongsu.http.desk.statements import StatementList, ToldStatement


class Refusal(Struct, frozen=True):
    """Every answer that is no success. `code` is for programs, `message` for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Operation:
    """`token`: the scheme that opens it, "" for everybody. `statuses`: how else it may answer."""

    method: str
    path: str
    summary: str
    answer: Any
    body: Any = None
    media_type: str = "application/json"  # of the body
    token: str = ""
    query: Sequence["Query"] = ()
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True)
class Query:
    """A parameter after the question mark. `schema`: what may stand there."""

    name: str
    description: str
    schema: Mapping[str, Any]


_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_DAY = {"type": "string", "format": "date"}
TIMES = (Query("from", "ms since 1970", _WHOLE), Query("to", "ms since 1970", _WHOLE))
QUEUE: Sequence[Query] = (
    *(
        Query(name, "One of these", {"type": "array", "items": {"enum": list(words)}})
        for name, words in LISTS.items()
    ),
    *(Query(name, "Only those of which this is so, or is not", {"enum": ["yes", "no"]})
      for name in FLAGS),
    Query("loss_min", "Smallest units of the currency", _WHOLE),
    Query("loss_max", "Smallest units of the currency", _WHOLE),
    Query("received_from", "First day, where the desk is", _DAY),
    Query("received_to", "Last day, where the desk is", _DAY),
    Query("country", "ISO 3166-1 alpha-2", _TEXT),
    Query("q", "A receipt number, an account, a contact, or words of the texts", _TEXT),
    Query("mark", "A cluster of look-alikes: kind.mark", _TEXT),
    Query("order", "The oldest first if it is not said", {"enum": ["oldest", "newest"]}),
    Query("limit", f"{PAGE_ROWS} if it is not said",
          {"type": "integer", "minimum": 1, "maximum": ROWS_MAX}),
    Query("after", "What the page before gave", _TEXT),
)  # fmt: skip

OPERATIONS: Sequence[Operation] = (
    Operation(
        "post", "/api/session",
        "Begin a session. Which acts it opens follows from the account's roles at the desk.",
        ToldSession, SignIn, statuses=(400, 403),
    ),
    Operation(
        "get", "/api/session", "Whose session it is.", ToldOperator, token="operator",
        statuses=(401,),
    ),
    Operation(
        "delete", "/api/session", "End the session.", ToldOperator, token="operator",
        statuses=(401,),
    ),
    Operation(
        "get", "/api/reports", "The queue of damage reports: a page of what a filter finds.",
        QueuePage, token="operator", query=QUEUE, statuses=(400, 401, 403),
    ),
    Operation(
        "post", "/api/reports/decisions",
        "Decide on all reports of a filter, all or none. Sent again with its key it is done once.",
        Done, BulkOrder, token="operator", statuses=(400, 401, 403, 409),
    ),
    Operation(
        "get", "/api/reports/{report}",
        "One report, name and contact masked. That it was read is in the audit log.",
        ToldReport, token="operator", statuses=(401, 403, 404),
    ),
    Operation(
        "post", "/api/reports/{report}/reveal",
        "The same, name and contact open. That somebody looked is in the audit log.",
        ToldReport, token="operator", statuses=(401, 403, 404),
    ),
    Operation(
        "post", "/api/reports/{report}/files/{number}",
        "An address at which an evidence file is downloaded. That is in the audit log.",
        FileAddress, token="operator", statuses=(401, 403, 404),
    ),
    Operation(
        "post", "/api/reports/{report}/questions",
        "Ask the reporter something. Sent again with its key it is asked once.",
        Done, Question, token="operator", statuses=(400, 401, 403, 404, 409),
    ),
    Operation(
        "post", "/api/reports/{report}/decisions",
        "Decide on a report: status, category, loss, evidence, with the reason. After an answer "
        "that was lost, 409 may mean that it was done: read the report.",
        Done, DecisionOrder, token="operator", statuses=(400, 401, 403, 404, 409),
    ),
    Operation(
        "post", "/api/machine-events",
        "Add events, all or none. Sent again with the same ids they change nothing.",
        Taken, EventBatch, token="sender", statuses=(400, 401, 409, 413),
    ),
    Operation(
        "get", "/api/machine-events", "Events between two times, 1,000 at most.",
        EventList, token="operator", query=TIMES, statuses=(400, 401, 403),
    ),
    Operation(
        "post", "/api/drill-reports",
        "Add the events of drills (drill.json of `bongsu drill --report`), and open measures again "
        "that they disprove.",
        DrillsTaken, list[Drill] | Drill, token="sender", statuses=(400, 401, 409, 413),
    ),
    Operation(
        "post", "/api/witness-logs",
        "Add a witness's decisions: its log's lines of JSON. Other lines are let pass.",
        Taken, str, "text/plain", "sender", statuses=(401, 413),
    ),
    Operation("get", "/api/investigations", "The latest published reports.", InvestigationList),
    Operation(
        "get", "/api/investigations/{case}/{version}",
        "A published version. The SHA-256 of these bytes is shown with it.",
        Document, statuses=(404,),
    ),
    Operation(
        "get", "/api/compensation/benefit-batches",
        "Benefits that are no money: batches of them, and what waits for one.",
        BenefitList, token="operator", statuses=(401, 403),
    ),
    Operation(
        "post", "/api/compensation/benefit-batches", "Make a batch of all of a kind that waits.",
        ToldBatch, BatchOrder, token="operator", statuses=(400, 401, 403, 409),
    ),
    Operation(
        "post", "/api/compensation/benefit-batches/{batch}/export",
        "The lines that are still to be granted, with accounts. That is in the audit log.",
        BenefitFile, token="operator", statuses=(401, 403, 404, 409),
    ),
    Operation(
        "post", "/api/compensation/benefit-batches/{batch}/answers",
        "What became of lines, all of it or none. Sent again it changes nothing.",
        AnswersTaken, BenefitAnswers, token="operator", statuses=(400, 401, 403, 404, 413),
    ),
    Operation(
        "get", "/api/reporter/reports",
        "Somebody's own reports, 100 at most, each with a link that opens it for a day. Browser "
        "clients of the messenger may ask from their own origin.",
        ReportList, token="reporter", statuses=(401, 403),
    ),
    Operation("get", "/api/measures", "Public measures.", MeasureList),
    Operation("get", "/api/statements", "The latest version of every statement.", StatementList),
    Operation(
        "get", "/api/statements/{statement}/{version}",
        "A version of a statement with all that its hash is made of.",
        ToldStatement, statuses=(404,),
    ),
    Operation(
        "post", "/api/compensation/check", "What is wrong in a programme's text, line by line.",
        Checked, ProgrammeText, token="operator", statuses=(400, 401, 403),
    ),
    Operation(
        "get", "/api/compensation/programmes", "The latest version of every programme.",
        ProgrammeList, token="operator", statuses=(401, 403),
    ),
    Operation(
        "get", "/api/compensation/ledger", "What the ledger's accounts hold, by class and unit.",
        LedgerTotals, token="operator", statuses=(401, 403),
    ),
)  # fmt: skip

TOKENS = {
    "sender": "The token of a sender of machine events, made on the operators' pages.",
    "reporter": 'From the messenger: openid/request_token with {"org.bongsu.audience": "desk"}.',
    "operator": "The token of an operator's session, as POST /api/session gives it.",
}
STATUSES = {
    400: "What was sent cannot be taken; nothing of it was",
    401: "No token, or one that is not known",
    403: "The operator lacks the role, or the token is for something else",
    404: "There is no such thing",
    409: "Something is not, or not any more, as the caller thinks; nothing was done",
    413: "Too long",
}
ALWAYS = {429: "Too often; Retry-After says when", 503: "Not known; try again, it does no harm"}
