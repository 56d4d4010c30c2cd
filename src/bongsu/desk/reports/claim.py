"""What a reporter says, in two parts: the claim names nobody, the personal part is sealed."""

import msgspec

from bongsu.desk.reports.words import Category, Damage

SEALED_FIELDS = ("name", "contact", "description", "reckoning", "payout")


class Claim(msgspec.Struct, frozen=True):
    """Times in ms, UTC; the loss in the smallest unit of its currency, None for none in money."""

    category: Category
    services: tuple[str, ...]
    is_paid: bool
    damage: Damage
    started_ts: int
    ended_ts: int | None
    loss_amount: int | None
    loss_currency: str | None
    country: str
    language: str
    utc_offset_minutes: int  # in which the reporter gave the times


class PayoutDetails(msgspec.Struct, frozen=True):
    """Where money for the reporter should go."""

    holder: str
    bank: str  # name, or BIC
    account: str  # number, or IBAN


class Personal(msgspec.Struct, frozen=True):
    """Empty texts are those that the reporter left out."""

    name: str
    contact: str
    description: str
    reckoning: str
    payout: PayoutDetails | None = None

    def texts(self) -> dict[str, str]:
        """By the names of `SEALED_FIELDS`, ready to be sealed; what is empty is left out."""
        payout = "" if self.payout is None else msgspec.json.encode(self.payout).decode()
        values = (self.name, self.contact, self.description, self.reckoning, payout)
        return {name: text for name, text in zip(SEALED_FIELDS, values, strict=True) if text}


def personal_of(texts: dict[str, str]) -> Personal:
    """The reverse of `Personal.texts`."""
    plain = {name: texts.get(name, "") for name in SEALED_FIELDS if name != "payout"}
    payout = texts.get("payout")
    details = msgspec.json.decode(payout, type=PayoutDetails) if payout else None
    return Personal(**plain, payout=details)


class StagedFile(msgspec.Struct, frozen=True):
    """An evidence file that is fsync'd on this machine, and not yet in the media store."""

    name: str  # what the reporter's machine called it
    staged: str  # what the staging area calls it
    sha256: bytes
    size: int


class Submission(msgspec.Struct, frozen=True):
    """A report as it was taken in: all that has to reach the database."""

    report_id: str
    receipt: str
    link_hash: bytes
    received_ts: int
    site: str
    account_id: str | None
    claim: Claim
    personal: Personal
    files: tuple[StagedFile, ...] = ()
