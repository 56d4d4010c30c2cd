"""Films as phones make them: of what a browser records, with the place where it was filmed."""


def filmed_in_seoul(film: bytes) -> bytes:
    """With what phones write of the place: Android's way, iPhone's, and XMP."""
    place = b"+37.5665+126.9780+038.000/"
    android = _box(b"udta", _box(b"\xa9xyz", len(place).to_bytes(2), b"\x15\xc7", place))
    key = _box(b"mdta", b"com.apple.quicktime.location.ISO6709")
    value = _box(b"\0\0\0\x01", _box(b"data", b"\0\0\0\x01", bytes(4), place))
    keys = _box(b"keys", bytes(4), b"\0\0\0\x01", key)
    iphone = _box(b"meta", _box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, _box(b"ilst", value))
    start = film.index(b"moov") - 4
    end = start + int.from_bytes(film[start : start + 4])
    moov = _box(b"moov", film[start + 8 : end], android, iphone)
    index = film.rindex(b"mfra") - 4  # tells where the pieces were before moov grew
    return film[:start] + moov + film[end:index] + _box(b"uuid", bytes(16), place)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (len(body) + 8).to_bytes(4) + kind + body
