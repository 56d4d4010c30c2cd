"""Batches as banks get them, and banks' answers: structure, arithmetic, and what is refused.

`PAIN_001` below restates the part of the pain.001.001.09 schema that is written here: the order of
elements, how often each may stand, and the patterns of their texts.
"""

from itertools import pairwise

import pytest
from lxml import etree

from bongsu.desk.compensation.accounts import Case
from bongsu.desk.compensation.benefit_files import read_answers
from bongsu.desk.compensation.csv_files import read_results, write_payments
from bongsu.desk.compensation.pain001 import NAMESPACE, Payer, write_pain001
from bongsu.desk.compensation.pain002 import read_pain002
from bongsu.desk.compensation.payouts import (
    LINES_MAX,
    Batch,
    Line,
    LineResult,
    LineState,
    ResultFile,
    ResultRefused,
    line_id_of,
    reconcile,
)
from bongsu.desk.reports.claim import PayoutDetails
from bongsu.desk.table_cells import safe_cell

MS = 1_700_000_000_000
PAIN_001 = f"""
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"
           targetNamespace="{NAMESPACE}" xmlns="{NAMESPACE}">
 <xs:simpleType name="Text35"><xs:restriction base="xs:string"><xs:minLength value="1"/>
   <xs:maxLength value="35"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Text34"><xs:restriction base="xs:string"><xs:minLength value="1"/>
   <xs:maxLength value="34"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Text140"><xs:restriction base="xs:string"><xs:minLength value="1"/>
   <xs:maxLength value="140"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Count"><xs:restriction base="xs:string"><xs:pattern value="[0-9]{{1,15}}"/>
   </xs:restriction></xs:simpleType>
 <xs:simpleType name="Sum"><xs:restriction base="xs:decimal"><xs:totalDigits value="18"/>
   <xs:fractionDigits value="17"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Money"><xs:restriction base="xs:decimal"><xs:minInclusive value="0"/>
   <xs:totalDigits value="18"/><xs:fractionDigits value="5"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Currency"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{{3}}"/>
   </xs:restriction></xs:simpleType>
 <xs:complexType name="Amount"><xs:simpleContent><xs:extension base="Money">
   <xs:attribute name="Ccy" type="Currency" use="required"/></xs:extension></xs:simpleContent>
   </xs:complexType>
 <xs:complexType name="Party"><xs:sequence><xs:element name="Nm" type="Text140"/></xs:sequence>
   </xs:complexType>
 <xs:complexType name="Agent"><xs:sequence><xs:element name="FinInstnId"><xs:complexType>
   <xs:sequence><xs:element name="BICFI" minOccurs="0"><xs:simpleType>
     <xs:restriction base="xs:string">
       <xs:pattern value="[A-Z0-9]{{4}}[A-Z]{{2}}[A-Z0-9]{{2}}([A-Z0-9]{{3}})?"/>
     </xs:restriction></xs:simpleType></xs:element>
     <xs:element name="Nm" type="Text140" minOccurs="0"/></xs:sequence></xs:complexType>
   </xs:element></xs:sequence></xs:complexType>
 <xs:complexType name="Account"><xs:sequence><xs:element name="Id"><xs:complexType><xs:choice>
   <xs:element name="IBAN"><xs:simpleType><xs:restriction base="xs:string">
     <xs:pattern value="[A-Z]{{2}}[0-9]{{2}}[a-zA-Z0-9]{{1,30}}"/></xs:restriction></xs:simpleType>
   </xs:element>
   <xs:element name="Othr"><xs:complexType><xs:sequence><xs:element name="Id" type="Text34"/>
     </xs:sequence></xs:complexType></xs:element></xs:choice></xs:complexType></xs:element>
   </xs:sequence></xs:complexType>
 <xs:element name="Document"><xs:complexType><xs:sequence>
  <xs:element name="CstmrCdtTrfInitn"><xs:complexType><xs:sequence>
   <xs:element name="GrpHdr"><xs:complexType><xs:sequence>
     <xs:element name="MsgId" type="Text35"/><xs:element name="CreDtTm" type="xs:dateTime"/>
     <xs:element name="NbOfTxs" type="Count"/><xs:element name="CtrlSum" type="Sum"/>
     <xs:element name="InitgPty" type="Party"/></xs:sequence></xs:complexType></xs:element>
   <xs:element name="PmtInf" maxOccurs="unbounded"><xs:complexType><xs:sequence>
     <xs:element name="PmtInfId" type="Text35"/>
     <xs:element name="PmtMtd"><xs:simpleType><xs:restriction base="xs:string">
       <xs:enumeration value="TRF"/></xs:restriction></xs:simpleType></xs:element>
     <xs:element name="NbOfTxs" type="Count"/><xs:element name="CtrlSum" type="Sum"/>
     <xs:element name="ReqdExctnDt"><xs:complexType><xs:sequence>
       <xs:element name="Dt" type="xs:date"/></xs:sequence></xs:complexType></xs:element>
     <xs:element name="Dbtr" type="Party"/><xs:element name="DbtrAcct" type="Account"/>
     <xs:element name="DbtrAgt" type="Agent"/>
     <xs:element name="CdtTrfTxInf" maxOccurs="unbounded"><xs:complexType><xs:sequence>
       <xs:element name="PmtId"><xs:complexType><xs:sequence>
         <xs:element name="InstrId" type="Text35"/><xs:element name="EndToEndId" type="Text35"/>
         </xs:sequence></xs:complexType></xs:element>
       <xs:element name="Amt"><xs:complexType><xs:sequence>
         <xs:element name="InstdAmt" type="Amount"/></xs:sequence></xs:complexType></xs:element>
       <xs:element name="CdtrAgt" type="Agent"/><xs:element name="Cdtr" type="Party"/>
       <xs:element name="CdtrAcct" type="Account"/>
       <xs:element name="RmtInf"><xs:complexType><xs:sequence>
         <xs:element name="Ustrd" type="Text140"/></xs:sequence></xs:complexType></xs:element>
     </xs:sequence></xs:complexType></xs:element>
   </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element>
</xs:schema>"""

