"""The operator API: what answers is what is described, with the roles, the audit entries and the
refusals of the pages."""

import json
import re
from typing import Any

import jsonschema
import msgspec
from fixtures.compensation_house import DAY_76, NAME, CompensationHouse
from fixtures.desk_house import DeskHouse
from fixtures.drill_reports import drill_report, drill_run
from harness.desk import PASSWORD, Visitor
from harness.desk_api import call, sender_token
from harness.report_form import report_with_evidence
from openapi_spec_validator import validate

from bongsu.desk.compensation.benefits import Benefits
from bongsu.desk.compensation.programme import Kind
from bongsu.desk.roles import Role
from bongsu.ids import UserId
from bongsu.postgres.database import Database
from bongsu.postgres.desk.benefit_store import PostgresBenefits
from bongsu.postgres.short_token_store import PostgresShortTokenStore
from bongsu.users.openid import DESK, OpenId

MEASURE = {
    "title_ko": "전원을 둘로", "description_ko": "인입을 둘로 나눈다", "owner": "시설팀",
    "due": "2020-01-01T00:00", "cause": "case/cause", "asked": "drill", "drills": "1",
    "how": "kill", "role": "any", "is_public": "yes",
}  # fmt: skip
EVE = UserId("@eve:localhost")
BAD_BODY = b'{"king": true}'


class Walk:
    """A desk with one of everything. `names` fill the paths, `bodies` are what each takes."""

    def __init__(self, house: DeskHouse, owner: Database) -> None:
        self._house = house
        self._owner = owner
        self.names: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        self.tokens = {"": ""}
        self.powerless = {"": ""}

    async def begin(self) -> None:
        house = self._house
        ann = await house.operator("ann", *Role)
        bob = await house.operator("bob", Role.APPROVER)
        await self._publish(ann, bob)
        report_id = await report_with_evidence(house)
        await house.operator("eve", Role.ADMIN)  # a role that opens none of these doors
        sign_in = house.parts.people.sign_in
        self.tokens["sender"] = await sender_token(ann)
        self.tokens["operator"] = await sign_in("ann", PASSWORD)
        self.powerless["operator"] = await sign_in("eve", PASSWORD)
        openid = OpenId(PostgresShortTokenStore(self._owner), server_name="localhost")
        self.tokens["reporter"] = (await openid.issue(EVE, DESK)).access_token
        self.powerless["reporter"] = (await openid.issue(EVE)).access_token
        self.names |= {"report": report_id, "number": "1", "version": "1"}
        self.names["batch"] = await self._give()
        self.bodies = {
            "/api/machine-events": _json(events=[{"id": "e", "at": 1, "what": "x"}]),
            "/api/drill-reports": drill_report(drill_run()),
            "/api/witness-logs": b'{"timestamp":"2026-11-26T10:00:01Z","event":"suspect"}\n',
            "/api/compensation/check": _json(text=DAY_76),
            "/api/compensation/benefit-batches": _json(batch="W" * 8, kind="sticker_pack"),
            "/api/compensation/benefit-batches/{batch}/answers": _json(
                batch=self.names["batch"],
                lines=[{"line": self.names["batch"] + "-00001", "status": "granted"}],
            ),
            "/api/session": _json(name="bob", password=PASSWORD),
            "/api/reports/{report}/questions": _json(text="어느 날이었나요?", key="q1"),
            "/api/reports/{report}/decisions": _json(
                version=1, assessment=1, reason="가게다", key="d1", change={"category": "shop"},
                files={"1": True}, message="사업자로 봅니다",
            ),
            "/api/reports/decisions": _json(
                key="b1", filter="services=messages", expected=1, change={"status": "in_review"},
                reason="살펴본다",
            ),
        }  # fmt: skip

    async def _give(self) -> str:
        """Two packs that were taken up, one of them in a batch; gives that."""
        house = CompensationHouse(self._house.database, self._house.parts.sealer)
        benefits = Benefits(PostgresBenefits(house.database))
        await house.grants.claim("@a:localhost", NAME, "stickers-for-ever")
        batch = await benefits.make_batch("@ann:localhost", "V" * 8, Kind.STICKER_PACK)
        await house.grants.claim("@b:localhost", NAME, "stickers-for-ever")
        return batch.batch_id

    async def _publish(self, ann: Visitor, bob: Visitor) -> None:
        statement = await ann.post(
            "/operator/statements",
            {"kind": "apology", "language": "ko", "title_0": "사과", "body_0": "죄송합니다"},
        )
        await ann.post(f"{statement.path}/publish", {"revision": "1"}, form_at=statement.path)
        await ann.post("/operator/measures/new", MEASURE)
        case = await ann.post(
            "/operator/investigations", {"title_ko": "화재", "began": "2022-10-15T15:19"}
        )
        await ann.post(
            f"{case.path}/new/section", {"heading_ko": "가", "body_ko": "나", "is_public": "yes"}
        )
        draft = (await ann.post(f"{case.path}/drafts", {"summary": "x"})).path
        text = (await bob.get(draft)).text
        (hash,) = re.findall(r'name="hash" value="([0-9a-f]{64})"', text)
        verdict = {"hash": hash, "verdict": "approve"}
        await bob.post(f"{draft}/review", verdict, form_at=draft)
        await ann.post(f"{draft}/publish", {"hash": hash}, form_at=draft)
        programmes = "/operator/compensation"
        saved = {"text": DAY_76, "note": "first", "based_on": "0"}
        await ann.post(f"{programmes}/save", saved, form_at=f"{programmes}/new")
        here = f"{programmes}/programmes/day-76"
        await ann.post(f"{here}/dry-run", {"version": "1"}, form_at=here)
        for approver in ("one", "two"):
            visitor = await self._house.operator(approver, Role.APPROVER)
            page = await visitor.get(here)
            found = re.search(r'name="sha256" value="([0-9a-f]{64})"', page.text)
            assert found
            approval = {"version": "1", "sha256": found[1]}
            await visitor.post(f"{here}/approve", approval, form_at=here)
        for name, page in (("case", case), ("statement", statement)):
            self.names[name] = page.path.rpartition("/")[2]


