"""Whatever stands in an address, no page breaks: a fault of ours would be logged each time, and a
log that anybody can fill hides what matters."""

import re
from collections.abc import Iterator

import pytest
from fixtures.desk_house import DeskHouse

from bongsu.desk.roles import Role
from bongsu.http.desk.endpoints import Endpoint

HOSTILE = ("%00", "%ED%A0%80", "%FF", "9" * 1_900, "-1", "%E2%82%82", "..%2F..", "'--")
QUERY = "?lang=%00&after=%00&before=9999999999999999999&from=%C2%B2&q=%00&id=%00&mark=1.9999999"


def hostile_paths(endpoints: list[Endpoint]) -> Iterator[str]:
    for endpoint in endpoints:
        if endpoint.method == "GET":
            yield endpoint.path.partition("{")[0] + QUERY
            yield endpoint.path.partition("{")[0] + QUERY.replace("%00", "%C2%B2")
            for value in HOSTILE if "{" in endpoint.path else ():
                # A number where one belongs, so that the other parts are looked at.
                numbered = re.sub(r"\{\w+:int\}", "9" * 30, endpoint.path)
                yield re.sub(r"\{[^}]*\}", value, numbered)


@pytest.mark.parametrize("who", ["anybody", "an operator"])
async def test_no_address_breaks_a_page(desk_house: DeskHouse, who: str) -> None:
    endpoints = [each for area in desk_house.desk.pages for each in area.endpoints()]
    endpoints = [each for each in endpoints if (each.roles is None) == (who == "anybody")]
    visitor = await desk_house.operator("alice", *Role)
    broken = {
        path: page.status
        for path in dict.fromkeys(hostile_paths(endpoints))
        if (page := await visitor.get(path, follow=False)).status >= 500
    }
    assert not broken
    for long in ("/statements/x/" + "9" * 5_000, "/report/r/" + "a" * 3_000):
        assert (await visitor.get(long)).status == 404


async def test_nothing_that_a_table_cannot_hold_comes_in_by_a_form(desk_house: DeskHouse) -> None:
    operator = await desk_house.operator("alice", *Role)
    here = "/operator/reports"
    for fields, status in (
        ({"id": "\x00"}, 400),
        ({"address": "country=%00"}, 400),
        ({"address": "q=@%00:x"}, 409),  # which finds nothing
    ):
        order = {"expected": "1", "bulk_id": "b", "reason": "x", "status": "accepted", **fields}
        page = await operator.post(f"{here}/bulk", order, form_at=here)
        assert page.status == status, fields
