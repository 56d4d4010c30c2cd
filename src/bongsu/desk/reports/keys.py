"""What follows from the key in a reporter's form: the report's id, its receipt and its link.

Every form carries a key of 256 random bits. All else is derived from it by a one-way function, so
a form that is sent twice, to any process at any site, with or without a database, gets the same
answer. Who knows the key knows the link: like the link's token it is stored nowhere but hashed.
"""

import hashlib
import re
import secrets
from base64 import b32encode, urlsafe_b64encode
from dataclasses import dataclass

from bongsu.desk.reports.receipt import BITS, receipt_of

KEY_BYTES = 32
REPORT_ID_CHARS = 24

_KEY = re.compile(r"[A-Za-z0-9_\-]{43}\Z")
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{43}\Z")


@dataclass(frozen=True, slots=True)
class ReportKeys:
    """`link_token` goes to the reporter alone; `link_hash` is what is stored of it."""

    report_id: str
    receipt: str
    link_token: str
    link_hash: bytes


def new_form_key() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def is_form_key(text: str) -> bool:
    return _KEY.match(text) is not None


def is_link_token(text: str) -> bool:
    """Whether `text` could be the secret of a link: what could not needs no look-up."""
    return _TOKEN.match(text) is not None


def derive(form_key: str) -> ReportKeys:
    """Everything that follows from a form's key. `form_key` has the shape of one."""
    token = urlsafe_b64encode(_derived("link", form_key)).decode().rstrip("=")
    return ReportKeys(
        report_id=b32encode(_derived("id", form_key)).decode().lower()[:REPORT_ID_CHARS],
        receipt=receipt_of(int.from_bytes(_derived("receipt", form_key)[:8]) % (1 << BITS)),
        link_token=token,
        link_hash=hash_link(token),
    )


def hash_link(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _derived(purpose: str, form_key: str) -> bytes:
    return hashlib.sha256(f"bongsu report {purpose}\0{form_key}".encode()).digest()
