"""What a parent hands to its processes arrives whole; what keeps dying is started more slowly."""

from pathlib import Path

from bongsu.host.kept_process import Backoff
from bongsu.settings import Settings
from bongsu.supervisor import NodeOrders, held_port


def test_orders_survive_the_environment() -> None:
    settings = Settings(
        data=Path("/data"),
        listen="[::1]:8008",
        processes=3,
        registration="token",
        registration_tokens=("a", "b"),
        rate_limits=False,
    )
    orders = NodeOrders(settings, "postgresql://here", "nats://there", 7)
    assert NodeOrders.from_json(orders.to_json()) == orders


def test_several_processes_get_one_real_port() -> None:
    with held_port(Settings(listen="127.0.0.1:0", processes=2)) as held:
        assert held.listen_port > 0
    with held_port(Settings(listen="127.0.0.1:0")) as alone:
        assert alone.listen_port == 0


def test_backoff_doubles_to_its_bound_and_forgets_after_a_long_life() -> None:
    backoff = Backoff(first=1, most=5, healthy_after=30)
    assert [backoff.after_life_of(0.1) for _ in range(4)] == [1, 2, 4, 5]
    assert backoff.after_life_of(31) == 1
