"""Reports sent by the public form of a running desk."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.reports.keys import derive, new_form_key
from harness.desk import File, Visitor

RECEIPT = File("evidence", "receipt.txt", "영수증".encode())


class House(Protocol):
    """A running desk."""

    def visitor(self, *, language: str = "en") -> Visitor: ...


class Filed(NamedTuple):
    """A report, and who filed it. `link` is the path of the private page."""

    report_id: str
    receipt: str
    link: str
    visitor: Visitor


async def file_report(
    house: House, *, language: str = "ko", files: Sequence[File] = (RECEIPT,), **changed: str
) -> Filed:
    """A user who could not use the messenger, with a loss and an address."""
    visitor, key = house.visitor(language=language), new_form_key()
    fields = {
        "form_key": key, "category": "user", "services": ["messages"], "damage": "extra_cost",
        "started": "2026-10-15T15:30", "utc_offset": "540", "loss_amount": "40,000",
        "loss_currency": "KRW", "country": "KR", "name": "미나", "contact": "mina@example.org",
        "description": "택시를 부를 수 없어 다른 차를 탔습니다.", "reckoning": "요금의 차이",
    }  # fmt: skip
    page = await visitor.post("/report", fields | changed, files=files)
    assert page.status == 200, page.text[-2000:]
    keys = derive(key)
    return Filed(keys.report_id, keys.receipt, f"/report/r/{keys.link_token}", visitor)


async def report_with_evidence(house: House) -> str:
    """Its id."""
    return (await file_report(house)).report_id
