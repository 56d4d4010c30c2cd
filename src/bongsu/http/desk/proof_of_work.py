"""Work before a form is taken, for times when machines send more of them than people do.

The form carries a challenge; the visitor's browser looks for a number that makes the hash of both
begin with so many zero bits (static/work.js), which costs it a second and us one hash. A visitor
without JavaScript is let through more slowly (limit `unworked`), never turned away for it.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable

CHALLENGE_FIELD = "work_challenge"
ANSWER_FIELD = "work_answer"
SECONDS_MAX = 3600
SPENT_MAX = 100_000
BITS_MAX = 28
_CHARS_MAX = 200


class ProofOfWork:
    """`bits` of zero are asked for; 0 asks for no work. Each challenge is worth one form here."""

    def __init__(self, key: bytes, bits: int, clock: Callable[[], float]) -> None:
        self.bits = bits
        self._key = key
        self._clock = clock
        self._spent: OrderedDict[str, None] = OrderedDict()

    def challenge(self) -> str:
        """bits.expiry.random.mac"""
        expiry = int(self._clock()) + SECONDS_MAX
        body = f"{self.bits}.{expiry}.{secrets.token_hex(12)}"
        return f"{body}.{self._mac(body)}"

    def is_done(self, challenge: object, answer: object) -> bool:
        """Whether the work was done for a challenge of ours that is neither old nor spent."""
        if self.bits == 0:
            return True
        if not isinstance(challenge, str) or not isinstance(answer, str):
            return False
        if not self._is_open(challenge[:_CHARS_MAX]):
            return False
        digest = hashlib.sha256(f"{challenge}.{answer[:_CHARS_MAX]}".encode("utf-8", "replace"))
        if int.from_bytes(digest.digest(), "big") >> (256 - self.bits):
            return False
        self._spent[challenge] = None
        if len(self._spent) > SPENT_MAX:
            self._spent.popitem(last=False)
        return True

    def _is_open(self, challenge: str) -> bool:
        body, _, mac = challenge.rpartition(".")
        if challenge in self._spent or not hmac.compare_digest(
            self._mac(body).encode(), mac.encode("utf-8", "replace")
        ):
            return False
        bits, expiry, _ = body.split(".")  # ours: the mac says so
        return int(bits) >= self.bits and int(expiry) >= self._clock()

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
