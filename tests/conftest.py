"""Fixtures for every test; the engines among them start only when a test asks for them."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["fixtures.engines"]

# A busy machine makes no property false: no example has a deadline.
settings.register_profile("bongsu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bongsu")
