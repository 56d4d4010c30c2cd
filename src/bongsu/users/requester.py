"""Who is asking, as every endpoint sees it."""

import msgspec

from bongsu.ids import DeviceId, UserId

NO_DEVICE = DeviceId("")


class Requester(msgspec.Struct, frozen=True):
    """The person and device behind an access token.

    `token_hash` is the SHA-256 of the token (32 bytes): the only form in which it is kept.
    `appservice_id` is set if an application service acts as this person; then the device may be
    `NO_DEVICE`.
    """

    user_id: UserId
    device_id: DeviceId
    token_hash: bytes
    is_guest: bool = False
    is_admin: bool = False
    is_locked: bool = False
    is_suspended: bool = False
    appservice_id: str | None = None
    is_rate_limited: bool = True
