"""Investigations, measures and statements on a real PostgreSQL, as the desk's own role."""

import asyncio

import asyncpg
import pytest
from fixtures.drill_reports import BEGAN, drill_report, drill_run

from bongsu.desk.audit import verify
from bongsu.desk.drill_report import parse
from bongsu.desk.investigation import document, evidence
from bongsu.desk.investigation.cases import Cases, CaseStores
from bongsu.desk.investigation.evidence import NewEvidence
from bongsu.desk.investigation.health_events import HealthEvents
from bongsu.desk.investigation.importing import of_drills
from bongsu.desk.investigation.items import Cause, Event, Section, Source
from bongsu.desk.investigation.machine_events import MachineEvent, MachineEvents
from bongsu.desk.investigation.publishing import Publishing, read
from bongsu.desk.people import Operator
from bongsu.desk.prevention.measures import DrillAsked, Plan, State
from bongsu.desk.prevention.prevention import Prevention
from bongsu.desk.roles import Role
from bongsu.desk.sealing import FileKeys, Sealer
from bongsu.desk.statements.briefings import Briefings, BriefingState, NewLine
from bongsu.desk.statements.statements import Said, StatementKind, Statements, first_break
from bongsu.desk.wording import Text
from bongsu.errors import NotFound, Refused, UnknownToken
from bongsu.ids import UserId
from bongsu.postgres.database import Database
from bongsu.postgres.desk.audit_store import PostgresAudit
from bongsu.postgres.desk.briefing_store import PostgresBriefings
from bongsu.postgres.desk.case_store import PostgresCases, PostgresEvidence, PostgresInterviews
from bongsu.postgres.desk.health_change_reader import PostgresHealthChanges
from bongsu.postgres.desk.machine_event_store import PostgresMachineEvents
from bongsu.postgres.desk.measure_store import PostgresMeasures
from bongsu.postgres.desk.publication_store import PostgresPublications
from bongsu.postgres.desk.sealing_store import PostgresSealingKeys
from bongsu.postgres.desk.statement_store import PostgresStatements

ANN = Operator(UserId("@ann:example.org"), frozenset({Role.INVESTIGATOR, Role.PUBLISHER}))
BOB = Operator(UserId("@bob:example.org"), frozenset({Role.APPROVER}))
MADE = int(BEGAN * 1000) - 1000


def cases_on(database: Database, sealer: Sealer | None = None) -> Cases:
    stores = CaseStores(
        PostgresCases(database), PostgresEvidence(database), PostgresInterviews(database)
    )
    return Cases(stores, sealer or Sealer(FileKeys([b"k" * 32])))


async def test_an_events_id_makes_it_once_and_another_content_is_refused(
    desk_database: Database,
) -> None:
    events = MachineEvents(PostgresMachineEvents(desk_database))
    token = await events.add_sender("@ann:example.org", "drill-lab")
    assert await events.who(token) == "drill-lab"
    found = of_drills(parse(drill_report(drill_run())))
    taken = await asyncio.gather(*(events.take("drill-lab", found) for _ in range(4)))
    assert max(one.new for one in taken) == len(found)
    assert (await events.take("drill-lab", found)).known == len(found)
    listed = await events.list_between(0, 2**42, 1000)
    assert [one.event.at for one in listed] == sorted(one.at for one in found)
    other = [MachineEvent(id=found[0].id, at=1, what="x"), MachineEvent(id="new", at=1, what="x")]
    with pytest.raises(Refused, match="another content"):
        await events.take("drill-lab", other)
    assert len(await events.list_between(0, 2**42, 1000)) == len(found)  # nothing of it
    assert await events.revoke_sender("@ann:example.org", "drill-lab")
    with pytest.raises(UnknownToken):
        await events.who(token)


async def test_what_health_checks_saw_comes_by_itself_and_once(desk_database: Database) -> None:
    events = MachineEvents(PostgresMachineEvents(desk_database))
    desks = [HealthEvents(PostgresHealthChanges(desk_database), events) for _ in range(2)]
    change = (
        "INSERT INTO notice_change (service_id, site, ts, health, source)"
        " VALUES ('messages', 'pangyo', $1, $2, 'probe')"
    )
    for ts, health in ((1000, "operational"), (2000, "major_outage")):
        await desk_database.execute(change, ts, health)
        await asyncio.gather(*(desk.take() for desk in desks))
    found = await events.list_between(0, 2**42, 10)
    assert [(one.sender, one.event.at, one.event.what) for one in found] == [
        ("health-checks", 1000, "operational"), ("health-checks", 2000, "major_outage"),
    ]  # fmt: skip


