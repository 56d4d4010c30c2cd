"""The house rules that a machine can check. Each failure names the place."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bongsu"
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# Columns whose name says it all; what an identifier is stands in ids.py.
KNOWN_COLUMNS = {
    "user_id", "device_id", "room_id", "event_id", "partition", "position", "created_at", "sender",
    "expires_at", "last_seen_ip", "last_seen_user_agent", "app_display_name",
    "device_display_name",
}  # fmt: skip
# Folders of one machine, and words of how this came to be rather than of what it is.
BANNED = re.compile(
    r"/(?:work|home|root|Users)/\w|\b[Ss]pike\b|\bTODO\b|\bFIXME\b|\bXXX\b|\bissue #?[0-9]"
)
TEXT_SUFFIXES = {".py", ".sql", ".md", ".toml", ".mjs", ".js", ".sh"}

MODULES = sorted(SOURCE.rglob("*.py"))
_COLUMN = re.compile(r"^\s+(\w+)\s+(\w+)[^\n]*$", re.M)
_TABLE = re.compile(
    r"CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)^\s*\)", re.S | re.M
)
_NO_COLUMN = {"PRIMARY", "UNIQUE", "CHECK", "CONSTRAINT", "FOREIGN", "EXCLUDE"}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(SOURCE)))
def test_modules_and_functions_are_short(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MODULE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{node.name} has {lines} lines"


def test_every_package_says_what_it_owns() -> None:
    for package in SOURCE.rglob("__init__.py"):
        if package.parent.name != "client":
            assert ast.get_docstring(ast.parse(package.read_text())), f"{package} says nothing"


def test_no_machine_paths_or_banned_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in _own_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if path != Path(__file__) and BANNED.search(line)
    ]
    assert not found, "\n".join(found)


def test_columns_say_what_they_mean_and_texts_compare_as_bytes() -> None:
    complaints: list[str] = []
    for path in [*SOURCE.rglob("schema/*.sql"), SOURCE / "postgres" / "migrate.py"]:
        for table, name, line, previous in _columns(path.read_text()):
            where = f"{path.name}: {table}.{name}"
            commented = "--" in line or previous.lstrip().startswith("--")
            if not commented and name not in KNOWN_COLUMNS:
                complaints.append(f"{where} has no comment")
            if re.search(r"\btext\b(?!\[)", line.partition("--")[0]) and 'COLLATE "C"' not in line:
                complaints.append(f'{where} is not COLLATE "C"')
    assert not complaints, "\n".join(complaints)


def test_no_schema_file_leans_on_another() -> None:
    """So that the order in which they are applied does not matter."""
    for path in SOURCE.rglob("schema/*.sql"):
        text = path.read_text()
        own = {match[1] for match in _TABLE.finditer(text)}
        assert set(re.findall(r"\bREFERENCES (\w+)", text)) <= own, path.name
        assert "public." not in text, path.name


def test_no_two_test_modules_have_one_name() -> None:
    """pytest imports them by their basename: two of one name stop the whole run."""
    names = [
        path.name
        for path in (ROOT / "tests").rglob("test_*.py")
        if "node_modules" not in path.parts
    ]
    assert sorted(names) == sorted(set(names))


def test_browser_tests_wait_for_functions_alone() -> None:
    """A page's policy refuses to evaluate a string again: only its first look would work."""
    for path in [*(ROOT / "tests" / "e2e").glob("*.py"), *(ROOT / "tests" / "sites").glob("*.py")]:
        for argument in re.findall(r'wait_for_function\(\s*f?"([^"]*)', path.read_text()):
            assert "=>" in argument, f"{path.name}: {argument}"


def test_layers() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def _columns(text: str) -> Iterator[tuple[str, str, str, str]]:
    """(table, column, its line, the line before) of every CREATE TABLE in `text`."""
    for match in _TABLE.finditer(text):
        previous = ""
        for line in match[2].splitlines():
            column = _COLUMN.match(line)
            if column and column[1].upper() not in _NO_COLUMN and not line.strip().startswith("--"):
                yield match[1], column[1], line, previous
            previous = line


def _own_files() -> Iterator[Path]:
    """What git keeps, and what it would: never what an install or a run made."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in TEXT_SUFFIXES | {""} and path.is_file():
            yield path
