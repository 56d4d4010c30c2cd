"""How often one address may ask the desk for what."""

from collections.abc import Mapping

from bongsu.http.rate_limit import Rate

# By address, which a whole office or a carrier's network may share.
RATES: Mapping[str, Rate] = {
    "page": Rate(50, 500),
    "form": Rate(1, 60),
    "sign_in": Rate(1 / 6, 20),
    "sign_in_account": Rate(1 / 6, 20),  # by account, from wherever
    "sign_in_known": Rate(1 / 6, 20),  # by browser in which the account has signed in before
    "subscribe": Rate(1 / 30, 10),
    "intake": Rate(2, 120),
    "unworked": Rate(1 / 60, 3),  # forms without the proof of work that was asked for
    "api": Rate(20, 200),
}
