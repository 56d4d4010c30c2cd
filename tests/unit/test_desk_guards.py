"""What guards the desk's forms and pages: tokens, proof of work, links, sealing, ready answers."""

import gzip
import hashlib
from itertools import count

import pytest

from bongsu.desk.notices.subscribers import Links, checked_email, webhook_signature
from bongsu.desk.roles import Role, parse_roles
from bongsu.desk.sealing import Context, FileKeys, KeyUnknown, SealBroken, Sealer, new_key
from bongsu.errors import InvalidParam
from bongsu.http.asgi import Scope
from bongsu.http.desk.csrf import Csrf
from bongsu.http.desk.notice_front import NoticeFront
from bongsu.http.desk.notice_render import HTML, Page
from bongsu.http.desk.proof_of_work import SECONDS_MAX, ProofOfWork

CONTEXT = Context("report", "contact", "1")


def test_a_forms_token_is_bound_to_visitor_and_session() -> None:
    csrf, other = Csrf(b"key"), Csrf(b"other key")
    visitor = csrf.new_visitor()
    token = csrf.token(visitor, "session")
    assert csrf.is_token(token, visitor, "session")
    assert not csrf.is_token(token, visitor, None)
    assert not csrf.is_token(token, csrf.new_visitor(), "session")
    assert not other.is_token(token, visitor, "session")
    assert csrf.is_visitor(visitor)
    for forged in (None, "", "a.b", visitor[:-1], other.new_visitor(), "é." + "0" * 64, "x" * 999):
        assert not csrf.is_visitor(forged)
    assert not csrf.is_token(None, visitor, None)


def solve(challenge: str, bits: int) -> str:
    for number in count():
        digest = hashlib.sha256(f"{challenge}.{number}".encode()).digest()
        if int.from_bytes(digest, "big") >> (256 - bits) == 0:
            return str(number)
    raise AssertionError


def test_work_is_taken_once_and_not_for_ever() -> None:
    now = 1000.0
    work = ProofOfWork(b"key", 8, lambda: now)
    challenge = work.challenge()
    answer = solve(challenge, 8)
    assert not work.is_done(challenge, str(int(answer) + 1 if answer != "0" else 999999999))
    assert work.is_done(challenge, answer)
    assert not work.is_done(challenge, answer)
    late = work.challenge()
    solved = solve(late, 8)
    now += SECONDS_MAX + 1
    assert not work.is_done(late, solved)
    for forged in (None, "", "8.9999999999.aa.00", "8.x.y.z", "é"):
        assert not work.is_done(forged, "0")
    easy = ProofOfWork(b"key", 2, lambda: now).challenge()
    assert not work.is_done(easy, solve(easy, 8))  # of a time when less was asked
    assert ProofOfWork(b"key", 0, lambda: now).is_done(None, None)


def test_a_link_confirms_or_ends_one_subscription_only() -> None:
    links, name = Links(b"key", "https://s.example"), "a" * 24
    confirm = links.confirm(name).rpartition("/")[2]
    assert links.read("confirm", confirm) == name
    assert links.read("end", confirm) is None
    assert Links(b"other", "").read("confirm", confirm) is None
    assert links.read("confirm", confirm.replace("a", "b", 1)) is None


def test_webhook_signature_is_the_standards() -> None:
    """The example of the Standard Webhooks specification."""
    body = b'{"test": 2432232314}'
    signed = webhook_signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("text", ["a", "@b", "a@", "a@b c", "a@b\n", "a,b@c", "a@b@c", "x" * 300])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        checked_email(text)
    assert checked_email("Kim.Bong-su+desk@Example.ORG") == "Kim.Bong-su+desk@example.org"


def test_roles_are_named_in_full() -> None:
    assert parse_roles([" Admin", "intake"]) == {Role.ADMIN, Role.INTAKE}
    for names in ([], ["king"], ["admin", ""]):
        with pytest.raises(InvalidParam):
            parse_roles(names)


def test_a_seal_opens_only_where_it_belongs() -> None:
    sealer = Sealer(FileKeys([new_key()]))
    before = sealer.seal("before any data key", CONTEXT)
    sealer.learn({1: new_key(), 2: new_key()})
    after = sealer.seal("010-1234-5678", CONTEXT)
    assert sealer.open(before, CONTEXT) == "before any data key"
    assert sealer.open(after, CONTEXT) == "010-1234-5678"
    assert sealer.is_current(after)
    assert not sealer.is_current(before)
    assert sealer.seal("x", CONTEXT) != sealer.seal("x", CONTEXT)
    for wrong in (CONTEXT._replace(row_id="2"), Context("report", "contac", "t1")):
        with pytest.raises(SealBroken):
            sealer.open(after, wrong)
    for broken in (b"", after[:20], after[:-1], b"\x07" + after[1:]):
        with pytest.raises(SealBroken):
            sealer.open(broken, CONTEXT)
    with pytest.raises(KeyUnknown):
        Sealer(FileKeys([new_key()])).open(before, CONTEXT)


def scope(path: str = "/", query: bytes = b"", method: str = "GET", **headers: bytes) -> Scope:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"method": method, "path": path, "query_string": query, "headers": named}


def test_the_front_answers_in_the_language_asked_for_and_knows_what_has_not_changed() -> None:
    front = NoticeFront(is_secure=True)
    assert front(scope()) is None
    front.replace({each: [Page("status", HTML, f"<p>{each}</p>")] for each in ("ko", "en")})
    korean = front(scope())
    assert korean is not None
    assert korean.body == b"<p>ko</p>"
    english = front(scope(query=b"lang=en", accept_encoding=b"gzip, br"))
    assert english is not None
    assert gzip.decompress(english.body) == b"<p>en</p>"
    found = dict(english.headers)
    assert found[b"set-cookie"].startswith(b"desk_lang=en;")
    assert b"Secure" in found[b"set-cookie"]
    assert b"default-src 'none'" in found[b"content-security-policy"]
    again = front(scope(cookie=b"a=b; desk_lang=en", if_none_match=found[b"etag"]))
    assert again is not None
    assert (again.status, again.body) == (304, b"")
    front.replace({"ko": [Page("status", HTML, "new")], "en": [Page("status", HTML, "new")]})
    changed = front(scope(cookie=b"desk_lang=en", if_none_match=found[b"etag"]))
    assert changed is not None
    assert changed.status == 200
    for other in (scope("/nowhere"), scope(method="POST"), scope("/incidents/x")):
        assert front(other) is None
    for odd in (b"desk_lang=\xff", b"desk_lang", b";;;desk_lang==;"):
        assert front(scope(cookie=odd, accept_language=b"\xff;q=\xff")) is not None
