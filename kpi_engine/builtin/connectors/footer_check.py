"""A Parquet footer looked over before Arrow hands out what it says of column chunks.

Arrow reads a footer safely, but what it makes of a chunk's statistics later ends the process when they do not fit the
column. This walks through the footer's bytes (Thrift's compact protocol) and looks at just those parts: every value is
passed over in place, nothing is decoded that is not compared. It is run once for each file and column chunk, so that
its inner loops are written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kpi_engine.builtin.connectors.compact_protocol import (
    BINARY,
    INTEGERS,
    LIST,
    STRUCT,
    DamagedFooter,
    field,
    size_of_list,
    skip,
    varint,
)
from kpi_engine.ir.dataclass import dataclass

ROW_GROUPS = 4  # of a file
CHUNKS = 1  # of a row group
COLUMN, _CRYPTO, _ENCRYPTED = 3, 8, 9  # of a column chunk
TYPE, STATISTICS, _SIZES = 1, 12, 16  # of a column
BOUNDS = (1, 2, 5, 6)  # of statistics
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
        _check_lists(footer, 0, ROW_GROUPS, lambda pos, _: _check_row_group(footer, pos, leaves))
    except (IndexError, RecursionError) as error:
        raise DamagedFooter("it ends too early") from error


def _check_row_group(data: bytes, pos: int, leaves: Sequence[Leaf]) -> int:
    def check(start: int, number: int) -> int:
        if number >= len(leaves):
            raise DamagedFooter("a row group has more columns than the file")
        return _check_chunk(data, start, leaves[number])

    end, chunks = _check_lists(data, pos, CHUNKS, check)
    if chunks != len(leaves):
        raise DamagedFooter(f"a row group has {chunks} columns, and the file {len(leaves)}")
    return end


def _check_lists(data: bytes, pos: int, wanted: int, check: Callable[[int, int], int]) -> tuple[int, int]:
    """Past a struct, and how many structs its lists of one field hold; `check` goes past each of these."""
    number = found = 0
    while head := data[pos]:
        number, pos = field(data, pos, number)
        if number == wanted and head & 15 == LIST and data[pos] & 15 == STRUCT:
            size, pos = size_of_list(data, pos)
            for _ in range(size):
                pos = check(pos, found)
                found += 1
        else:
            pos = skip(data, pos, head & 15)
    return pos + 1, found


def _check_chunk(data: bytes, pos: int, leaf: Leaf) -> int:
    number = 0
    while head := data[pos]:
        number, pos = field(data, pos, number)
        if number in (_CRYPTO, _ENCRYPTED):
            raise DamagedFooter("it says that a column is encrypted")
        pos = _check_column(data, pos, leaf) if number == COLUMN else skip(data, pos, head & 15)
    return pos + 1


def _check_column(data: bytes, pos: int, leaf: Leaf) -> int:
    number = 0
    while head := data[pos]:
        kind = head & 15
        number, pos = field(data, pos, number)
        if kind in INTEGERS and number != TYPE:
            while data[pos] > 127:
                pos += 1
            pos += 1
        elif number == STATISTICS:
            pos = _check_statistics(data, pos, leaf)
        elif number == _SIZES:
            pos = _check_sizes(data, pos, leaf)
        elif number == TYPE:
            if data[pos] != 2 * leaf.type:
                raise DamagedFooter("a column chunk is of another type than its column")
            pos += 1
        else:
            pos = skip(data, pos, kind)
    return pos + 1


def _check_statistics(data: bytes, pos: int, leaf: Leaf) -> int:
    """Past the statistics of a chunk, whose bounds must be as long as a value."""
    number = 0
    width = leaf.width
    while head := data[pos]:
        kind = head & 15
        number, pos = field(data, pos, number)
        if kind == BINARY and data[pos] < 128:
            if width is not None and data[pos] != width and number in BOUNDS:
                raise DamagedFooter("a bound of a column is not as long as its values are")
            pos += data[pos] + 1
        elif kind in INTEGERS:
            while data[pos] > 127:
                pos += 1
            pos += 1
        else:
            if kind == BINARY and width is not None and number in BOUNDS:
                raise DamagedFooter("a bound of a column is longer than its values are")
            pos = skip(data, pos, kind)
    return pos + 1


def _check_sizes(data: bytes, pos: int, leaf: Leaf) -> int:
    """Past the sizes of a chunk, whose lists must have an entry for each level, or none."""
    number = 0
    while head := data[pos]:
        kind = head & 15
        number, pos = field(data, pos, number)
        if kind == LIST and number in (_REPETITIONS, _DEFINITIONS):
            levels = leaf.repetitions if number == _REPETITIONS else leaf.definitions
            size = data[pos] >> 4
            if size not in (0, 15, levels + 1) or (size == 15 and varint(data, pos + 1)[0] != levels + 1):
                raise DamagedFooter("a list of sizes does not fit its column")
        elif number == _TEXT_BYTES and leaf.type != _BYTE_ARRAY:
            raise DamagedFooter("a column has the sizes of texts, and holds none")
        pos = skip(data, pos, kind)
    return pos + 1
