"""ISO 20022 pain.002, CustomerPaymentStatusReport: what a bank answers to a batch.

Versions differ in parts that are not read here, so any of them is taken. What comes in is no
friend: no DTD, no entities, no network, bounded in size and depth.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

from bongsu.desk.compensation.payouts import (
    LINES_MAX,
    LineResult,
    LineState,
    ResultFile,
    ResultRefused,
)
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.sentences import Sentence

BYTES_MAX = 20 * 1024 * 1024

_etree: Any = import_module("lxml.etree")  # lxml has no types
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.(?:0[3-9]|1[0-9])\Z")
_AMOUNT = re.compile(r"\d{1,18}(?:\.\d{1,5})?\Z", re.ASCII)
# External codes of payment status. Those of the second group are steps on the way.
_STATES = {
    "ACSC": LineState.PAID,  # settled on the debtor's account
    "ACCC": LineState.PAID,  # settled on the creditor's account
    "RJCT": LineState.RETURNED,
    "CANC": LineState.RETURNED,
}
_ON_THE_WAY = {"RCVD", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP", "PDNG", "PART", "ACFC", "PATC"}


def read_pain002(content: bytes) -> ResultFile:
    """Raises `ResultRefused` for what is no such message."""
    root = _parse(content)
    report = _child(root, "CstmrPmtStsRpt")
    if report is None:
        raise ResultRefused(Sentence("The message has no CstmrPmtStsRpt"))
    group = _child(report, "OrgnlGrpInfAndSts")
    batch_id = _text(group, "OrgnlMsgId")
    if not batch_id:
        raise ResultRefused(
            Sentence("The message does not say which batch it answers (OrgnlMsgId)")
        )
    if not _text(group, "OrgnlMsgNmId").startswith("pain.001"):
        raise ResultRefused(Sentence("It answers no pain.001 (OrgnlMsgNmId)"))
    lines: list[LineResult] = []
    whole = _state(_text(group, "GrpSts"), "GrpSts")
    reason = _reason(group)
    for payment in _children(report, "OrgnlPmtInfAndSts"):
        found = _state(_text(payment, "PmtInfSts"), "PmtInfSts")
        if found is not None:
            whole, reason = found, _reason(payment) or reason
        lines += [_line(transaction) for transaction in _children(payment, "TxInfAndSts")]
        if len(lines) > LINES_MAX:
            raise ResultRefused(Sentence("More than {count} lines", count=LINES_MAX))
    return ResultFile(batch_id, tuple(lines), whole, reason)


def _parse(content: bytes) -> Any:
    if len(content) > BYTES_MAX:
        raise ResultRefused(Sentence("Longer than {count} bytes", count=BYTES_MAX))
    parser = _etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = _etree.fromstring(content, parser)
    except (_etree.XMLSyntaxError, ValueError) as error:
        raise ResultRefused(Sentence("Not XML: {error}", error=str(error)[:200])) from None
    if root.getroottree().docinfo.doctype:
        raise ResultRefused(Sentence("A DOCTYPE is not allowed"))
    name = _etree.QName(root)
    if name.localname != "Document" or not _NAMESPACE.match(name.namespace or ""):
        raise ResultRefused(Sentence("{tag} is no pain.002 Document", tag=root.tag[:100]))
    return root


def _line(transaction: Any) -> LineResult:
    line_id = _text(transaction, "OrgnlEndToEndId")
    state = _state(_text(transaction, "TxSts"), "TxSts")
    amount = _child(_child(_child(transaction, "OrgnlTxRef"), "Amt"), "InstdAmt")
    if amount is None:
        return LineResult(line_id, state, _reason(transaction))
    currency = amount.get("Ccy") or ""
    units = to_units(amount.text or "", currency)
    return LineResult(line_id, state, _reason(transaction), units, currency)


def to_units(text: str, currency: str) -> int:
    """A decimal amount in smallest units; -1 if it is none, which no line's amount is."""
    text = text.strip()
    if not _AMOUNT.match(text):
        return -1
    units = Decimal(text).scaleb(CURRENCIES.get(currency, 0))
    return int(units) if units == units.to_integral_value() else -1


def _state(code: str, where: str) -> LineState | None:
    if code and code not in _STATES and code not in _ON_THE_WAY:
        raise ResultRefused(
            Sentence("{code!r} is no status that {where} can have", code=code[:10], where=where)
        )
    return _STATES.get(code)


def _reason(element: Any) -> str:
    info = _child(element, "StsRsnInf")
    code = _text(_child(info, "Rsn"), "Cd") or _text(_child(info, "Rsn"), "Prtry")
    return " ".join(part for part in (code, _text(info, "AddtlInf")) if part)[:200]


def _children(element: Any, name: str) -> Iterator[Any]:
    if element is None:
        return
    for child in element:
        if isinstance(child.tag, str) and _etree.QName(child).localname == name:
            yield child


def _child(element: Any, name: str) -> Any:
    return next(_children(element, name), None)


def _text(element: Any, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else (child.text or "").strip()
