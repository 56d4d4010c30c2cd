"""From an approved programme to money on accounts and back, over real tables."""

import asyncio

import asyncpg
import pytest
from fixtures.compensation_house import DAY_76, NAME, CompensationHouse, batch_id, case

from bongsu.desk.audit import Act
from bongsu.desk.compensation import paying
from bongsu.desk.compensation.payouts import Line, LineState, ResultRefused
from bongsu.desk.compensation.programme import ProgrammeRefused
from bongsu.errors import Forbidden, NotFound, Refused
from bongsu.postgres.desk import payout_store

DAY_MS = 24 * 3600 * 1000
CHANGED = DAY_76.replace("{money: 30_000}", "{money: 40_000}", 1)


def csv_answer(batch: str, lines: list[tuple[Line, str]]) -> bytes:
    rows = [f"{batch},{line.line_id},{status},{line.amount},KRW," for line, status in lines]
    return "\n".join(["batch,line,status,amount,currency,reason", *rows, ""]).encode()


async def paid_out(house: CompensationHouse, losses: list[int]) -> tuple[list[str], str]:
    """Reports decided and all their money in a batch; their ids and the batch's."""
    await house.approved()
    ids = await house.add_reports(losses)
    await house.deciding.decide_all("@op:x", NAME)
    batch = await house.paying.make_batch("@op:x", batch_id("one"), "KRW")
    return ids, batch.batch_id


# --- versions and approvals


async def test_two_others_approve_the_very_text(compensation: CompensationHouse) -> None:
    programmes = compensation.programmes
    version = await programmes.save("@author:x", DAY_76, "first", based_on=0)
    digest = version.sha256.hex()
    for name in ("@author:x", "@AUTHOR:x", "@ａuthor:x"):
        with pytest.raises(Forbidden):
            await programmes.approve(name, NAME, 1, digest)
    with pytest.raises(Refused, match="not the one that you were shown"):
        await programmes.approve("@one:x", NAME, 1, "00" * 32)
    await programmes.approve("@one:x", NAME, 1, digest)
    for name in ("@one:x", "@ONE:x"):
        with pytest.raises(Refused, match="approved it before"):
            await programmes.approve(name, NAME, 1, digest)
    with pytest.raises(Refused, match="approved by two people"):
        await programmes.in_force(NAME)
    await programmes.approve("@two:x", NAME, 1, digest)
    assert (await programmes.in_force(NAME)).version == 1


async def test_a_changed_version_has_no_approvals(compensation: CompensationHouse) -> None:
    programmes = compensation.programmes
    first = await compensation.approved()
    second = await programmes.save("@author:x", CHANGED, "more", based_on=1)
    assert second.approvals == ()
    with pytest.raises(Refused, match="has version 2 meanwhile"):
        await programmes.approve("@three:x", NAME, 1, first.sha256.hex())
    with pytest.raises(Refused, match="not the one that you were shown"):
        await programmes.approve("@one:x", NAME, 2, first.sha256.hex())
    assert (await programmes.in_force(NAME)).version == 1
    with pytest.raises(Refused, match="has version 2 meanwhile"):
        await programmes.save("@other:x", DAY_76, "from an old page", based_on=1)


async def test_the_database_refuses_such_approvals_too(compensation: CompensationHouse) -> None:
    version = await compensation.programmes.save("@author:x", DAY_76, "first", based_on=0)
    insert = "INSERT INTO programme_approval VALUES ($1, 1, $2, $3, 1)"
    for digest, who in ((b"x" * 32, "@one:x"), (version.sha256, "@Author:x")):
        with pytest.raises(asyncpg.CheckViolationError):
            await compensation.database.execute(insert, NAME, digest, who)


async def test_a_text_that_is_no_programme_is_not_saved(compensation: CompensationHouse) -> None:
    with pytest.raises(ProgrammeRefused, match="line 6"):
        await compensation.programmes.save(
            "@author:x", DAY_76.replace("day-76\n", "Day 76\n"), "first", based_on=0
        )
    with pytest.raises(NotFound):
        await compensation.programmes.versions(NAME)