PAYER = Payer("봉수 주식회사", "BONGKRSEXXX", "DE89 3704 0044 0532 0130 00")
PAYEES = {
    "r1": PayoutDetails("김하나 <b>&", "모아은행", "110-123-456789"),
    "r2": PayoutDetails("x" * 300 + "\x00", "DEUTDEFF", "DE89370400440532013000"),
    "r3": PayoutDetails("=HYPERLINK(\"x\")", "+bank", "@1"),
}  # fmt: skip


def batch_of(amounts: list[int], currency: str = "KRW") -> tuple[Batch, list[Line]]:
    name = "ABCDEF0123456789"
    lines = [
        Line(line_id_of(name, n), n, Case("day-76", f"r{n}"), currency, amount)
        for n, amount in enumerate(amounts, 1)
    ]
    return Batch(name, MS, "@op:x", currency, len(lines), sum(amounts)), lines


def pain_002(lines: str, *, batch: str = "ABCDEF0123456789", group: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
 <GrpHdr><MsgId>B1</MsgId><CreDtTm>2026-11-26T10:00:00Z</CreDtTm></GrpHdr>
 <OrgnlGrpInfAndSts><OrgnlMsgId>{batch}</OrgnlMsgId>
  <OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>
 <OrgnlPmtInfAndSts><OrgnlPmtInfId>{batch}</OrgnlPmtInfId>{lines}</OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>""".encode()


def answer(number: int, status: str, *, amount: str = "", currency: str = "KRW") -> str:
    money = f'<OrgnlTxRef><Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt></OrgnlTxRef>'
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>ABCDEF0123456789-{number:05}</OrgnlEndToEndId>"
        f"<TxSts>{status}</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>"
        f"{money if amount else ''}</TxInfAndSts>"
    )


# --- out


@pytest.mark.parametrize(
    ("currency", "said"), [("KRW", ["30000", "50000", "1"]), ("USD", ["300.00", "500.00", "0.01"])]
)
def test_a_message_has_the_structure_of_its_schema(currency: str, said: list[str]) -> None:
    batch, lines = batch_of([30_000, 50_000, 1], currency)
    message = write_pain001(batch, lines, PAYEES, PAYER)
    schema = etree.XMLSchema(etree.fromstring(PAIN_001))
    root = etree.fromstring(message)
    schema.assertValid(root)
    spaces = {"p": NAMESPACE}
    assert root.xpath("//p:InstdAmt/text()", namespaces=spaces) == said
    total = {"KRW": "80001", "USD": "800.01"}[currency]
    assert root.xpath("//p:CtrlSum/text()", namespaces=spaces) == [total, total]
    assert root.xpath("//p:NbOfTxs/text()", namespaces=spaces) == ["3", "3"]
    ids = root.xpath("//p:EndToEndId/text()", namespaces=spaces)
    assert all(one < other for one, other in pairwise(ids))
    assert root.xpath("//p:Cdtr/p:Nm/text()", namespaces=spaces)[0] == "김하나 <b>&"
    assert write_pain001(batch, lines, PAYEES, PAYER) == message


def test_a_schema_that_is_restated_finds_what_is_wrong() -> None:
    batch, lines = batch_of([30_000])
    message = write_pain001(batch, lines, PAYEES, PAYER)
    schema = etree.XMLSchema(etree.fromstring(PAIN_001))
    for old, new in ((b"<PmtMtd>TRF</PmtMtd>", b""), (b'Ccy="KRW"', b'Ccy="won"')):
        assert old in message
        assert not schema.validate(etree.fromstring(message.replace(old, new)))


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "\u00a0=1",
        "＝1",
        "|calc",
        "%00",
        "\u200b=1",
        "\ufeff \u2060=1",
    ],
)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "110-123", "a=b", "김하나", "'=1"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_a_batch_as_csv_is_neutralised() -> None:
    batch, lines = batch_of([30_000, 50_000, 7])
    text = write_payments(batch, lines, PAYEES).decode("utf-8-sig")
    assert text.splitlines()[0] == "batch,line,amount,currency,holder,bank,account,reference"
    assert '"\'=HYPERLINK(""x"")",\'+bank,\'@1,' in text


# --- in


def test_an_answer_is_read_and_reconciled() -> None:
    batch, lines = batch_of([30_000, 50_000, 1])
    said = answer(1, "ACSC", amount="30000") + answer(2, "RJCT") + answer(3, "PDNG")
    changes = reconcile(batch, lines, read_pain002(pain_002(said)))
    assert [(c.line.number, c.state, c.reason) for c in changes] == [
        (1, LineState.PAID, "AC04"),
        (2, LineState.RETURNED, "AC04"),
    ]


def test_an_answer_for_the_whole_counts_for_lines_that_it_does_not_name() -> None:
    batch, lines = batch_of([1, 2, 3])
    group = "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>"
    changes = reconcile(batch, lines, read_pain002(pain_002(answer(2, "ACSC"), group=group)))
    assert [change.state for change in changes] == ["returned", "paid", "returned"]
    assert changes[0].reason == "FF01"


def test_an_answer_given_twice_changes_nothing_more() -> None:
    batch, lines = batch_of([1])
    done = [line._replace(state=LineState.PAID) for line in lines]
    assert reconcile(batch, done, read_pain002(pain_002(answer(1, "ACSC")))) == []


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (answer(7, "ACSC"), "no line of this batch"),
        (answer(1, "ACSC", amount="29999"), "is 30000, not 29999"),
        (answer(1, "ACSC", amount="30000.5"), "not -1"),
        (answer(1, "ACSC", amount="1e9999999"), "not -1"),
        (answer(1, "ACSC", amount="NaN"), "not -1"),
        (answer(1, "ACSC", amount="30000", currency="USD"), "is in KRW, not USD"),
        (answer(1, "ACSC") + answer(1, "RJCT"), "twice and differs"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_whole(said: str, complaint: str) -> None:
    batch, lines = batch_of([30_000, 50_000])
    with pytest.raises(ResultRefused, match=complaint):
        reconcile(batch, lines, read_pain002(pain_002(said + answer(2, "ACSC"))))


def test_the_answer_to_another_batch_is_refused() -> None:
    batch, lines = batch_of([1])
    with pytest.raises(ResultRefused, match="'OTHER', not ABCDEF"):
        reconcile(batch, lines, read_pain002(pain_002("", batch="OTHER")))


def test_what_came_back_is_never_paid_by_the_same_line() -> None:
    batch, lines = batch_of([1])
    back = [line._replace(state=LineState.RETURNED) for line in lines]
    with pytest.raises(ResultRefused, match="came back before"):
        reconcile(batch, back, ResultFile("ABCDEF0123456789", (
            LineResult(lines[0].line_id, LineState.PAID),)))  # fmt: skip


BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>&b;
</CstmrPmtStsRpt></Document>"""


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "Not XML"),
        (b"<Document>", "Not XML"),
        (b"<Document/>", "no pain.002"),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>', "no pain.002"),
        (BOMB, "DOCTYPE"),
        (pain_002(answer(1, "GOOD")), "no status"),
        (pain_002("").replace(b"pain.001.001.09", b"pain.008.001.08"), "answers no pain.001"),
        (pain_002("").replace(b"OrgnlMsgId", b"Other"), "which batch"),
    ],
)
def test_what_is_no_answer_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(ResultRefused, match=complaint):
        read_pain002(content)


