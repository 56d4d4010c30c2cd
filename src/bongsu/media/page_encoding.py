"""What encoding a web page is in, and its text. WHATWG: "Encoding", "determining the encoding".

Korean pages are the reason for the care: many say EUC-KR and are CP949, some say nothing.
"""

import codecs
import re

DECLARED_WITHIN_BYTES = 4096  # a page says its encoding there or never

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
         (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
_META = re.compile(
    rb"""<meta[^>]{0,512}?charset\s{0,16}=\s{0,16}["']?\s{0,16}([\w.:\-]{1,40})""", re.I
)

# Labels that stand for more than Python's codec of that name does.
_WIDER = {
    **dict.fromkeys(
        ("euc-kr", "euc_kr", "cseuckr", "csksc56011987", "iso-ir-149", "korean", "ks_c_5601-1987",
         "ks_c_5601-1989", "ksc5601", "ksc_5601", "windows-949", "uhc", "cp949", "ms949"),
        "cp949",
    ),
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "ascii", "us-ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
}  # fmt: skip
_ONLY = re.compile(
    r"(utf-8|utf-16(-[bl]e)?|cp\d+|euc[-_](kr|jp)|johab|big5(hkscs)?|gb18030|koi8-[ru]"
    r"|iso-?8859-\d+|iso2022-(jp|kr)|mac-\w+|tis-620|hz)\Z"
)


def decode_page(body: bytes, content_type: str | None) -> str:
    """The page's text: by its BOM, its Content-Type, its own word, or what fits. Never raises."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    for label in (_charset_of(content_type), _declared(body)):
        name = _codec(label)
        if name is not None:
            return body.decode(name, "replace")
    for name in ("utf-8", "cp949"):
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    return body.decode("cp1252", "replace")


def _charset_of(content_type: str | None) -> str | None:
    _, found, rest = (content_type or "").lower().partition("charset=")
    return rest.split(";")[0].strip(" \"'") if found else None


def _declared(body: bytes) -> str | None:
    match = _META.search(body[:DECLARED_WITHIN_BYTES])
    label = match[1].decode("ascii", "replace").lower() if match else None
    # A page that can be read so far is in no encoding of two bytes.
    return "utf-8" if label and label.startswith("utf-16") else label


def _codec(label: str | None) -> str | None:
    """Python's name of a text encoding that a page may be in; None for all others."""
    if not label:
        return None
    try:
        name = codecs.lookup(_WIDER.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return name if _ONLY.match(name) else None
