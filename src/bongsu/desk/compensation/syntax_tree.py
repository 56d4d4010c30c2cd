"""The syntax tree of a checked CEL expression, as far as conditions go.

The library hands its tree out as a serialised `cel.expr.CheckedExpr` only, so the few messages that
conditions are made of are read here from the protobuf wire format. The field numbers are those of
cel/expr/syntax.proto and checked.proto.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_ANY_VALUE = 2
_CHECKED_EXPR = 4
_CONST, _IDENT, _CALL, _LIST = 3, 4, 6, 7
_CONST_BOOL, _CONST_INT, _CONST_STRING = 2, 3, 6


class Const(NamedTuple):
    value: bool | int | str


class Ident(NamedTuple):
    name: str


class Call(NamedTuple):
    """An operator, by CEL's name of it: `_&&_`, `!_`, `_<=_`, `@in`."""

    function: str
    arguments: tuple["Tree", ...]


class Items(NamedTuple):
    elements: tuple["Tree", ...]


class Other(NamedTuple):
    """Whatever conditions are not made of."""


Tree: TypeAlias = Const | Ident | Call | Items | Other


def read_tree(checked: bytes) -> Tree:
    """The tree of what `Expression.serialize` gave."""
    fields = dict(_fields(_bytes(dict(_fields(checked)), _ANY_VALUE)))
    return _tree(_bytes(fields, _CHECKED_EXPR))


def _tree(message: bytes) -> Tree:
    fields = dict(_fields(message))
    if _CONST in fields:
        return _const(_bytes(fields, _CONST))
    if _IDENT in fields:
        return Ident(_bytes(dict(_fields(_bytes(fields, _IDENT))), 1).decode())
    if _CALL in fields:
        return _call(_bytes(fields, _CALL))
    if _LIST in fields:
        return Items(tuple(_tree(_as_bytes(value)) for _, value in _fields(_bytes(fields, _LIST))))
    return Other()


def _const(message: bytes) -> Tree:
    for number, value in _fields(message):
        if number == _CONST_BOOL:
            return Const(bool(value))
        if number == _CONST_INT and isinstance(value, int):
            return Const(value - (1 << 64) if value >> 63 else value)
        if number == _CONST_STRING:
            return Const(_as_bytes(value).decode())
    return Other()


def _call(message: bytes) -> Tree:
    name, arguments = "", list[Tree]()
    for number, value in _fields(message):
        if number == 1:  # a method of some value: conditions have none
            return Other()
        if number == 2:
            name = _as_bytes(value).decode()
        if number == 3:
            arguments.append(_tree(_as_bytes(value)))
    return Call(name, tuple(arguments))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field in the order of the message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(message, at)
        else:
            assert wire in (_FIXED64, _FIXED32), "the library writes no other"
            size = 8 if wire == _FIXED64 else 4
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _bytes(fields: dict[int, int | bytes], number: int) -> bytes:
    return _as_bytes(fields.get(number, b""))


def _as_bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes), "of this wire type by its .proto"
    return value
