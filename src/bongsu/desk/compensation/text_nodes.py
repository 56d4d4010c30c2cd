"""Reading YAML node by node, so that every complaint names its line.

YAML is taken plain: no anchors, no tags, no key twice. All complaints are gathered, not only the
first.
"""

import re
from collections.abc import Collection
from typing import Any, cast

import yaml

from bongsu.desk.compensation.programme import Problem, ProgrammeRefused
from bongsu.desk.compensation.vocabulary import Words

TEXT_CHARS_MAX = 64 * 1024
PROBLEMS_MAX = 50

Node = yaml.nodes.Node
_INTEGER = re.compile(r"[0-9]{1,3}(?:_[0-9]{3})*\Z|[0-9]{1,15}\Z", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}\Z")


class _Plain(yaml.SafeLoader):
    """Refuses anchors: a lawyer reads every rule where it stands, and none can be a bomb."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = cast(Any, self).peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            mark = event.start_mark
            words = Words("앵커(&, *)는 쓸 수 없습니다", "anchors (&, *) are not allowed")
            raise ProgrammeRefused([Problem(mark.line + 1, mark.column + 1, words)])
        return super().compose_node(parent, index)


def compose(text: str) -> Node:
    """The root of the text; raises `ProgrammeRefused` for what is no YAML at all."""
    if len(text) > TEXT_CHARS_MAX:
        words = Words(f"{TEXT_CHARS_MAX}자를 넘습니다", f"longer than {TEXT_CHARS_MAX} characters")
        raise ProgrammeRefused([Problem(1, 1, words)])
    try:
        node = cast(Any, yaml).compose(text, Loader=_Plain)
    except yaml.reader.ReaderError as error:
        words = Words("쓸 수 없는 글자가 있습니다", "a character that cannot be in a text")
        line = text.count("\n", 0, error.position) + 1
        raise ProgrammeRefused([Problem(line, 1, words)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = str(error.problem or error.context)
        words = Words(f"YAML 형식 오류: {said}", f"not YAML: {said}")
        raise ProgrammeRefused([Problem(line, column, words)]) from None
    except RecursionError:
        words = Words("너무 깊이 겹쳐 있습니다", "nested too deeply")
        raise ProgrammeRefused([Problem(1, 1, words)]) from None
    if node is None:
        raise ProgrammeRefused([Problem(1, 1, Words("비어 있습니다", "empty"))])
    return node


class Nodes:
    """Reads nodes as what they should be. Where they are not, it complains and gives a default."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def complain(self, node: Node, ko: str, en: str, *, line: int = 0, column: int = 0) -> None:
        """`line` and `column` count from the node's own, from 0."""
        self._add(node, ko, en, line, column, is_warning=False)

    def warn(self, node: Node, ko: str, en: str) -> None:
        self._add(node, ko, en, 0, 0, is_warning=True)

    def _add(
        self, node: Node, ko: str, en: str, line: int, column: int, *, is_warning: bool
    ) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            at_line = node.start_mark.line + 1 + line
            at_column = column + 1 if line else node.start_mark.column + 1 + column
            self.problems.append(Problem(at_line, at_column, Words(ko, en), is_warning))

    def mapping(
        self, node: Node, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, Node]:
        """Keys and values; complains of unknown, doubled and missing keys."""
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, "'이름: 값' 줄이 와야 합니다", "lines of 'name: value' belong here")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in found:
                self.complain(key, f"{name}이(가) 두 번 있습니다", f"{name} stands here twice")
            elif name in required or name in optional:
                found[name] = value
            else:
                self._unknown(key, name, [*required, *optional])
        for name in required:
            if name not in found:
                self.complain(node, f"{name}이(가) 빠졌습니다", f"{name} is missing")
        return found

    def _unknown(self, key: Node, name: str, known: Collection[str]) -> None:
        if "renew" in name:
            self.complain(
                key, "자동 갱신은 없습니다", "nothing renews itself: there is no such setting"
            )
            return
        words = ", ".join(known)
        self.complain(
            key,
            f"모르는 항목 {name!r}. 쓸 수 있는 항목: {words}",
            f"unknown {name!r}; one of {words}",
        )

    def items(self, node: Node) -> list[Node]:
        """The elements of a list; a single thing counts as a list of one."""
        return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]

    def text(self, node: Node, *, chars_max: int = 300) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.complain(node, "글이 와야 합니다", "a text belongs here")
            return ""
        if len(node.value) > chars_max:
            self.complain(node, f"{chars_max}자를 넘습니다", f"longer than {chars_max} characters")
        return node.value.strip()

    def name(self, node: Node) -> str:
        text = self.text(node)
        if text and not _NAME.match(text):
            self.complain(
                node,
                f"{text!r}: 이름은 영어 소문자, 숫자, '-'로 씁니다",
                f"{text!r}: names are of a-z, 0-9 and '-', at most 60",
            )
        return text

    def integer(self, node: Node, *, least: int = 1, most: int) -> int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not _INTEGER.match(text):
            self.complain(
                node,
                "정수가 와야 합니다(예: 300_000; 쉼표와 소수점 없이)",
                "a whole number belongs here, such as 300_000, without commas and decimal point",
            )
            return least
        value = int(text.replace("_", ""))
        if not least <= value <= most:
            self.complain(
                node, f"{least}~{most} 사이여야 합니다", f"must be between {least} and {most}"
            )
            return least
        return value

    def words(self, node: Node) -> Words:
        """A text in both languages: `{ko: …, en: …}`."""
        fields = self.mapping(node, ("ko", "en"))
        return Words(*(self.text(fields[n]) if n in fields else "" for n in ("ko", "en")))
