"""What was measured so far, a scenario at a time: a later run replaces only what it measured.

Both sides of a scenario come from one run, or the ratio between them would mean little; so a run
of one side alone, of a scenario that has two, is printed and not kept.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Figures = dict[str, float]

NAME = "performance.json"


@dataclass
class Record:
    """`scenarios`: by name, what each side gave, and when and on what it was measured."""

    scenarios: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @staticmethod
    def read(folder: Path) -> "Record":
        try:
            return Record(json.loads((folder / NAME).read_text())["scenarios"])
        except (OSError, ValueError, KeyError):
            return Record()

    def write(self, folder: Path) -> None:
        text = json.dumps({"scenarios": self.scenarios}, indent=2, sort_keys=True)
        (folder / NAME).write_text(text + "\n")

    def put(
        self, name: str, found: dict[str, Figures], *, on_rival: bool, context: dict[str, Any]
    ) -> bool:
        """Keep what each side gave in a run; False if a side is missing."""
        if set(found) != ({"bongsu", "synapse"} if on_rival else {"bongsu"}):
            return False
        self.scenarios[name] = {**context, **found}
        return True

    def of(self, title: str) -> Figures:
        """All figures of one side."""
        return {
            key: value
            for scenario in self.scenarios.values()
            for key, value in scenario.get(title, {}).items()
        }
