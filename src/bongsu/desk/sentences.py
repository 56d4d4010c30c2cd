"""English sentences of the core that remember what they were filled with, to be said in Korean.

Programs, commands and logs get the English as it is. What has no values is a plain string.
"""

from collections.abc import Mapping
from typing import Self


class Sentence(str):
    """`form`, filled with `values` by `str.format`; a value may be a sentence of its own."""

    form: str
    values: Mapping[str, object]

    def __new__(cls, form: str, /, **values: object) -> Self:
        sentence = super().__new__(cls, form.format(**values))
        sentence.form, sentence.values = form, values
        return sentence