HEAD = "batch,line,status,amount,currency,reason\n"


def test_an_answer_as_csv() -> None:
    content = HEAD + "B,B-00001,paid,30000,KRW,\nB,B-00002,rejected,,,'=no\nB,B-00003,pending,,,\n"
    assert read_results(content.encode("utf-8-sig")) == ResultFile("B", (
        LineResult("B-00001", LineState.PAID, "", 30_000, "KRW"),
        LineResult("B-00002", LineState.RETURNED, "=no"),
        LineResult("B-00003", None),
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("line,status\n", "Columns are missing: batch"),
        (HEAD, "0 batches"),
        (HEAD + "A,A-1,paid,,,\nB,B-1,paid,,,\n", "2 batches"),
        (HEAD + "A,A-1,payed,,,\n", "line 2: 'payed' is no status"),
        (HEAD + "A,A-1,paid,5,,\n", "without its currency"),
        ('batch,line,status\nA,"A-1,paid\n', "Not a CSV"),
    ],
)
def test_a_csv_that_is_no_answer_is_refused(content: str, complaint: str) -> None:
    with pytest.raises(ResultRefused, match=complaint):
        read_results(content.encode())


def test_an_answer_of_nonsense_is_given_up_soon() -> None:
    """Not after a complaint for each of its lines."""
    rows = b"".join(b"B,B-%05d,nonsense\n" % number for number in range(LINES_MAX + 1))
    for read in (read_results, read_answers):
        with pytest.raises(ResultRefused, match=f"^More than {LINES_MAX} lines$"):
            read(b"batch,line,status\n" + rows)
