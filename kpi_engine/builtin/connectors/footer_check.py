"""A Parquet footer looked over before Arrow hands out what it says of column chunks.

Arrow reads a footer safely, but what it makes of a chunk's statistics later ends the process when they do not fit the
column. This walks through the footer's bytes (Thrift's compact protocol) and looks at just those parts: every value is
passed over in place, nothing is decoded that is not compared. It is run once for each file and column chunk, so that
its inner loops are written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kpi_engine.ir.dataclass import dataclass

_STRUCT, _LIST, _SET, _BINARY, _DOUBLE, _BYTE = 12, 9, 10, 8, 7, 3
_BOOLEANS = (1, 2)
_INTEGERS = (4, 5, 6)
_ROW_GROUPS = 4  # of a file
_CHUNKS = 1  # of a row group
_COLUMN, _CRYPTO, _ENCRYPTED = 3, 8, 9  # of a column chunk
_TYPE, _STATISTICS, _SIZES = 1, 12, 16  # of a column
_BOUNDS = (1, 2, 5, 6)  # of statistics
_TEXT_BYTES, _REPETITIONS, _DEFINITIONS = 1, 2, 3  # of sizes
_BYTE_ARRAY = 6
TYPES: Mapping[str, tuple[int, int | None]] = {
    "BOOLEAN": (0, 1),
    "INT32": (1, 4),
    "INT64": (2, 8),
    "INT96": (3, 12),
    "FLOAT": (4, 4),
    "DOUBLE": (5, 8),
    "BYTE_ARRAY": (_BYTE_ARRAY, None),
    "FIXED_LEN_BYTE_ARRAY": (7, 0),
}
"""The types of Parquet by name: their numbers, and the bytes of a value (None: they vary; 0: the column says)."""

_DEEPEST = 64


class DamagedFooter(ValueError):
    """A footer that contradicts itself."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf column: its type's number in Parquet, the bytes of a value (None: they vary), its greatest levels."""

    type: int
    width: int | None
    repetitions: int
    definitions: int


def check_footer(footer: bytes, leaves: Sequence[Leaf]) -> None:
    """DamagedFooter unless each row group has one chunk a leaf column, with statistics that fit the leaf.

    >>> check_footer(bytes([0x49, 0x0C, 0]), [])
    """
    try:
        _check_lists(footer, 0, _ROW_GROUPS, lambda pos, _: _check_row_group(footer, pos, leaves))
    except (IndexError, RecursionError) as error:
        raise DamagedFooter("it ends too early") from error


def _check_row_group(data: bytes, pos: int, leaves: Sequence[Leaf]) -> int:
    def check(start: int, number: int) -> int:
        if number >= len(leaves):
            raise DamagedFooter("a row group has more columns than the file")
        return _check_chunk(data, start, leaves[number])

    end, chunks = _check_lists(data, pos, _CHUNKS, check)
    if chunks != len(leaves):
        raise DamagedFooter(f"a row group has {chunks} columns, and the file {len(leaves)}")
    return end


def _check_lists(data: bytes, pos: int, wanted: int, check: Callable[[int, int], int]) -> tuple[int, int]:
    """Past a struct, and how many structs its lists of one field hold; `check` goes past each of these."""
    number = found = 0
    while head := data[pos]:
        number, pos = _field(data, pos, number)
        if number == wanted and head & 15 == _LIST and data[pos] & 15 == _STRUCT:
            size, pos = _size(data, pos)
            for _ in range(size):
                pos = check(pos, found)
                found += 1
        else:
            pos = _skip(data, pos, head & 15)
    return pos + 1, found


def _check_chunk(data: bytes, pos: int, leaf: Leaf) -> int:
    number = 0
    while head := data[pos]:
        number, pos = _field(data, pos, number)
        if number in (_CRYPTO, _ENCRYPTED):
            raise DamagedFooter("it says that a column is encrypted")
        pos = _check_column(data, pos, leaf) if number == _COLUMN else _skip(data, pos, head & 15)
    return pos + 1