async def test_a_dry_run_counts_and_compares(compensation: CompensationHouse) -> None:
    await compensation.approved()
    await compensation.add_reports([0, 100_000, 300_001, 900_000])
    first = await compensation.programmes.dry_run("@op:x", NAME, 1)
    assert first.result.counted == 4
    assert first.result.sums == {"KRW": 80_000}
    assert first.result.by_money == {0: 2, 30_000: 1, 50_000: 1}
    assert first.result.brackets["loss-in-money/2"].asked == 1
    await compensation.programmes.save("@author:x", CHANGED, "more", based_on=1)
    await compensation.programmes.dry_run("@op:x", NAME, 2)
    stored = await compensation.programmes.load_run(NAME, 2)
    assert stored is not None
    changes = stored.result.changes
    assert changes is not None
    assert (changes.more_money, changes.less_money, changes.same) == (1, 0, 3)
    assert [(each.before, each.after) for each in changes.examples] == [
        ("money 30000", "money 40000")
    ]
    assert await compensation.total() == 0


# --- decisions


async def test_reports_are_decided_once_on_one_basis(compensation: CompensationHouse) -> None:
    await compensation.approved()
    ids = await compensation.add_reports([100_000, 400_000, 0])
    both = await asyncio.gather(
        *(compensation.deciding.decide_all("@op:x", NAME) for _ in range(3))
    )
    assert sum(done.decided for done in both) == 3
    held = sorted([await compensation.balance(f"payable:{NAME}:{id}") for id in ids])
    assert held == [0, 30_000, 50_000]
    assert await compensation.balance("fund") == -80_000


async def test_an_appeal_is_a_new_decision_and_pays_the_difference(
    compensation: CompensationHouse,
) -> None:
    (report,), batch = await paid_out(compensation, [100_000])
    _, lines = await compensation.paying.batch(batch)
    await compensation.paying.take_result("@op:x", batch, csv_answer(batch, [(lines[0], "paid")]))
    await compensation.assess(report, 450_000)
    await compensation.deciding.decide_one("@op:x", NAME, report)
    first, second = await compensation.deciding.history(NAME, report)
    assert [award.amount for award in first.awards] == [30_000]
    assert [award.amount for award in second.awards] == [50_000]
    assert await compensation.balance(f"payable:{NAME}:{report}") == 20_000
    # What was paid is not taken back, whatever comes out later.
    await compensation.assess(report, 0)
    await compensation.deciding.decide_one("@op:x", NAME, report)
    assert await compensation.balance(f"payable:{NAME}:{report}") == 0
    assert await compensation.balance("paid") == 30_000
    assert await compensation.total() == 0


async def test_what_is_refused_later_is_owed_no_more(compensation: CompensationHouse) -> None:
    (report,), batch = await paid_out(compensation, [100_000])
    (other,) = await compensation.add_reports([400_000], seed=7)
    await compensation.deciding.decide_all("@op:x", NAME)
    await compensation.database.execute("UPDATE report SET status = 'refused'")
    with pytest.raises(Refused, match="Nothing can be paid"):
        await compensation.paying.make_batch("@op:x", batch_id("two"), "KRW")
    await compensation.deciding.decide_all("@op:x", NAME)
    await compensation.deciding.decide_all("@op:x", NAME)
    assert await compensation.balance(f"payable:{NAME}:{other}") == 0
    assert [each.reason for each in await compensation.deciding.history(NAME, other)] == [
        "", "refused"
    ]  # fmt: skip
    # What is under way stays under way.
    assert await compensation.balance(f"transit:{batch}") == 30_000
    assert len(await compensation.deciding.history(NAME, report)) == 1


async def test_benefits_given_in_the_house_are_given_at_once(
    compensation: CompensationHouse,
) -> None:
    await compensation.approved()
    (report,) = await compensation.add_reports([100_000], category="shop")
    await compensation.deciding.decide_all("@op:x", NAME)
    account = f"credit:{NAME}:{report}"
    assert await compensation.balance(account, "KRW.CHANNEL_CREDIT") == 50_000
    (decision,) = await compensation.deciding.history(NAME, report)
    until = [award.valid_until_ts for award in decision.awards]
    assert until == [None, decision.decided_ts + 365 * DAY_MS]