async def test_a_case_from_its_opening_to_its_second_version(desk_database: Database) -> None:
    cases = cases_on(desk_database)
    stores = PostgresCases(desk_database), PostgresPublications(desk_database)
    publishing = Publishing(*stores)
    case_id = await cases.open(ANN, Text("화재", "Fire"), 1000, None)
    section = await cases.write(
        ANN, case_id, Section(Text("요약"), Text("불이 났다")), is_public=True
    )
    smoke = Event(2000, 500, Text("연기"), Source.LOG)
    event = await cases.write(ANN, case_id, smoke, is_public=True, note="private")
    cause = Cause(Text("정전"), events=(event,))
    await cases.write(ANN, case_id, cause, is_public=True)
    number = await publishing.make_draft(ANN, case_id, "처음")
    hash = (await publishing.get_draft(case_id, number)).hash
    await publishing.review(BOB, case_id, number, hash, is_approved=True, note="")
    published = await asyncio.gather(
        *(publishing.publish(ANN, case_id, number, hash) for _ in range(3)), return_exceptions=True
    )
    assert [one for one in published if isinstance(one, int)] == [1]
    assert all(isinstance(one, Refused) for one in published if one != 1)

    await cases.write(
        ANN, case_id, Section(Text("요약"), Text("배터리에서 불이 났다")),
        item_id=section, version=1, is_public=True,
    )  # fmt: skip
    with pytest.raises(Refused, match="load it anew"):
        await cases.write(
            ANN, case_id, Section(Text("요약"), Text("다른 말")), item_id=section, version=1
        )
    assert [one.version for one in await cases.list_versions(case_id, section)] == [1, 2]
    number = await publishing.make_draft(ANN, case_id, "둘째")
    hash = (await publishing.get_draft(case_id, number)).hash
    await publishing.review(BOB, case_id, number, hash, is_approved=True, note="")
    assert await publishing.publish(ANN, case_id, number, hash) == 2
    first, second = await publishing.list_published(case_id)
    assert read(first).sections[0].body.ko == "불이 났다"
    assert read(second).sections[0].body.ko == "배터리에서 불이 났다"
    assert [one.version for one in await publishing.list_latest()] == [2]
    assert [one.published for one in await cases.list_all()] == [2]
    count, broken = await verify(PostgresAudit(desk_database))
    assert (count > 8, broken) == (True, None)


async def test_evidence_is_one_chain_whoever_adds_to_it(
    desk_database: Database, database_owner: Database
) -> None:
    cases = cases_on(desk_database)
    case_id = await cases.open(ANN, Text("화재"), 1000, 2000)
    files = [NewEvidence(ANN.user_id, bytes([n]) * 32, n, f"{n}.log", "log") for n in range(8)]
    await asyncio.gather(*(cases.add_evidence(case_id, file) for file in files))
    await cases.show_evidence(ANN, case_id, 3, is_public=True, name="a.log", caption=Text("가"))
    chain = (await cases.load(case_id)).evidence
    assert [one.number for one in chain] == list(range(1, 9))
    assert evidence.first_break(case_id, chain) is None
    assert [one.number for one in chain if one.is_public] == [3]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk_database.execute("UPDATE investigation_evidence SET sha256 = '\\x00'")
    await database_owner.execute("UPDATE desk.investigation_evidence SET size = 9 WHERE number = 5")
    assert evidence.first_break(case_id, (await cases.load(case_id)).evidence) == 5


async def test_an_interview_is_sealed_and_looking_at_it_is_an_act(desk_database: Database) -> None:
    sealer = Sealer(FileKeys([b"k" * 32]))
    keys = PostgresSealingKeys(desk_database, sealer)
    await keys.learn()
    cases = cases_on(desk_database, sealer)
    case_id = await cases.open(ANN, Text("화재"), 1000, 2000)
    interview_id = await cases.add_interview(ANN, case_id, 1500, "홍길동", "경보가 없었다")
    (row,) = await desk_database.fetch("SELECT * FROM investigation_interview")
    assert "홍길동".encode() not in row["person"]
    await keys.rotate("test", pause_seconds=0)
    (after,) = await desk_database.fetch("SELECT * FROM investigation_interview")
    assert after["said"] != row["said"]
    opened = await cases.open_interview(ANN, interview_id)
    assert (opened.person, opened.said) == ("홍길동", "경보가 없었다")
    (latest,) = await PostgresAudit(desk_database).list_latest(1)
    assert (latest.action, latest.subject) == ("investigation.look_at_interview", interview_id)
    assert "홍길동".encode() not in document.encode(document.build(await cases.load(case_id)))
    with pytest.raises(NotFound):
        await cases.open_interview(ANN, "other")


