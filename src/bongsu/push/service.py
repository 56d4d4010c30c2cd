"""Read and change a person's push rules."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from bongsu.errors import Unavailable
from bongsu.ids import UserId
from bongsu.push import ruleset
from bongsu.push.rules import Action, Kind, PushRule, Ruleset
from bongsu.push.ruleset import Changes

CHANGE_ATTEMPTS_MAX = 32


class PushRulesStore(Protocol):
    """Keeps one document a person: their changes to the default rules."""

    async def load(self, user_id: UserId) -> bytes | None:
        """The document as it is now, confirmed; None if the person changed nothing yet."""
        ...

    async def store(self, user_id: UserId, old_version: int, document: bytes) -> bool:
        """Put `document` in the place of the one with `old_version` (0: of none).

        False, and nothing stored, if the document there has another version
        (`ruleset.decode_changes(document).version`).
        """
        ...


class PushRulesService:
    """Rules of a person as they are in force, and the changes that the API allows.

    Changes raise what `ruleset` raises, and `Unavailable` when others changed the same rules all
    the time.
    """

    def __init__(self, store: PushRulesStore) -> None:
        self._store = store

    async def get_ruleset(self, user_id: UserId) -> Ruleset:
        document = await self._store.load(user_id)
        return ruleset.effective_ruleset(ruleset.decode_changes(document), user_id)

    async def get_rule(self, user_id: UserId, kind: Kind, rule_id: str) -> PushRule:
        """`NotFound` if there is no such rule."""
        return ruleset.get_rule(await self.get_ruleset(user_id), kind, rule_id)

    async def put_rule(
        self,
        user_id: UserId,
        kind: Kind,
        rule: PushRule,
        *,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        await self._change(
            user_id, lambda old: ruleset.put_rule(old, kind, rule, before=before, after=after)
        )

    async def delete_rule(self, user_id: UserId, kind: Kind, rule_id: str) -> None:
        await self._change(user_id, lambda old: ruleset.delete_rule(old, kind, rule_id))

    async def set_enabled(self, user_id: UserId, kind: Kind, rule_id: str, enabled: bool) -> None:
        await self._change(user_id, lambda old: ruleset.set_enabled(old, kind, rule_id, enabled))

    async def set_actions(
        self, user_id: UserId, kind: Kind, rule_id: str, actions: list[Action]
    ) -> None:
        await self._change(user_id, lambda old: ruleset.set_actions(old, kind, rule_id, actions))

    async def copy_room_rules(self, user_id: UserId, from_room: str, to_room: str) -> None:
        """Carry the rule of an upgraded room over to its replacement."""
        await self._change(user_id, lambda old: ruleset.copy_room_rules(old, from_room, to_room))

    async def _change(self, user_id: UserId, change: Callable[[Changes], Changes]) -> None:
        for _ in range(CHANGE_ATTEMPTS_MAX):
            old = ruleset.decode_changes(await self._store.load(user_id))
            new = change(old)
            if new is old:
                return
            document = ruleset.encode_changes(msgspec.structs.replace(new, version=old.version + 1))
            if await self._store.store(user_id, old.version, document):
                return
        raise Unavailable("Push rules are being changed by others")
