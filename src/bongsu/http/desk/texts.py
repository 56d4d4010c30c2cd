"""What the pages say, in Korean and English: one TOML file an area, `t("area.key")` in templates.

    [title]
    ko = "서비스 상태"
    en = "Service status"

A text may hold {placeholders}, filled with `str.format`; templates escape the whole afterwards.
"""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, cast

LANGUAGES = ("ko", "en")
DEFAULT_LANGUAGE = "ko"
LANGUAGE_NAMES = {"ko": "한국어", "en": "English", "ja": "日本語", "zh": "中文"}
RANGES_MAX = 20


class Texts:
    """All texts by key and language. Unknown keys raise `KeyError`: a test knows them all."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self._texts = texts

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def keys(self) -> Iterable[str]:
        return self._texts.keys()

    def languages(self, key: str) -> Mapping[str, str]:
        return self._texts[key]

    def get(self, language: str, key: str, /, **values: Any) -> str:
        text = self._texts[key][language]
        return text.format(**values) if values else text


def load_texts() -> Texts:
    """Every file of `texts/`; the key of a text is its file's name, a dot and its own."""
    texts: dict[str, dict[str, str]] = {}
    for file in (files("bongsu.http.desk") / "texts").iterdir():
        if file.name.endswith(".toml"):
            area = file.name.removesuffix(".toml")
            document = tomllib.loads(file.read_text("utf-8"))
            _collect(area, document, texts)
    return Texts(texts)


def _collect(prefix: str, table: Mapping[str, Any], texts: dict[str, dict[str, str]]) -> None:
    """A table with a language in it is a text; any other holds further ones."""
    if any(language in table for language in LANGUAGES):
        texts[prefix] = cast("dict[str, str]", dict(table))
        return
    for name, below in table.items():
        _collect(f"{prefix}.{name}", below, texts)


def choose_language(query: str | None, cookie: str | None, accepted: str) -> str:
    """Of ?lang=, the cookie and Accept-Language the first that names one of ours; else Korean."""
    for wish in (query, cookie):
        if wish in LANGUAGES:
            return wish
    ranges = [_range(part) for part in accepted.split(",")[:RANGES_MAX]]
    for _, language in sorted(ranges, key=lambda each: -each[0]):
        if language in LANGUAGES:
            return language
    return DEFAULT_LANGUAGE


def _range(part: str) -> tuple[float, str]:
    tag, _, parameter = part.partition(";")
    try:
        quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
    except ValueError:
        quality = 0.0
    return quality, tag.strip().lower().partition("-")[0]