async def test_what_rules_leave_to_people_takes_two_of_them(
    compensation: CompensationHouse,
) -> None:
    await compensation.approved()
    (report,) = await compensation.add_reports([2_000_000])
    deciding = compensation.deciding
    await deciding.decide_all("@op:x", NAME)
    (first,) = await deciding.history(NAME, report)
    assert first.asked == ("loss-in-money/2",)
    for _ in range(2):  # a doubled submit
        await deciding.propose("@op:x", "proposal-1", case(report), 700_000, "receipts")
    (proposal,) = await deciding.list_proposals()
    with pytest.raises(Forbidden):
        await deciding.confirm("@OP:x", proposal.proposal_id, is_good=True)
    await deciding.confirm("@other:x", proposal.proposal_id, is_good=True)
    with pytest.raises(Refused, match="settled already"):
        await deciding.confirm("@third:x", proposal.proposal_id, is_good=True)
    assert await compensation.balance(f"payable:{NAME}:{report}") == 700_000
    # The rules do not decide over a person.
    await deciding.decide_all("@op:x", NAME)
    assert await compensation.balance(f"payable:{NAME}:{report}") == 700_000
    await compensation.database.execute("UPDATE report SET status = 'appealed'")
    with pytest.raises(Refused, match="appealed, not accepted"):
        await deciding.propose("@op:x", "proposal-2", case(report), 1, "more")


# --- batches and answers


async def test_a_batch_is_paid_line_by_line(compensation: CompensationHouse) -> None:
    ids, batch = await paid_out(compensation, [100_000, 400_000, 0])
    again = await compensation.paying.make_batch("@op:x", batch, "KRW")
    assert (again.line_count, again.total) == (2, 80_000)
    with pytest.raises(Refused, match="Nothing can be paid"):
        await compensation.paying.make_batch("@op:x", batch_id("two"), "KRW")
    assert await compensation.balance(f"transit:{batch}") == 80_000

    _, lines = await compensation.paying.batch(batch)
    answer = csv_answer(batch, [(lines[0], "paid"), (lines[1], "returned")])
    taken = await compensation.paying.take_result("@op:x", batch, answer)
    assert (taken.paid, taken.returned) == (1, 1)
    assert (await compensation.paying.take_result("@op:x", batch, answer)).known
    assert await compensation.balance("paid") == lines[0].amount
    assert await compensation.balance(f"transit:{batch}") == 0

    await compensation.paying.reissue("@op:x", batch, lines[1].line_id)
    with pytest.raises(Refused, match="owed again already"):
        await compensation.paying.reissue("@op:x", batch, lines[1].line_id)
    second = await compensation.paying.make_batch("@op:x", batch_id("two"), "KRW")
    assert second.total == lines[1].amount
    assert await compensation.total() == 0
    assert len(ids) == 3


