"""Fixtures for every test; the engines among them start only when a test asks for them."""

pytest_plugins = ["fixtures.engines"]
