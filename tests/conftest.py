"""Fixtures for every test; the engines among them start only when a test asks for them."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["fixtures.engines", "fixtures.desk_house", "fixtures.compensation_house"]

# A busy machine makes no property false: no example has a deadline. What decides whether a change
# goes in tries the same examples each time; people at work try new ones.
settings.register_profile(
    "bongsu",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("bongsu")
