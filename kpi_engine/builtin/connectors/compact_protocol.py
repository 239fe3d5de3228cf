"""Thrift's compact protocol, in which Parquet footers are written: values are passed over in place."""

from __future__ import annotations

STRUCT, LIST, SET, BINARY, DOUBLE, BYTE = 12, 9, 10, 8, 7, 3
BOOLEANS = (1, 2)
INTEGERS = (4, 5, 6)
"""Kinds of values, as the lower half of a field's first byte says them."""

_DEEPEST = 64


class DamagedFooter(ValueError):
    """A footer that contradicts itself."""


def field(data: bytes, pos: int, number: int) -> tuple[int, int]:
    """The number of the field that begins at a position, and where its value begins."""
    delta = data[pos] >> 4
    if delta:
        return number + delta, pos + 1
    value, pos = varint(data, pos + 1)
    return (value >> 1) ^ -(value & 1), pos


def skip(data: bytes, pos: int, kind: int, depth: int = 0) -> int:
    """Past a value."""
    if kind in INTEGERS:
        while data[pos] > 127:
            pos += 1
        return pos + 1
    if kind in BOOLEANS:
        return pos
    if kind == BINARY:
        size, pos = varint(data, pos)
        return _within(data, pos + size)
    if kind == STRUCT and depth < _DEEPEST:
        while head := data[pos]:
            # The number does not matter here; a long one stands in bytes of its own.
            pos = pos + 1 if head >> 4 else varint(data, pos + 1)[1]
            pos = skip(data, pos, head & 15, depth + 1)
        return pos + 1
    if kind in (LIST, SET) and depth < _DEEPEST:
        inner = data[pos] & 15
        size, pos = size_of_list(data, pos)
        if inner in BOOLEANS:
            return _within(data, pos + size)
        if inner in INTEGERS:
            for _ in range(size):
                while data[pos] > 127:
                    pos += 1
                pos += 1
            return pos
        for _ in range(size):
            pos = skip(data, pos, inner, depth + 1)
        return pos
    if kind == DOUBLE:
        return _within(data, pos + 8)
    if kind == BYTE:
        return pos + 1
    raise DamagedFooter("it holds a value of a kind that does not exist")


def size_of_list(data: bytes, pos: int) -> tuple[int, int]:
    """The size of a list, and where its first element begins."""
    size = data[pos] >> 4
    if size < 15:
        return size, pos + 1
    size, pos = varint(data, pos + 1)
    _within(data, pos + size)
    return size, pos


def varint(data: bytes, pos: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := data[pos]) > 127:
        value |= (byte & 127) << shift
        shift += 7
        pos += 1
    return value | byte << shift, pos + 1


def _within(data: bytes, pos: int) -> int:
    if pos > len(data):
        raise DamagedFooter("it ends too early")
    return pos
