"""E-mail addresses of people: proved by a link that is sent there, then kept with the account.

A *validation* is the way from asking for such a link to having opened it. Its token is kept as a
hash, lasts an hour and may be guessed at a few times. Mail goes out behind the answer, so that
neither the answer nor the time it takes tells whether an address is known here, unless the operator
wants it told. Spec: client-server API, "Adding Account Administrative Contact Information".
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Literal, Protocol
from urllib.parse import urlencode

import msgspec
import structlog

from bongsu.errors import BongsuError, InvalidParam, NotFound, Refused
from bongsu.ids import UserId
from bongsu.mailing import Mailer, Message
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, hash_token, now_ms

ADDRESS_CHARS_MAX = 254
ADDRESSES_PER_USER_MAX = 20
SECRET_CHARS_MAX = 255
TOKEN_BYTES = 24
VALIDATION_MS = 60 * 60 * 1000
GUESSES_MAX = 5
SENDING_MAX = 200
CONFIRM_PATH = "/_bongsu/email/confirm"

_ADDRESS = re.compile(
    r"[^\s@\x00-\x1f\x7f<>\"(),:;\[\]\\]{1,64}@[^\s@\x00-\x1f\x7f<>\"(),:;\[\]\\]{1,190}\Z"
)
_SECRET = re.compile(r"[0-9A-Za-z.=_\-]{1,255}\Z")

Purpose = Literal["add", "password", "register"]


class Threepid(msgspec.Struct, frozen=True):
    """An address of an account, as /account/3pid shows it. Times in ms."""

    medium: str
    address: str
    validated_at: int
    added_at: int


class Validation(msgspec.Struct, frozen=True):
    """A row. `token_hash` None: no link was sent, as the address is not one to be told about."""

    sid: str
    purpose: Purpose
    secret_hash: bytes
    address: str
    token_hash: bytes | None
    send_attempt: int
    expires_at: int
    guesses: int = 0
    validated_at: int | None = None


class EmailStore(Protocol):
    async def owner(self, address: str) -> UserId | None: ...

    async def list_of(self, user_id: UserId) -> Sequence[Threepid]: ...

    async def begin(self, validation: Validation, now: int) -> Validation | None:
        """Keep it, in place of one for the same secret, purpose and address with a smaller
        `send_attempt`; if that is not smaller, the kept one is given and nothing changes."""
        ...

    async def get(self, sid: str, now: int) -> Validation | None: ...

    async def guess(self, sid: str) -> None: ...

    async def validate(self, sid: str, now: int) -> None: ...

    async def spend(self, sid: str) -> bool:
        """Delete a validation that was made; False if it is gone: it was good for one thing."""
        ...

    async def add(self, user_id: UserId, threepid: Threepid, addresses_max: int) -> bool:
        """False if the address is another account's, or there are too many."""
        ...

    async def remove(self, user_id: UserId, address: str) -> None: ...


