"""What one address, or one account, may ask of the desk, and how often."""

from typing import Any

import pytest
from fixtures.desk_house import DeskHouse

from bongsu.desk.roles import Role
from bongsu.errors import LimitExceeded
from bongsu.http.desk.limits import RATES


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    return {"rate_limits": True, "desk_proof_of_work": 12}


@pytest.fixture(autouse=True)
def standing_clock(desk_house: DeskHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine must not win back what was spent."""
    monkeypatch.setattr(desk_house.parts.face.limiter, "_clock", lambda: 1000.0)


async def test_passwords_are_not_guessed_quickly(desk_house: DeskHouse) -> None:
    await desk_house.add_account("alice")
    visitor = desk_house.visitor()
    statuses = [
        (await visitor.sign_in("alice", f"guess {number}")).status
        for number in range(RATES["sign_in"].burst + 1)
    ]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    page = await visitor.sign_in("alice", "wonderland")
    assert page.status == 429
    assert int(page.headers["Retry-After"]) >= 1


async def test_without_the_work_forms_are_taken_slowly_but_taken(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    statuses = [
        (
            await visitor.post(
                "/subscribe", {"channel": "webhook", "target": f"https://example.org/{number}"}
            )
        ).status
        for number in range(RATES["unworked"].burst + 1)
    ]
    assert statuses == [200] * RATES["unworked"].burst + [429]
    assert (await visitor.get("/")).status == 200  # the notices have no limit
    assert (await visitor.get("/health")).status == 200


async def test_a_stranger_who_uses_up_an_account_keeps_its_owner_out_of_no_known_browser(
    desk_house: DeskHouse,
) -> None:
    """Goal: nobody locks the operators out on the worst day. Method: an account's tries are gone,
    as after guesses from many addresses; whoever signed in there before still comes in."""
    alice = await desk_house.operator("alice", Role.PUBLISHER)
    mallory = await desk_house.operator("mallory", Role.PUBLISHER)
    limiter = desk_house.parts.face.limiter
    for _ in range(RATES["sign_in_account"].burst - 1):  # she has signed in once
        limiter.spend("sign_in_account", "alice")
    with pytest.raises(LimitExceeded):
        limiter.spend("sign_in_account", "alice")
    stranger = desk_house.visitor()
    for name in ("alice", "@ALICE:localhost", " Alice "):
        assert (await stranger.sign_in(name, "a guess")).status == 429
    assert (await mallory.sign_in("alice", "a guess")).status == 429  # the mark is another's
    assert (await alice.sign_in("alice", "wrong")).status == 403
    assert (await alice.sign_in("@alice:localhost")).status == 200