def _check_column(data: bytes, pos: int, leaf: Leaf) -> int:
    number = 0
    while head := data[pos]:
        kind = head & 15
        number, pos = _field(data, pos, number)
        if kind in _INTEGERS and number != _TYPE:
            while data[pos] > 127:
                pos += 1
            pos += 1
        elif number == _STATISTICS:
            pos = _check_statistics(data, pos, leaf)
        elif number == _SIZES:
            pos = _check_sizes(data, pos, leaf)
        elif number == _TYPE:
            if data[pos] != 2 * leaf.type:
                raise DamagedFooter("a column chunk is of another type than its column")
            pos += 1
        else:
            pos = _skip(data, pos, kind)
    return pos + 1


def _check_statistics(data: bytes, pos: int, leaf: Leaf) -> int:
    """Past the statistics of a chunk, whose bounds must be as long as a value."""
    number = 0
    width = leaf.width
    while head := data[pos]:
        kind = head & 15
        number, pos = _field(data, pos, number)
        if kind == _BINARY and data[pos] < 128:
            if width is not None and data[pos] != width and number in _BOUNDS:
                raise DamagedFooter("a bound of a column is not as long as its values are")
            pos += data[pos] + 1
        elif kind in _INTEGERS:
            while data[pos] > 127:
                pos += 1
            pos += 1
        else:
            if kind == _BINARY and width is not None and number in _BOUNDS:
                raise DamagedFooter("a bound of a column is longer than its values are")
            pos = _skip(data, pos, kind)
    return pos + 1


def _check_sizes(data: bytes, pos: int, leaf: Leaf) -> int:
    """Past the sizes of a chunk, whose lists must have an entry for each level, or none."""
    number = 0
    while head := data[pos]:
        kind = head & 15
        number, pos = _field(data, pos, number)
        if kind == _LIST and number in (_REPETITIONS, _DEFINITIONS):
            levels = leaf.repetitions if number == _REPETITIONS else leaf.definitions
            size = data[pos] >> 4
            if size not in (0, 15, levels + 1) or (size == 15 and _varint(data, pos + 1)[0] != levels + 1):
                raise DamagedFooter("a list of sizes does not fit its column")
        elif number == _TEXT_BYTES and leaf.type != _BYTE_ARRAY:
            raise DamagedFooter("a column has the sizes of texts, and holds none")
        pos = _skip(data, pos, kind)
    return pos + 1


# ------------------------------------------------------------------------------------------------ the compact protocol


def _field(data: bytes, pos: int, number: int) -> tuple[int, int]:
    """The number of the field that begins at a position, and where its value begins."""
    delta = data[pos] >> 4
    if delta:
        return number + delta, pos + 1
    value, pos = _varint(data, pos + 1)
    return (value >> 1) ^ -(value & 1), pos


def _skip(data: bytes, pos: int, kind: int, depth: int = 0) -> int:
    """Past a value."""
    if kind in _INTEGERS:
        while data[pos] > 127:
            pos += 1
        return pos + 1
    if kind in _BOOLEANS:
        return pos
    if kind == _BINARY:
        size, pos = _varint(data, pos)
        return _within(data, pos + size)
    if kind == _STRUCT and depth < _DEEPEST:
        while head := data[pos]:
            # The number does not matter here; a long one stands in bytes of its own.
            pos = pos + 1 if head >> 4 else _varint(data, pos + 1)[1]
            pos = _skip(data, pos, head & 15, depth + 1)
        return pos + 1
    if kind in (_LIST, _SET) and depth < _DEEPEST:
        inner = data[pos] & 15
        size, pos = _size(data, pos)
        if inner in _BOOLEANS:
            return _within(data, pos + size)
        if inner in _INTEGERS:
            for _ in range(size):
                while data[pos] > 127:
                    pos += 1
                pos += 1
            return pos
        for _ in range(size):
            pos = _skip(data, pos, inner, depth + 1)
        return pos
    if kind == _DOUBLE:
        return _within(data, pos + 8)
    if kind == _BYTE:
        return pos + 1
    raise DamagedFooter("it holds a value of a kind that does not exist")


def _size(data: bytes, pos: int) -> tuple[int, int]:
    """The size of a list, and where its first element begins."""
    size = data[pos] >> 4
    if size < 15:
        return size, pos + 1
    size, pos = _varint(data, pos + 1)
    _within(data, pos + size)
    return size, pos


def _varint(data: bytes, pos: int) -> tuple[int, int]:
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