class Emails:
    """`base_url`: where people reach this server. `reveals`: whether the answers tell what is
    known here."""

    def __init__(
        self,
        store: EmailStore,
        mailer: Mailer,
        base_url: str,
        *,
        server_name: str,
        reveals: bool = False,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._base_url = base_url
        self._server_name = server_name
        self._reveals = reveals
        self._clock = clock
        self._sending = TaskOwner("e-mail", limit=SENDING_MAX)

    async def stop(self) -> None:
        await self._sending.stop()

    async def request_token(
        self, purpose: Purpose, address: str, client_secret: str, send_attempt: int
    ) -> str:
        """Send a link; the id of the validation. The same attempt again sends nothing.

        M_THREEPID_IN_USE or M_THREEPID_NOT_FOUND only if the operator lets them be told.
        """
        address = canonical_address(address)
        check_secret(client_secret)
        is_known = await self._store.owner(address) is not None
        is_wanted = is_known == (purpose == "password")
        if not is_wanted and self._reveals:
            raise not_found() if purpose == "password" else in_use()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        validation = Validation(
            sid=secrets.token_urlsafe(TOKEN_BYTES),
            purpose=purpose,
            secret_hash=hash_token(client_secret),
            address=address,
            token_hash=hash_token(token) if is_wanted else None,
            send_attempt=send_attempt,
            expires_at=self._clock() + VALIDATION_MS,
        )
        kept = await self._store.begin(validation, self._clock())
        if kept is not None:
            return kept.sid
        if is_wanted:
            self._sending.start(self._send(validation, token))
        return validation.sid

    async def confirm(self, sid: str, token: str) -> bool:
        """Whether somebody who has the link's token opened it in time. Repeats are no guesses."""
        validation = await self._known(sid)
        if validation is None or validation.guesses >= GUESSES_MAX:
            return False
        known = validation.token_hash
        if known is None or not hmac.compare_digest(known, hash_token(token)):
            await self._store.guess(sid)
            return False
        await self._store.validate(sid, self._clock())
        return True

    async def validated(self, purpose: Purpose, sid: str, client_secret: str) -> str | None:
        """The address that was proved, for who knows the secret; None if it was not."""
        validation = await self._known(sid)
        if validation is None or validation.purpose != purpose or validation.validated_at is None:
            return None
        same = hmac.compare_digest(validation.secret_hash, hash_token(client_secret))
        return validation.address if same else None

    async def spend(self, sid: str) -> bool:
        return await self._store.spend(sid)

    async def owner(self, address: str) -> UserId | None:
        """Whose account has the address."""
        try:
            return await self._store.owner(canonical_address(address))
        except InvalidParam:
            return None

    async def list_of(self, user_id: UserId) -> Sequence[Threepid]:
        return await self._store.list_of(user_id)

    async def add(self, user_id: UserId, sid: str, client_secret: str) -> None:
        """Keep a proved address with an account."""
        address = await self.validated("add", sid, client_secret)
        if address is None or not await self._store.spend(sid):
            raise Refused("The address has not been proved", code="M_THREEPID_AUTH_FAILED")
        await self.keep(user_id, address)

    async def keep(self, user_id: UserId, address: str) -> None:
        now = self._clock()
        threepid = Threepid("email", address, now, now)
        if not await self._store.add(user_id, threepid, ADDRESSES_PER_USER_MAX):
            raise in_use()

    async def remove(self, user_id: UserId, address: str) -> None:
        """Repeats, and addresses that were never there, are no error."""
        await self._store.remove(user_id, canonical_address(address))

    async def _known(self, sid: str) -> Validation | None:
        if not _SECRET.match(sid):
            return None
        return await self._store.get(sid, self._clock())

    async def _send(self, validation: Validation, token: str) -> None:
        query = urlencode({"sid": validation.sid, "token": token})
        link = f"{self._base_url}{CONFIRM_PATH}?{query}"
        subject, text = _letter(validation.purpose, self._server_name, link)
        try:
            await self._mailer.send(Message(validation.address, subject, text))
        except BongsuError as error:  # whom it was for is nobody's business, not the log's either
            log.warning("e-mail not sent", reason=str(error))


log = structlog.get_logger()

_WHAT: dict[Purpose, tuple[str, str]] = {
    "add": ("이 주소를 계정에 추가", "add this address to your account"),
    "password": ("비밀번호를 재설정", "reset your password"),
    "register": ("계정을 만들기", "create your account"),
}


def _letter(purpose: Purpose, server_name: str, link: str) -> tuple[str, str]:
    """Subject and text, in Korean and English: nothing is known of who reads it."""
    korean, english = _WHAT[purpose]
    subject = f"{server_name}: 이메일 주소 확인 / Confirm your e-mail address"
    text = (
        f"{server_name}에서 {korean}하려면 한 시간 안에 아래 링크를 여세요.\n"
        f"To {english} on {server_name}, open this link within an hour.\n\n{link}\n\n"
        "요청하신 적이 없다면 이 메일을 무시하세요.\n"
        "If you did not ask for this, ignore this message.\n"
    )
    return subject, text


def canonical_address(text: str) -> str:
    """The one way in which an address is kept: in lower case. `InvalidParam` if it is none."""
    address = text.strip().casefold()
    try:
        fits = len(address.encode()) <= ADDRESS_CHARS_MAX
    except UnicodeEncodeError:
        fits = False
    if not fits or not _ADDRESS.match(address):
        raise InvalidParam("Not a valid e-mail address")
    return address


def check_secret(client_secret: str) -> None:
    """Spec: `[0-9a-zA-Z.=_-]`, at most 255 of them."""
    if not _SECRET.match(client_secret):
        raise InvalidParam("client_secret is not a valid secret")


def in_use() -> Refused:
    return Refused("The e-mail address is in use already", code="M_THREEPID_IN_USE")


def not_found() -> NotFound:
    return NotFound("No account has this e-mail address", code="M_THREEPID_NOT_FOUND", status=400)
