"""Who may change whose membership, and to what. Spec: rooms/v12, "Authorisation rules", rule 5."""

from collections.abc import Iterable

from bongsu.errors import BadJson, Forbidden
from bongsu.ids import UserId, is_user_id
from bongsu.rooms.event import Event, EventDraft
from bongsu.rooms.room_auth import RoomAuth
from bongsu.rooms.third_party_invite import authorise_third_party_invite


def authorise_member(event: Event | EventDraft, auth: RoomAuth) -> None:
    """Return if the room lets this m.room.member event in, else raise `Forbidden` or `BadJson`."""
    membership = event.content.get("membership")
    if event.state_key is None or not is_user_id(event.state_key):
        raise BadJson("The state key of m.room.member is not a user ID")
    target = UserId(event.state_key)
    # A bad type (a list cannot be a key) must fail as an unknown name does.
    rule = _RULES.get(membership) if isinstance(membership, str) else None
    if rule is None:
        raise BadJson("Unknown membership")
    rule(event, target, auth)


def authorising_user(auth: RoomAuth, candidates: Iterable[UserId]) -> UserId | None:
    """The first of `candidates` who could let somebody into a restricted room, if any can."""
    return next((user for user in candidates if _may_authorise_join(user, auth)), None)


def _join(event: Event | EventDraft, target: UserId, auth: RoomAuth) -> None:
    if auth.only_create and target == auth.create_sender:
        return
    if event.sender != target:
        raise Forbidden("Nobody can join for another")
    current = auth.membership(target)
    if current == "ban":
        raise Forbidden(f"{target} is banned from the room")
    rules = auth.join_rules
    if rules.join_rule == "public":
        return
    if rules.is_restricted:
        if current not in ("join", "invite"):
            _restricted_join(event, auth)
        return
    if rules.join_rule not in ("invite", "knock") or current not in ("join", "invite"):
        raise Forbidden("You are not invited to this room")


def _restricted_join(event: Event | EventDraft, auth: RoomAuth) -> None:
    """That the joiner meets the room's conditions is vouched for by the user the event names."""
    authoriser = event.content.get("join_authorised_via_users_server")
    if not isinstance(authoriser, str):
        raise Forbidden("You do not belong to any of the rooms or spaces that may join this room")
    if not _may_authorise_join(UserId(authoriser), auth):
        raise Forbidden(f"{authoriser} cannot let others into this room")


def _may_authorise_join(user: UserId, auth: RoomAuth) -> bool:
    levels = auth.power_levels
    return auth.membership(user) == "join" and levels.level_of(user) >= levels.invite


def _invite(event: Event | EventDraft, target: UserId, auth: RoomAuth) -> None:
    if "third_party_invite" in event.content:
        authorise_third_party_invite(event, target, auth)
        return
    _check_joined(event.sender, auth)
    current = auth.membership(target)
    if current == "join":
        raise Forbidden(f"{target} is already in the room")
    if current == "ban":
        raise Forbidden(f"{target} is banned from the room")
    _check_level(event.sender, auth.power_levels.invite, "invite", auth)


def _leave(event: Event | EventDraft, target: UserId, auth: RoomAuth) -> None:
    current = auth.membership(target)
    if event.sender == target:
        if current not in ("invite", "join", "knock"):
            raise Forbidden(f"{target} is not in the room")
        return
    _check_joined(event.sender, auth)
    if current == "ban":
        _check_level(event.sender, auth.power_levels.ban, "unban", auth)
    _check_level(event.sender, auth.power_levels.kick, "kick", auth)
    _check_above(event.sender, target, auth)


def _ban(event: Event | EventDraft, target: UserId, auth: RoomAuth) -> None:
    _check_joined(event.sender, auth)
    _check_level(event.sender, auth.power_levels.ban, "ban", auth)
    _check_above(event.sender, target, auth)


def _knock(event: Event | EventDraft, target: UserId, auth: RoomAuth) -> None:
    if not auth.join_rules.may_knock:
        raise Forbidden("This room does not take knocks")
    if event.sender != target:
        raise Forbidden("Nobody can knock for another")
    current = auth.membership(target)
    if current in ("ban", "invite", "join"):
        raise Forbidden(f"You cannot knock: your membership is {current}")


_RULES = {"join": _join, "invite": _invite, "leave": _leave, "ban": _ban, "knock": _knock}


def _check_joined(user: UserId, auth: RoomAuth) -> None:
    if auth.membership(user) != "join":
        raise Forbidden(f"{user} is not in the room")


def _check_level(user: UserId, required: int, act: str, auth: RoomAuth) -> None:
    level = auth.power_levels.level_of(user)
    if level < required:
        raise Forbidden(f"To {act} needs power level {required}, that of {user} is {level}")


def _check_above(user: UserId, target: UserId, auth: RoomAuth) -> None:
    if auth.power_levels.level_of(target) >= auth.power_levels.level_of(user):
        raise Forbidden(f"The power level of {target} is not below that of {user}")
