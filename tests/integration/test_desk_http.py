"""The desk's frame over HTTP: signing in, roles, forms, languages, headers, limits, refusals."""

import asyncio
from typing import Any

import pytest
from fixtures.desk_house import DeskHouse

from bongsu.desk.roles import Role
from bongsu.http.desk import app

EVIL = '<script>alert(1)</script>"><img src=x onerror=y>'


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    return {"desk_title": EVIL}


async def test_operators_come_in_with_their_roles_and_go_out(desk_house: DeskHouse) -> None:
    stranger = desk_house.visitor()
    page = await stranger.get("/operator/people")
    assert page.path.startswith("/operator/sign-in?next=")
    page = await stranger.sign_in("nobody")
    assert page.status == 403
    assert "Wrong name or password" in page.text

    await desk_house.add_account("mallory")
    page = await stranger.sign_in("mallory")
    assert page.status == 403
    assert "no role" in page.text

    admin = await desk_house.operator("alice", Role.ADMIN)
    page = await admin.get("/operator/people")
    assert "@alice:localhost" in page.text
    page = await admin.post("/operator/people", {"name": "mallory", "role": ["intake", "assessor"]})
    assert page.status == 200
    assert "@mallory:localhost" in page.text
    for role in ("", "king"):
        page = await admin.post("/operator/people", {"name": "mallory", "role": role})
        assert page.status == 400
    page = await admin.post("/operator/people", {"name": EVIL, "role": "admin"})
    assert page.status == 400
    assert "<script>alert" not in page.text

    mallory = desk_house.visitor()
    assert (await mallory.sign_in("mallory")).path == "/operator"
    page = await mallory.get("/operator/people")
    assert page.status == 403
    page = await admin.post(
        "/operator/people/remove", {"name": "@mallory:localhost"}, form_at="/operator/people"
    )
    assert page.status == 200
    assert (await mallory.get("/operator")).path.startswith("/operator/sign-in")

    page = await admin.get("/operator/audit")
    assert page.text.count("desk.put_operator") == 2  # alice was added by the test, mallory by her
    assert "desk.remove_operator" in page.text
    page = await admin.post("/operator/sign-out", form_at="/operator")
    assert page.path == "/operator/sign-in"
    assert (await admin.get("/operator")).path.startswith("/operator/sign-in")


async def test_a_form_without_its_token_changes_nothing(desk_house: DeskHouse) -> None:
    admin = await desk_house.operator("alice", Role.ADMIN)
    other = desk_house.visitor()
    await other.get("/operator/sign-in")
    for token in ("", "0" * 64, "x" * 5000):
        page = await admin.post(
            "/operator/people", {"name": "alice", "role": "intake"}, token=token
        )
        assert page.status == 403
    operators = await desk_house.parts.operators.list_all()
    assert [operator.roles for operator in operators] == [frozenset({Role.ADMIN})]


async def test_next_never_leads_to_another_site(desk_house: DeskHouse) -> None:
    await desk_house.operator("alice", Role.ADMIN)
    for target in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"):
        visitor = desk_house.visitor()
        page = await visitor.post(
            "/operator/sign-in", {"name": "alice", "password": "wonderland", "next": target}
        )
        assert page.path == "/operator"


async def test_pages_speak_two_languages_and_escape_everything(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor(language="fr, ko;q=0.5, en;q=0.4")
    assert "로그인" in (await visitor.get("/operator/sign-in")).text
    english = await visitor.get("/operator/sign-in?lang=en")
    assert '<html lang="en">' in english.text
    assert '<html lang="en">' in (await visitor.get("/operator/sign-in")).text  # remembered
    assert "<script>alert" not in english.text
    assert "&lt;script&gt;alert" in english.text
    page = await visitor.get('/no-such-page?"><script>alert(1)</script>')
    assert page.status == 404
    assert "<script>alert" not in page.text


async def test_every_answer_carries_the_policy(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    for path in ("/operator/sign-in", "/nowhere", "/static/none.css"):
        headers = (await visitor.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


async def test_too_much_is_refused(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    page = await visitor.post("/operator/sign-in", {"name": "a" * 300, "password": "x"})
    assert page.status == 400
    page = await visitor.post("/operator/sign-in", {"name": "a", "password": "x" * 400_000})
    assert page.status == 413
    page = await visitor.post("/operator/sign-in", {"name": "a\x00b", "password": "x"})
    assert page.status == 400
    page = await visitor.post("/operator/sign-in", {f"field{n}": "x" for n in range(300)})
    assert page.status == 400


async def test_public_pages_do_not_wait_to_know_who_looks(
    desk_house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: an operator reads the public pages at once while no primary can be asked who it is."""
    alice = await desk_house.operator("alice", Role.PUBLISHER)

    async def never(_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk_house.parts.people, "who", never)
    monkeypatch.setattr(app, "WHO_SECONDS_MAX", 0.1)
    page = await alice.get("/report")
    assert page.status == 200
    assert "@alice" not in page.text