async def test_those_who_gave_no_account_keep_nobody_waiting(
    compensation: CompensationHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: batches reach everybody who can be paid. Method: batches of two lines, looked for among
    two owed cases at once, most of which have no payout details, in whatever order they come."""
    monkeypatch.setattr(paying, "BATCH_LINES_MAX", 2)
    monkeypatch.setattr(payout_store, "OWED_ROWS", 2)
    await compensation.approved()
    await compensation.add_reports([100_000] * 9, payout=False)
    able = await compensation.add_reports([100_000] * 5, seed=1)
    await compensation.deciding.decide_all("@op:x", NAME)
    waiting = await compensation.paying.waiting("KRW")
    assert (waiting.ready, len(waiting.batch), waiting.without_details) == (5, 2, 9)
    paid: list[str] = []
    for name in ("one", "two", "three"):
        batch = await compensation.paying.make_batch("@op:x", batch_id(name), "KRW")
        _, lines = await compensation.paying.batch(batch.batch_id)
        paid += [line.case.report_id for line in lines]
    assert sorted(paid) == sorted(able)
    with pytest.raises(Refused, match="Nothing can be paid now"):
        await compensation.paying.make_batch("@op:x", batch_id("four"), "KRW")


async def test_an_answer_that_does_not_fit_changes_nothing(
    compensation: CompensationHouse,
) -> None:
    _, batch = await paid_out(compensation, [100_000, 400_000])
    _, lines = await compensation.paying.batch(batch)
    wrong = lines[1]._replace(amount=1)
    for said in (
        csv_answer(batch, [(lines[0], "paid"), (wrong, "paid")]),
        csv_answer(batch, [(lines[0], "paid"), (lines[1]._replace(line_id="X"), "paid")]),
        csv_answer("OTHER", [(lines[0], "paid")]),
        b"",
        b"<Document/>",
    ):
        with pytest.raises(ResultRefused):
            await compensation.paying.take_result("@op:x", batch, said)
    _, after = await compensation.paying.batch(batch)
    assert [line.state for line in after] == [LineState.SENT] * 2
    assert await compensation.balance("paid") == 0


async def test_payout_details_are_opened_for_the_export_only_and_that_is_on_record(
    compensation: CompensationHouse,
) -> None:
    await compensation.approved()
    await compensation.add_reports([100_000, 200_000])
    without = await compensation.add_reports([100_000, 50_000, 1], payout=False)
    await compensation.deciding.decide_all("@op:x", NAME)
    waiting = await compensation.paying.waiting("KRW")
    assert (waiting.ready, waiting.without_details) == (2, len(without))
    batch = await compensation.paying.make_batch("@op:x", batch_id("one"), "KRW")
    message = await compensation.paying.export("@payer:x", batch.batch_id, "pain.001")
    assert message.count(b"<CdtTrfTxInf>") == 2
    assert b"=holder" in message
    table = await compensation.paying.export("@payer:x", batch.batch_id, "csv")
    assert b"'=holder" in table
    entries = await compensation.audit.list_latest(2, subject=batch.batch_id)
    assert [(each.action, each.actor) for each in entries] == [
        ("compensation.open_payout", "@payer:x")
    ] * 2


async def test_two_batches_at_once_never_take_the_same_money(
    compensation: CompensationHouse,
) -> None:
    await compensation.approved()
    await compensation.add_reports([100_000] * 20)
    await compensation.deciding.decide_all("@op:x", NAME)
    made = await asyncio.gather(
        *(compensation.paying.make_batch("@op:x", batch_id(str(n)), "KRW") for n in range(4)),
        return_exceptions=True,
    )
    batches = [each for each in made if not isinstance(each, BaseException)]
    assert sum(batch.total for batch in batches) == 20 * 30_000
    assert all(isinstance(each, Refused) for each in made if each not in batches)


async def test_a_form_sent_many_times_at_once_makes_one_batch(
    compensation: CompensationHouse,
) -> None:
    """Late ones too: more is owed when they come, and their batch is there already."""
    await compensation.approved()
    await compensation.add_reports([100_000] * 3)
    await compensation.deciding.decide_all("@op:x", NAME)
    owed = (await compensation.paying.waiting("KRW")).batch
    made = await asyncio.gather(
        *(
            compensation.payouts.make(
                batch_id("one"), "KRW", [each], Act("@op:x", "compensation.make_batch", "x"), 1
            )
            for each in owed
        )
    )
    assert len(set(made)) == 1
    assert await compensation.balance(f"transit:{batch_id('one')}") == 30_000


# --- grants


async def test_a_grant_is_taken_up_once_and_ends_by_itself(
    compensation: CompensationHouse,
) -> None:
    await compensation.approved()
    grants = compensation.grants
    claims = await asyncio.gather(
        *(grants.claim("@abroad:x", NAME, "stickers-one") for _ in range(5))
    )
    assert len({claim.claimed_ts for claim in claims}) == 1
    assert claims[0].expires_ts == claims[0].claimed_ts + 90 * DAY_MS
    assert (await grants.claim("@abroad:x", NAME, "stickers-for-ever")).expires_ts is None
    assert await compensation.balance("grants", "STICKER_PACK.thanks-90") == 1
    assert await grants.count(NAME) == {"stickers-one": 1, "stickers-for-ever": 1}
    compensation.now += 100 * DAY_MS  # long over: taking it up again does not renew it
    again = await grants.claim("@abroad:x", NAME, "stickers-one")
    assert again == claims[0]
    with pytest.raises(NotFound):
        await grants.claim("@abroad:x", NAME, "gold")
    compensation.now = 1_900_000_000_000
    with pytest.raises(Refused, match="no longer"):
        await grants.claim("@late:x", NAME, "stickers-one")
    assert await compensation.total() == 0
