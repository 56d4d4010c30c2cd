"""Every text of the desk is there in both languages; templates and pages name only known ones."""

import re
import string
from pathlib import Path

import pytest

from bongsu.http.desk.texts import LANGUAGES, choose_language, load_texts

HTTP = Path(__file__).parents[2] / "src" / "bongsu" / "http" / "desk"
_IN_TEMPLATE = re.compile(r"""\bt\(\s*['"]([a-z_0-9.]+)['"]\s*[,)]""")
_IN_TEMPLATE_BEGINNING = re.compile(r"""\bt\(\s*['"]([a-z_0-9.]+\.)['"]\s*~""")
_IN_PAGES = re.compile(r"""(?:\.t|refuse)\(\s*"([a-z_0-9.]+)"\s*[,)]""")

TEXTS = load_texts()


@pytest.mark.parametrize("key", sorted(TEXTS.keys()))
def test_a_text_is_there_in_both_languages(key: str) -> None:
    both = TEXTS.languages(key)
    assert set(both) == set(LANGUAGES)
    assert all(text.strip() for text in both.values())
    placeholders = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        for text in both.values()
    ]
    assert placeholders[0] == placeholders[1]


def test_templates_and_pages_use_known_texts() -> None:
    unknown, known = list[str](), set(TEXTS.keys())
    for path in [*HTTP.rglob("*.html"), *HTTP.rglob("*.xml"), *HTTP.rglob("*.py")]:
        text = path.read_text("utf-8")
        pattern = _IN_PAGES if path.suffix == ".py" else _IN_TEMPLATE
        unknown += [f"{path.name}: {key}" for key in pattern.findall(text) if key not in TEXTS]
        for beginning in _IN_TEMPLATE_BEGINNING.findall(text):
            if not any(key.startswith(beginning) for key in known):
                unknown.append(f"{path.name}: {beginning}…")
    assert not unknown


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "chosen"),
    [
        (None, None, "", "ko"),
        (None, None, "fr,de", "ko"),
        (None, None, "fr, en-GB;q=0.7, ko;q=0.2", "en"),
        (None, "ko", "en", "ko"),
        ("en", "ko", "ko", "en"),
        ("xx", "yy", "en;q=wrong, ko;q=0.1", "ko"),
    ],
)
def test_language_is_what_was_asked_for_last(
    query: str | None, cookie: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(query, cookie, accepted) == chosen