async def test_a_measure_is_closed_by_a_drill_and_opened_by_a_later_one_that_fails(
    desk_database: Database,
) -> None:
    prevention = Prevention(PostgresMeasures(desk_database), lambda: MADE)
    asked = DrillAsked(1, "kill")
    plan = Plan(Text("이중 전원"), Text("두 인입"), "시설팀", MADE + 5, "case/cause", asked)
    measure_id = await prevention.put(ANN, plan)
    bad = drill_report(drill_run(lost=1))
    assert not (await prevention.prove("@ann:example.org", measure_id, "bad.json", bad)).holds
    assert (await prevention.get(measure_id)).state is State.OPEN
    good = drill_report(drill_run(began=BEGAN + 100))
    proofs = await asyncio.gather(
        *(prevention.prove("@ann:example.org", measure_id, "good.json", good) for _ in range(3))
    )
    assert {proof.number for proof in proofs} == {2}  # a doubled submit is one proof
    assert (await prevention.get(measure_id)).state is State.CLOSED

    elsewhere = parse(drill_report(drill_run(began=BEGAN + 150, how="cut", lost=1)))
    earlier = parse(drill_report(drill_run(began=BEGAN + 50, lost=1)))
    assert await prevention.take_drills([*elsewhere, *earlier]) == []
    later = parse(drill_report(drill_run(began=BEGAN + 200, lost=1)))
    assert await prevention.take_drills(later) == [measure_id]
    assert await prevention.take_drills(later) == []
    assert (await prevention.get(measure_id)).state is State.REOPENED
    old = drill_report(drill_run(began=BEGAN + 120))
    assert not (await prevention.prove("@ann:example.org", measure_id, "old.json", old)).holds
    new = drill_report(drill_run(began=BEGAN + 300))
    assert (await prevention.prove("@ann:example.org", measure_id, "new.json", new)).holds
    states = [change.state for change in await prevention.list_changes(measure_id)]
    assert states == [State.CLOSED, State.REOPENED, State.CLOSED]
    with pytest.raises(Refused):
        await prevention.put(ANN, plan, measure_id=measure_id, version=1)


async def test_a_statement_is_never_silently_changed(
    desk_database: Database, database_owner: Database
) -> None:
    statements = Statements(PostgresStatements(desk_database))
    texts = {"ko": Said("사과드립니다", "죄송합니다"), "en": Said("Apology", "We are sorry")}
    statement_id = await statements.add(ANN, StatementKind.APOLOGY, texts)
    assert await statements.publish(ANN, statement_id, 1) == 1
    with pytest.raises(Refused, match="what the last version says"):
        await statements.publish(ANN, statement_id, 1)
    await statements.save_draft(ANN, statement_id, 1, texts | {"ja": Said("お詫び", "申し訳")})
    with pytest.raises(Refused, match="load it anew"):
        await statements.save_draft(ANN, statement_id, 1, texts)
    with pytest.raises(Refused, match="load it anew"):
        await statements.publish(ANN, statement_id, 1)
    tries = [statements.publish(ANN, statement_id, 2) for _ in range(3)]
    assert [one for one in await asyncio.gather(*tries, return_exceptions=True) if one == 2] == [2]
    versions = await statements.list_versions(statement_id)
    assert first_break(versions) is None
    assert [(kind, one.version) for kind, one in await statements.list_latest()] == [("apology", 2)]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk_database.execute("UPDATE statement_version SET texts = '{}'")
    await database_owner.execute(
        "UPDATE desk.statement_version SET published_ts = published_ts - 1 WHERE version = 1"
    )
    assert first_break(await statements.list_versions(statement_id)) == 1


async def test_a_transcript_grows_line_by_line(desk_database: Database) -> None:
    briefings = Briefings(PostgresBriefings(desk_database))
    briefing_id = await briefings.add(ANN, Text("브리핑"), 1000)
    line = NewLine("key", "대표", Text("안녕하십니까"))
    with pytest.raises(Refused, match="not live"):
        await briefings.say(ANN, briefing_id, line)
    await briefings.set_state(ANN, briefing_id, BriefingState.LIVE)
    twice = await asyncio.gather(*(briefings.say(ANN, briefing_id, line) for _ in range(3)))
    assert set(twice) == {1}
    more = (line._replace(key=str(number)) for number in range(5))
    numbers = await asyncio.gather(*(briefings.say(ANN, briefing_id, one) for one in more))
    assert sorted(numbers) == [2, 3, 4, 5, 6]
    assert await briefings.say(ANN, briefing_id, line._replace(key="fix", corrects=2)) == 7
    lines = await briefings.list_lines(briefing_id, after=5)
    assert [(one.number, one.corrects) for one in lines] == [(6, None), (7, 2)]
