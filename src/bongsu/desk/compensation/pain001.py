"""ISO 20022 pain.001.001.09, CustomerCreditTransferInitiation: a batch as banks take it."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any, NamedTuple

from bongsu.desk.compensation.payouts import Batch, Line
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.reports.claim import PayoutDetails

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_CHARS_MAX = 140
ACCOUNT_CHARS_MAX = 34

# lxml has no types.
_etree: Any = import_module("lxml.etree")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\Z", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z", re.ASCII)
_SPACES = re.compile(r"\s+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Payer(NamedTuple):
    """Whose money it is: name, bank (name or BIC), account (number or IBAN)."""

    name: str
    bank: str
    account: str


def write_pain001(
    batch: Batch, lines: Sequence[Line], payees: Mapping[str, PayoutDetails], payer: Payer
) -> bytes:
    """The message; the same for the same batch and payees, however often it is written.

    `payees`: by report id, one for each line.
    """
    root = _etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})
    message = _add(root, "CstmrCdtTrfInitn")
    made = datetime.fromtimestamp(batch.made_ts // 1000, UTC)
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", batch.batch_id)
    _add(header, "CreDtTm", made.strftime("%Y-%m-%dT%H:%M:%SZ"))
    _add_sums(header, batch)
    _add(_add(header, "InitgPty"), "Nm", _text(payer.name))
    payment = _add(message, "PmtInf")
    _add(payment, "PmtInfId", batch.batch_id)
    _add(payment, "PmtMtd", "TRF")
    _add_sums(payment, batch)
    _add(_add(payment, "ReqdExctnDt"), "Dt", made.strftime("%Y-%m-%d"))
    _add(_add(payment, "Dbtr"), "Nm", _text(payer.name))
    _add_account(payment, "DbtrAcct", payer.account)
    _add_agent(payment, "DbtrAgt", payer.bank)
    for line in lines:
        _add_line(payment, line, payees[line.case.report_id])
    return _etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def in_currency(amount: int, currency: str) -> str:
    """`30000` KRW, `12.50` USD."""
    decimals = CURRENCIES[currency]
    return f"{Decimal(amount).scaleb(-decimals):.{decimals}f}"


def _add_line(payment: Any, line: Line, payee: PayoutDetails) -> None:
    transfer = _add(payment, "CdtTrfTxInf")
    identification = _add(transfer, "PmtId")
    _add(identification, "InstrId", line.line_id)
    _add(identification, "EndToEndId", line.line_id)
    amount = _add(_add(transfer, "Amt"), "InstdAmt", in_currency(line.amount, line.currency))
    amount.set("Ccy", line.currency)
    _add_agent(transfer, "CdtrAgt", payee.bank)
    _add(_add(transfer, "Cdtr"), "Nm", _text(payee.holder))
    _add_account(transfer, "CdtrAcct", payee.account)
    _add(_add(transfer, "RmtInf"), "Ustrd", f"Compensation {line.line_id}")


def _add_sums(parent: Any, batch: Batch) -> None:
    _add(parent, "NbOfTxs", str(batch.line_count))
    _add(parent, "CtrlSum", in_currency(batch.total, batch.currency))


def _add_agent(parent: Any, name: str, bank: str) -> None:
    institution = _add(_add(parent, name), "FinInstnId")
    code = _SPACES.sub("", bank).upper()
    if _BIC.match(code):
        _add(institution, "BICFI", code)
    else:
        _add(institution, "Nm", _text(bank))


def _add_account(parent: Any, name: str, account: str) -> None:
    identification = _add(_add(parent, name), "Id")
    plain = _SPACES.sub("", account)
    if _IBAN.match(plain.upper()):
        _add(identification, "IBAN", plain.upper())
    else:
        _add(_add(identification, "Othr"), "Id", _text(plain)[:ACCOUNT_CHARS_MAX])


def _add(parent: Any, name: str, text: str | None = None) -> Any:
    child = _etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _text(text: str) -> str:
    """What an XML text of at most 140 characters may be; never empty."""
    return _UNPRINTABLE.sub(" ", text).strip()[:NAME_CHARS_MAX] or "-"
