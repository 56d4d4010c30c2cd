"""When each thing last changed, counted by one cursor of this process."""

from collections import OrderedDict


class Versions:
    """Bounded: of what was forgotten, the version is the highest forgotten, which at worst shows
    something again that did not change."""

    def __init__(self, limit: int) -> None:
        self.cursor = 0
        self._limit = limit
        self._floor = 0
        self._versions: OrderedDict[str, int] = OrderedDict()

    def bump(self, key: str) -> None:
        """`key` changed just now."""
        self.cursor += 1
        self._versions.pop(key, None)
        self._versions[key] = self.cursor
        if len(self._versions) > self._limit:
            self._floor = self._versions.popitem(last=False)[1]

    def of(self, key: str) -> int:
        """The cursor's value at the last change of `key`; 0 if it never changed."""
        return self._versions.get(key, self._floor)