async def test_every_path_of_the_description_answers_as_it_says(
    desk_house: DeskHouse, database_owner: Database
) -> None:
    """Each operation is carried out, and refused in each way that it names; each answer is held
    against its schema. Sessions are ended last: nothing else would be answered."""
    walk = Walk(desk_house, database_owner)
    await walk.begin()
    _, described = await call(desk_house, "GET", "/api/openapi.json")
    validate(described)
    operations = [
        (method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    for method, path, operation in sorted(operations, key=lambda each: each[0] == "delete"):
        where = f"{method} {path}"
        (scheme,) = [*operation.get("security", [{}])[0]] or [""]
        token, body = walk.tokens[scheme], walk.bodies.get(path)
        takes_json = "application/json" in operation.get("requestBody", {}).get("content", {})
        assert ("requestBody" in operation) == (body is not None and method == "post"), where
        body = body if method == "post" else None
        target = path.format(**walk.names)
        if takes_json and body is not None:
            _hold(described, operation["requestBody"], json.loads(body))

        async def expect(status: int, told: tuple[int, Any], where: str = where) -> None:
            assert told[0] == status, (where, told)
            _hold(described, operation["responses"][str(status)], told[1])  # noqa: B023

        refused = {int(status) for status in operation["responses"]} - {200, 429, 503}
        if 400 in refused:
            answer = await call(desk_house, method, f"{target}?from=x&limit=x", token=token,
                                body=BAD_BODY if body is not None else None)  # fmt: skip
            await expect(400, answer)
        if 401 in refused:
            for bad in ("", "bad", "bgd_bad", token + "x"):
                await expect(401, await call(desk_house, method, target, token=bad, body=body))
        if 403 in refused:
            wrong = _json(name="bob", password="wrong") if not scheme else body
            answer = await call(
                desk_house, method, target, token=walk.powerless[scheme], body=wrong
            )
            await expect(403, answer)
        if 404 in refused:
            other = {name: "7" if name in ("version", "number") else "no" for name in walk.names}
            answer = await call(desk_house, method, path.format(**other), token=token, body=body)
            await expect(404, answer)
        await expect(200, await call(desk_house, method, target, token=token, body=body))
    assert len(operations) >= 22


async def test_all_that_machines_may_ask_is_described(desk_house: DeskHouse) -> None:
    _, described = await call(desk_house, "GET", "/api/openapi.json")
    told = {
        (method.upper(), _plain(path))
        for path, methods in described["paths"].items()
        for method in methods
    }
    served = {
        (each.method, _plain(each.path))
        for page in desk_house.desk.pages
        for each in page.endpoints()
        if each.path.startswith("/api/")
    }
    assert served - told == {("GET", "/api/openapi.json")}
    assert told <= served


async def test_the_queue_is_paged_filtered_and_refuses_what_it_does_not_know(
    desk_house: DeskHouse,
) -> None:
    ids = {await report_with_evidence(desk_house) for _ in range(5)}
    token = await _session(desk_house, "bob", Role.INTAKE)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        _, page = await _get(desk_house, f"/api/reports?limit=2&after={after}", token)
        assert page["count"] == 5
        seen += [each["facts"]["report_id"] for each in page["reports"]]
        after = page["after"]
    assert len(seen) == 5
    assert set(seen) == ids
    receipt = page["reports"][0]["facts"]["receipt"]
    for query, count in (
        ("has_evidence=yes", 5), ("has_evidence=no", 0), ("categories=shop", 0),
        (f"q={receipt}", 1), ("services=mail&services=messages", 5), ("received_to=2001-01-01", 0),
    ):  # fmt: skip
        assert (await _get(desk_house, f"/api/reports?{query}", token))[1]["count"] == count, query
    for query in ("statues=received", "limit=0", "limit=501", "after=x", "has_loss=1", "mark=0.0"):
        assert (await _get(desk_house, f"/api/reports?{query}", token))[0] == 400, query


async def test_a_report_is_asked_about_and_decided_on_once(desk_house: DeskHouse) -> None:
    report_id = await report_with_evidence(desk_house)
    token = await _session(desk_house, "bob", Role.ASSESSOR)
    path = f"/api/reports/{report_id}"
    _, shown = await _get(desk_house, path, token)
    assert shown["versions"][0]["contact"] == "m•••"
    _, revealed = await _post(desk_house, f"{path}/reveal", token, {})
    assert revealed["versions"][0]["contact"] == "mina@example.org"
    question = {"text": "영수증이 있나요?", "key": "k1"}
    for _ in range(2):  # an answer that was lost
        assert await _post(desk_house, f"{path}/questions", token, question) == (200, {"count": 1})
    order = {"version": 1, "assessment": 0, "reason": "확인했다", "key": "k2", "files": {"1": True},
             "change": {"status": "accepted", "loss_amount": 300_000}}  # fmt: skip
    bad: list[dict[str, Any]] = [
        {**order, "files": {"9": True}}, {**order, "files": {"x": True}},
        {**order, "reason": " "}, {**order, "reason": "a\x00b"},
        {**order, "change": {}, "files": {}},
        {**order, "change": {"statue": "accepted"}}, {**order, "change": {"loss_amount": -1}},
        {**order, "change": {"status": "erased"}}, {**order, "change": {"status": "duplicate"}},
        {**order, "version": 2**40}, {**order, "key": "a b"},
    ]  # fmt: skip
    for each in bad:
        assert (await _post(desk_house, f"{path}/decisions", token, each))[0] == 400, each
    decisions = f"{path}/decisions"
    assert (await _post(desk_house, decisions, token, {**order, "assessment": 4}))[0] == 409
    assert await _post(desk_house, decisions, token, order) == (200, {"count": 1})
    assert (await _post(desk_house, decisions, token, order))[0] == 409  # it is decided
    message = {**order, "assessment": 1, "message": "안녕하세요"}
    assert (await _post(desk_house, decisions, token, message))[0] == 200
    again = {**message, "assessment": 2}  # a key that was used for another message
    assert (await _post(desk_house, decisions, token, again))[0] == 409
    _, shown = await _get(desk_house, path, token)
    assert [each["status"] for each in shown["decisions"]] == ["accepted", "accepted"]
    assert [each["kind"] for each in shown["entries"]] == ["question", "decision"]
    assert shown["files"][0]["is_accepted"] is True
    assert shown["facts"]["loss_amount"] == 300_000
    acts = await desk_house.parts.audit.list_latest(100)
    done = [each.action for each in acts if each.action.startswith("assessment")][::-1]
    assert done == [
        "assessment.read", "assessment.reveal_contact", "assessment.ask", "assessment.decide",
        "assessment.decide", "assessment.read",
    ]  # fmt: skip


async def test_many_are_decided_on_at_once_and_only_if_they_are_as_many(
    desk_house: DeskHouse,
) -> None:
    ids = [await report_with_evidence(desk_house) for _ in range(4)]
    token = await _session(desk_house, "bob", Role.ASSESSOR)
    order: dict[str, Any] = {
        "key": "many", "filter": "statuses=received", "expected": 3, "reason": "다시 나눈다",
        "change": {"category": "shop"},
    }  # fmt: skip
    path = "/api/reports/decisions"
    assert (await _post(desk_house, path, token, order))[0] == 409  # there are four
    assert (await _post(desk_house, path, token, {**order, "filter": "statue=x"}))[0] == 400
    some = {**order, "ids": ids[:3]}
    for _ in range(2):
        assert await _post(desk_house, path, token, some) == (200, {"count": 3})
    assert (await _post(desk_house, path, token, {**some, "reason": "x", "ids": ids[:2]}))[0] == 409
    _, page = await _get(desk_house, "/api/reports?categories=shop", token)
    assert {each["facts"]["report_id"] for each in page["reports"]} == set(ids[:3])
    reader = await _session(desk_house, "eve", Role.INTAKE)
    assert (await _post(desk_house, path, reader, some))[0] == 403


async def test_evidence_is_downloaded_at_an_address_of_a_minute(desk_house: DeskHouse) -> None:
    report_id = await report_with_evidence(desk_house)
    token = await _session(desk_house, "bob", Role.INTAKE)
    _, told = await _post(desk_house, f"/api/reports/{report_id}/files/1", token, {})
    path = told["url"].removeprefix(desk_house.parts.settings.desk_url)
    page = await desk_house.visitor().get(path)
    assert page.text == "영수증"
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert (await desk_house.visitor().get(path + "0")).status == 404


async def test_a_cookie_opens_nothing_and_an_ended_session_neither(desk_house: DeskHouse) -> None:
    bob = await desk_house.operator("bob", Role.INTAKE)
    assert (await bob.get("/api/reports")).status == 401  # with the cookie of a session
    wrong = {"name": "bob", "password": "wrong"}
    assert (await _post(desk_house, "/api/session", "", wrong))[0] == 403
    right = {"name": "bob", "password": PASSWORD}
    _, session = await _post(desk_house, "/api/session", "", right)
    token = session["token"]
    _, who = await _get(desk_house, "/api/session", token)
    assert who == {"user_id": "@bob:localhost", "roles": ["intake"]}
    assert (await call(desk_house, "DELETE", "/api/session", token=token))[0] == 200
    assert (await _get(desk_house, "/api/reports", token))[0] == 401


async def _session(house: DeskHouse, name: str, *roles: Role) -> str:
    await house.operator(name, *roles)
    return await house.parts.people.sign_in(name, PASSWORD)


async def _get(house: DeskHouse, path: str, token: str) -> tuple[int, Any]:
    return await call(house, "GET", path, token=token)


async def _post(house: DeskHouse, path: str, token: str, body: Any) -> tuple[int, Any]:
    return await call(house, "POST", path, token=token, body=msgspec.json.encode(body))


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _plain(path: str) -> str:
    """A path without the names of its parts."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _hold(described: Any, part: Any, instance: Any) -> None:
    """`instance` is what the description says, and it says no less than the schema."""
    schema = part["content"]["application/json"]["schema"]
    jsonschema.validate(instance, {**schema, "components": described["components"]})
