"""The pure parts of the HTTP rim: rates, header blocks, errors, addresses, metrics, moderation."""

import json

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bongsu.errors import LimitExceeded, Refused, Unavailable
from bongsu.http import answers, wire
from bongsu.http.message import Response
from bongsu.http.metrics import RouteCollector, RouteStats
from bongsu.http.moderation import locked_may, suspended_may
from bongsu.http.peers import Peers
from bongsu.http.rate_limit import Rate, RateLimiter
from bongsu.http.routing import Auth, Route


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def calls_allowed(limiter: RateLimiter, name: str, who: str, tries: int) -> int:
    allowed = 0
    for _ in range(tries):
        try:
            limiter.spend(name, who)
            allowed += 1
        except LimitExceeded:
            pass
    return allowed


def test_a_burst_then_the_steady_rate() -> None:
    clock = Clock()
    limiter = RateLimiter({"login": Rate(2, 5)}, clock=clock)
    assert calls_allowed(limiter, "login", "a", 20) == 5
    clock.now += 1
    assert calls_allowed(limiter, "login", "a", 20) == 2
    clock.now += 3600
    assert calls_allowed(limiter, "login", "a", 20) == 5


def test_the_wait_that_is_told_is_enough_and_refused_calls_cost_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter({"login": Rate(0.3, 1)}, clock=clock)
    limiter.spend("login", "a")
    for _ in range(50):
        with pytest.raises(LimitExceeded) as caught:
            limiter.spend("login", "a")
    clock.now += caught.value.extra["retry_after_ms"] / 1000
    limiter.spend("login", "a")


def test_people_and_limits_do_not_disturb_each_other() -> None:
    limiter = RateLimiter({"login": Rate(1, 1), "other": Rate(1, 1)}, clock=Clock())
    for name in ("login", "other"):
        for who in ("a", "b"):
            limiter.spend(name, who)


def test_memory_is_bounded_and_the_longest_unused_goes_first() -> None:
    limiter = RateLimiter({"login": Rate(1, 1)}, keys_max=10, clock=Clock())
    for who in range(11):
        limiter.spend("login", str(who))
    limiter.spend("login", "0")  # forgotten
    with pytest.raises(LimitExceeded):
        limiter.spend("login", "10")


def test_switched_off() -> None:
    limiter = RateLimiter({"login": Rate(1, 1)}, enabled=False)
    assert calls_allowed(limiter, "login", "a", 100) == 100


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x", b"a\nb", b"a\rb"])
def test_a_header_cannot_break_its_line(value: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        wire.header_block([(b"content-disposition", value)])


def test_constant_headers_are_the_list_they_say() -> None:
    encoded = wire.EncodedHeaders(wire.CORS_HEADERS)
    assert list(encoded) == list(wire.CORS_HEADERS)
    assert encoded.wire == wire.header_block(wire.CORS_HEADERS)


def body_of(response: Response) -> dict[str, object]:
    return json.loads(response.body)


def test_a_refusal_that_says_when_to_come_back() -> None:
    response = answers.refusal(LimitExceeded(retry_after_ms=1001), "id-1")
    assert response.status == 429
    assert body_of(response)["retry_after_ms"] == 1001
    headers = dict(answers.headers_of(response))
    assert headers[b"retry-after"] == b"2"
    assert headers[b"x-request-id"] == b"id-1"
    assert headers[b"access-control-allow-origin"] == b"*"


def test_unknown_outcome_is_503_with_a_time_to_retry() -> None:
    response = answers.unavailable(Unavailable(retry_after_ms=500), "id")
    assert (response.status, body_of(response)["errcode"]) == (503, "M_UNKNOWN")
    assert dict(response.headers)[b"retry-after"] == b"1"


def test_an_error_may_quote_what_is_no_text() -> None:
    assert "bad" in str(body_of(answers.refusal(Refused("bad \ud800"), "id"))["error"])


def test_an_answer_may_set_its_own_security_headers() -> None:
    own = ((b"Content-Security-Policy", b"sandbox"),)
    headers = answers.headers_of(Response(b"", content_type=b"image/png", headers=own))
    assert [value for name, value in headers if name == b"content-security-policy"] == [b"sandbox"]
    assert len({name for name, _ in headers}) == len(headers)


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.5", b"1.2.3.4", "203.0.113.5"),  # not a proxy of ours: may say what it likes
        ("10.0.0.1", b"1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", b"6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", b"1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", None, "10.0.0.1"),
    ],
)
def test_whose_address_counts(client: str, forwarded: bytes | None, expected: str) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded}
    assert Peers(("10.0.0.0/8",)).address((client, 1), headers) == expected


def test_nobody_is_trusted_by_default() -> None:
    assert Peers().address(("10.0.0.1", 1), {b"x-forwarded-for": b"1.2.3.4"}) == "10.0.0.1"


def test_metrics_show_counts_and_cumulative_buckets() -> None:
    stats = RouteStats()
    for status, seconds in ((200, 0.0005), (200, 0.003), (404, 99.0)):
        stats.observe(status, seconds)
    registry = CollectorRegistry()
    registry.register(RouteCollector(lambda: [("GET", "/x/{y}", stats)]))
    text = generate_latest(registry).decode()
    assert 'bongsu_http_requests_total{route="/x/{y}",status="200",verb="GET"} 2.0' in text
    assert 'request_seconds_bucket{le="0.001",route="/x/{y}",verb="GET"} 1.0' in text
    assert 'request_seconds_bucket{le="0.005",route="/x/{y}",verb="GET"} 2.0' in text
    assert 'request_seconds_bucket{le="+Inf",route="/x/{y}",verb="GET"} 3.0' in text


def marked(verb: str, path: str) -> Route:
    return Route(verb, f"/_matrix/client/v3{path}", Auth.USER, None, None, False)


def test_what_moderated_accounts_may() -> None:
    assert locked_may(marked("POST", "/logout"))
    assert not locked_may(marked("GET", "/sync"))
    assert not suspended_may(marked("PUT", "/rooms/{room}/send/{kind}/{txn}"))
    assert not suspended_may(marked("POST", "/join/{room_id_or_alias}"))
    assert suspended_may(marked("POST", "/rooms/{room_id}/leave"))
    assert suspended_may(marked("GET", "/sync"))
