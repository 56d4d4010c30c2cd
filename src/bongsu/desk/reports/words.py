"""The words of a report: who reports, what kind of damage, and where the report stands."""

from enum import StrEnum


class Category(StrEnum):
    """Who reports. A reporter says it first; an assessment may say otherwise."""

    USER = "user"
    PAYING_USER = "paying_user"
    DRIVER = "driver"
    SHOP = "shop"  # a small business
    FIRM = "firm"  # a larger one
    PARTNER = "partner"
    OTHER = "other"


class Damage(StrEnum):
    """What kind of damage. Only some of it comes to a sum of money."""

    NO_ACCESS = "no_access"  # could not use it, lost nothing else
    PAID_TIME = "paid_time"  # paid for a time in which it did not work
    LOST_SALES = "lost_sales"
    EXTRA_COST = "extra_cost"
    LOST_DATA = "lost_data"
    LOST_INCOME = "lost_income"
    OTHER = "other"


class Status(StrEnum):
    """Where a report stands. Reporters move it to the marked ones, operators to the others."""

    RECEIVED = "received"  # taken in, not yet looked at
    IN_REVIEW = "in_review"
    QUESTION = "question"  # the reporter was asked something
    ANSWERED = "answered"  # * and has answered
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"  # of another report, which the assessment names
    APPEALED = "appealed"  # * after accepted, refused or duplicate
    WITHDRAWN = "withdrawn"  # *
    ERASED = "erased"  # personal data is gone; what the sums need has stayed


DECIDED = frozenset({Status.ACCEPTED, Status.REFUSED, Status.DUPLICATE})
CLOSED = frozenset({Status.WITHDRAWN, Status.ERASED})


class Party(StrEnum):
    """Who writes in a report's conversation."""

    REPORTER = "reporter"
    OPERATOR = "operator"


class Kind(StrEnum):
    """What an entry of a report's conversation is."""

    QUESTION = "question"
    ANSWER = "answer"
    APPEAL = "appeal"
    WITHDRAWAL = "withdrawal"
    DECISION = "decision"


# From which status a reporter may do what.
AMENDABLE = frozenset(
    {Status.RECEIVED, Status.IN_REVIEW, Status.QUESTION, Status.ANSWERED, Status.APPEALED}
)
# Where a payment goes may be told, or put right, after the report was accepted too.
PAYABLE = AMENDABLE | {Status.ACCEPTED}
WITHDRAWABLE = frozenset(Status) - CLOSED
APPEALABLE = DECIDED
