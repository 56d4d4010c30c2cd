"""What an operator may do: roles, each a part of the desk's work."""

from collections.abc import Iterable
from enum import StrEnum

from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam


class Role(StrEnum):
    """`ADMIN` manages operators and reads the audit log; it opens no other role's doors."""

    INTAKE = "intake"
    ASSESSOR = "assessor"
    APPROVER = "approver"
    INVESTIGATOR = "investigator"
    PUBLISHER = "publisher"
    ADMIN = "admin"


def parse_roles(names: Iterable[str]) -> frozenset[Role]:
    """The roles of these names; `InvalidParam` names the first that is none, and an empty list."""
    roles: set[Role] = set()
    for name in names:
        try:
            roles.add(Role(name.strip().lower()))
        except ValueError:
            raise InvalidParam(
                Sentence(
                    "{name!r} is no role: one of {known}", name=name[:40], known=", ".join(Role)
                )
            ) from None
    if not roles:
        raise InvalidParam("Name at least one role")
    return frozenset(roles)
