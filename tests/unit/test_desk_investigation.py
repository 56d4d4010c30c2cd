"""What a published report holds, and above all what it never holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bongsu.desk.investigation import causes, differences, document, evidence
from bongsu.desk.investigation.document import Case
from bongsu.desk.investigation.drafts import Draft, check_publishable, reviewed
from bongsu.desk.investigation.evidence import Evidence, NewEvidence
from bongsu.desk.investigation.items import (
    Cause,
    Content,
    Event,
    Factor,
    Item,
    Question,
    Section,
    Source,
    check,
)
from bongsu.desk.people import Operator
from bongsu.desk.roles import Role
from bongsu.desk.wording import Text
from bongsu.desk.words_changed import Change
from bongsu.desk.words_changed import differences as words
from bongsu.errors import Forbidden, InvalidParam, Refused
from bongsu.ids import UserId

SECRET = "비밀-canary"


def said(word: str) -> Text:
    return Text(ko=f"{word} 말", en=f"{word} said")


def item(item_id: str, content: Content, *, is_public: bool = True, **more: object) -> Item:
    made = Item(item_id, 1, content, is_public, False, SECRET, f"@{SECRET}:example.org", 1)
    return structs.replace(made, **more)


def file(number: int, *, is_public: bool) -> Evidence:
    return Evidence(
        number, 1, f"@{SECRET}:example.org", bytes([number]) * 32, 7, f"{SECRET}.pdf", SECRET,
        b"h" * 32, is_public, f"public-{number}.pdf", said(f"caption {number}"),
    )  # fmt: skip


def whole_case() -> Case:
    items = (
        item("s", Section(said("heading"), said("body"))),
        item("e1", Event(1000, 500, said("smoke"), Source.LOG, said("log"), (1, 2))),
        item("e2", Event(2000, 0, Text(ko=SECRET), Source.PERSON), is_public=False),
        item("e3", Event(3000, 0, Text(ko=SECRET), Source.PERSON), is_withdrawn=True),
        item("c1", Cause(said("power lost"), evidence=(1, 2), events=("e1", "e2"))),
        item("c2", Cause(said("no second feed"), is_direct=False, parent="c1", events=("e1",))),
        item("c3", Cause(Text(ko=SECRET), parent="c1"), is_public=False),
        item("f", Factor(said("notice page down too"), evidence=(2,))),
        item("q", Question(said("why no alarm"))),
    )
    return Case(
        "case",
        said("fire"),
        0,
        10_000,
        1,
        items,
        (file(1, is_public=True), file(2, is_public=False)),
    )


def test_a_document_holds_what_is_public_and_nothing_else() -> None:
    made = document.build(whole_case())
    body = document.encode(made)
    assert SECRET.encode() not in body
    assert b"public-2" not in body
    assert [event.event_id for event in made.timeline] == ["e1"]
    assert made.timeline[0].evidence == (1,)
    (root,) = made.causes
    assert (root.cause_id, root.events, [one.cause_id for one in root.causes]) == (
        "c1",
        ("e1",),
        ["c2"],
    )
    assert [one.number for one in made.evidence] == [1]
    assert (made.chain_number, made.chain_hash) == (2, (b"h" * 32).hex())
    assert document.decode(body) == made
    assert document.complaints(whole_case()) == []


@given(public=st.sets(st.integers(0, 8)), files=st.sets(st.integers(1, 2)))
def test_whatever_is_marked_nothing_unmarked_gets_out(public: set[int], files: set[int]) -> None:
    case = whole_case()
    items = tuple(
        structs.replace(one, is_public=number in public, content=_secret(one, number not in public))
        for number, one in enumerate(case.items)
    )
    kept = tuple(structs.replace(one, is_public=one.number in files) for one in case.evidence)
    body = document.encode(document.build(structs.replace(case, items=items, evidence=kept)))
    assert f"hidden {SECRET}".encode() not in body
    for number in {1, 2} - files:
        assert f"public-{number}".encode() not in body


def _secret(one: Item, is_hidden: bool) -> Content:
    """The same content; if hidden with a canary in it."""
    name = "text" if isinstance(one.content, Event | Question) else "title"
    name = "heading" if isinstance(one.content, Section) else name
    word = Text(ko=f"hidden {SECRET}") if is_hidden else said("open")
    return structs.replace(one.content, **{name: word})


def test_a_cause_needs_a_root_and_something_to_look_at() -> None:
    case = whole_case()
    loop = (
        item("x", Cause(said("x"), parent="y", events=("e1",))),
        item("y", Cause(said("y"), parent="x")),
    )
    wrong = document.complaints(structs.replace(case, items=case.items + loop))
    assert len([one for one in wrong if "no cause at the root" in one]) == 2
    assert "cause y stands on no public evidence and no public event" in wrong
    hidden = tuple(one for one in case.items if one.item_id != "s")
    assert "there is no section of text" in document.complaints(structs.replace(case, items=hidden))
    found = {one.item_id: one.content for one in loop if isinstance(one.content, Cause)}
    assert causes.tree(found) == ()


def test_a_chain_of_evidence_shows_what_was_exchanged() -> None:
    chain: list[Evidence] = []
    for number in range(4):
        new = NewEvidence("@a:example.org", bytes([number]) * 32, number, f"{number}.log", "")
        chain.append(evidence.link("case", chain[-1] if chain else None, new, 1000 + number))
    assert evidence.first_break("case", chain) is None
    assert evidence.first_break("other", chain) == 1
    shown = structs.replace(chain[1], is_public=True, public_name="n", caption=said("c"))
    assert evidence.first_break("case", [chain[0], shown, *chain[2:]]) is None
    for number in range(4):
        other = structs.replace(chain[number], sha256=b"x" * 32)
        assert (
            evidence.first_break("case", [*chain[:number], other, *chain[number + 1 :]])
            == number + 1
        )
    assert evidence.first_break("case", [chain[0], *chain[2:]]) == 2


def operator(name: str, *roles: Role) -> Operator:
    return Operator(UserId(f"@{name}:example.org"), frozenset(roles))


def test_a_draft_goes_out_only_as_a_second_person_has_read_it() -> None:
    ann, bob = operator("ann", Role.INVESTIGATOR, Role.PUBLISHER), operator("bob", Role.APPROVER)
    draft = Draft("case", 1, b"{}", "hash", "first", ann.user_id, 1)
    with pytest.raises(Forbidden, match="Another person"):
        reviewed(draft, ann, "hash", True, "", 2)
    with pytest.raises(Refused, match="not the draft that you read"):
        reviewed(draft, bob, "other", True, "", 2)
    with pytest.raises(Forbidden):
        reviewed(draft, operator("eve", Role.INTAKE), "hash", True, "", 2)
    with pytest.raises(InvalidParam):
        reviewed(draft, bob, "hash", False, "", 2)
    with pytest.raises(Refused, match="Nobody has approved"):
        check_publishable(draft, ann, "hash")
    sent_back = reviewed(draft, bob, "hash", False, "no", 2)
    with pytest.raises(Refused, match="Nobody has approved"):
        check_publishable(sent_back, ann, "hash")
    approved = reviewed(draft, bob, "hash", True, "", 2)
    check_publishable(approved, ann, "hash")
    with pytest.raises(Forbidden):
        check_publishable(approved, bob, "hash")
    with pytest.raises(Refused, match="reviewed already"):
        reviewed(approved, operator("cyd", Role.APPROVER), "hash", True, "", 3)


def test_differences_between_versions_are_told_word_by_word() -> None:
    case = whole_case()
    revised = Section(said("heading"), Text("새 말", "body revised"))
    later = [
        structs.replace(one, content=revised) if one.item_id == "s" else one
        for one in case.items
        if one.item_id != "q"
    ]
    later.append(item("e4", Event(4000, 0, said("water"), Source.LOG)))
    old, new = (
        differences.blocks(document.build(one), "en", str)
        for one in (case, structs.replace(case, items=tuple(later)))
    )
    changed = {(one.kind, one.key): one for one in differences.compare(old, new)}
    assert changed.keys() == {("section", "s"), ("event", "e4"), ("question", "q")}
    pieces = changed["section", "s"].pieces
    assert [(one.change, one.text) for one in pieces][-2:] == [
        ("removed", "said"),
        ("added", "revised"),
    ]
    assert changed["event", "e4"].change is Change.ADDED
    assert changed["question", "q"].change is Change.REMOVED


@given(st.text("가나 a\n.", max_size=30), st.text("가나 a\n.", max_size=30))
def test_pieces_give_both_texts_back(old: str, new: str) -> None:
    pieces = words(old, new)
    assert "".join(one.text for one in pieces if one.change is not Change.ADDED) == old
    assert "".join(one.text for one in pieces if one.change is not Change.REMOVED) == new


@pytest.mark.parametrize(
    "content",
    [
        Event(1, 0, Text(), Source.LOG),
        Event(-1, 0, said("x"), Source.LOG),
        Event(1, -5, said("x"), Source.LOG),
        Cause(Text()),
        Cause(said("x"), evidence=tuple(range(51))),
        Section(said("x" * 400), said("y")),
        Question(Text()),
    ],
)
def test_items_that_cannot_be_are_refused(content: Content) -> None:
    with pytest.raises(InvalidParam):
        check(content, "")
