"""What uploaders say about their content is kept only where it is well formed."""

import pytest

from bongsu.errors import InvalidParam
from bongsu.media.content import (
    OCTET_STREAM,
    UPLOAD_NAME_BYTES_MAX,
    checked_upload_name,
    clean_content_type,
    is_media_id,
    new_media_id,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("image/png", "image/png"),
        (" Image/PNG ", "image/png"),
        ("text/plain; charset=EUC-KR", "text/plain; charset=EUC-KR"),
        ('multipart/mixed; boundary="a b"', 'multipart/mixed; boundary="a b"'),
        ("image/svg+xml", "image/svg+xml"),
        (None, OCTET_STREAM),
        ("", OCTET_STREAM),
        ("png", OCTET_STREAM),
        ("text/html\r\nset-cookie: a=b", OCTET_STREAM),
        ("image/png, text/html", OCTET_STREAM),
        ("image/png; a", OCTET_STREAM),
        ("이미지/png", OCTET_STREAM),
        ("image/" + "x" * 250, OCTET_STREAM),
    ],
)
def test_content_type(given: str | None, kept: str) -> None:
    assert clean_content_type(given) == kept


def test_content_type_is_checked_in_linear_time() -> None:
    assert clean_content_type("a/b" + "; a=a" * 40 + "\x00") == OCTET_STREAM


@pytest.mark.parametrize("name", ["그림.png", "a/b", "x" * UPLOAD_NAME_BYTES_MAX, "\r\n"])
def test_names_are_kept_as_given(name: str) -> None:
    assert checked_upload_name(name) == name


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "각" * 342])
def test_names_that_cannot_be_kept(name: str) -> None:
    with pytest.raises(InvalidParam):
        checked_upload_name(name)


def test_media_ids_are_long_and_url_safe() -> None:
    ids = {new_media_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_media_id(media_id) and len(media_id) >= 22 for media_id in ids)


@pytest.mark.parametrize("text", ["", "..", "a/b", "a%2e", "a\n", "x" * 65, "é", "\x00"])
def test_what_is_no_media_id(text: str) -> None:
    assert not is_media_id(text)
