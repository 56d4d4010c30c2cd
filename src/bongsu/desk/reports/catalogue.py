"""The services that people can name in a report. Their names are in `texts/reports.toml`."""

from collections.abc import Iterable

# Run by the operator itself.
OWN = ("messages", "calls", "login", "mail", "channel", "cloud")
# Run by partners and affiliates, and down with it all the same.
PARTNERS = ("taxi", "pay", "map", "shop", "games", "music", "other")
SERVICES = OWN + PARTNERS

CURRENCIES = {  # ISO 4217 and the decimals of each
    "KRW": 0, "USD": 2, "JPY": 0, "EUR": 2, "CNY": 2, "GBP": 2, "AUD": 2, "CAD": 2, "HKD": 2,
    "IDR": 2, "PHP": 2, "SGD": 2, "THB": 2, "TWD": 2, "VND": 0,
}  # fmt: skip


def is_own(services: Iterable[str]) -> bool:
    """Whether one of them is the operator's own."""
    return not set(OWN).isdisjoint(services)
