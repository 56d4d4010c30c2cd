"""E-mail about what is unread, for pushers of the kind `email`."""

from collections.abc import Sequence

from bongsu.log.entry import LoggedEvent
from bongsu.mailing import Mailer, MailFailed, MailRefused, Message
from bongsu.pushing.notice import Names, Target, Undelivered

EVENTS_SHOWN_MAX = 20
BODY_CHARS_MAX = 300


class Emails:
    """Implements `deliverer.EmailSender`."""

    def __init__(self, mailer: Mailer, server_name: str) -> None:
        self._mailer = mailer
        self._server_name = server_name

    async def notify(
        self, target: Target, events: Sequence[tuple[LoggedEvent, Names]], unread: int
    ) -> bool:
        try:
            await self._mailer.send(self._message(target, events, unread))
        except MailRefused:
            return False
        except MailFailed as failed:
            raise Undelivered(str(failed)) from None
        return True

    def _message(
        self, target: Target, events: Sequence[tuple[LoggedEvent, Names]], unread: int
    ) -> Message:
        rooms = f"{unread} room{'' if unread == 1 else 's'}"
        shown = [_line(event, names) for event, names in events[-EVENTS_SHOWN_MAX:]]
        more = len(events) - len(shown)
        if more:
            shown.insert(0, f"({more} earlier)")
        return Message(
            to=target.name.pushkey,
            subject=f"Unread messages in {rooms} on {self._server_name}",
            text="\n\n".join([f"{target.name.user_id} has unread messages in {rooms}.", *shown])
            + "\n",
        )


def _line(event: LoggedEvent, names: Names) -> str:
    sender = names.sender_display_name or event.facts.sender
    room = names.room_name or names.room_alias
    return f"{sender}{f' in {room}' if room else ''}: {_said(event)}"


def _said(event: LoggedEvent) -> str:
    """What may be shown: nothing of an encrypted event but that there is one."""
    match event.facts.type:
        case "m.room.message":
            body = event.content.get("body")
            return body[:BODY_CHARS_MAX] if isinstance(body, str) else "sent a message"
        case "m.room.encrypted":
            return "sent an encrypted message"
        case "m.room.member" if event.facts.membership == "invite":
            return "invited you"
        case _:
            return "sent something"
