"""Decimals that Parquet files store as fixed-length bytes: decoded here in less than half of the time that Arrow takes.

Only what most writers write is read: pages of values or of positions in a dictionary, with usual compression. Of
anything else, and of whatever does not hold together, nothing is said here, so that Arrow reads it, or says what is
wrong with it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.compact_protocol import BOOLEANS, INTEGERS, STRUCT, field, skip, varint
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.parquet_values import Bytes, decimal_array, decimals, levels_of, octets, runs

_CODECS = {"UNCOMPRESSED": None, "SNAPPY": "snappy", "ZSTD": "zstd", "GZIP": "gzip"}
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
"""Types of pages; those of other types are passed over."""

_COUNTS = {_DATA: (5, 1), _DATA_2: (8, 1)}
"""Where a header says how many values a page has, nulls among them."""

_PLAIN, _RUNS = 0, 3
_POSITIONS = (2, 8)
"""Encodings."""

Header = dict[tuple[int, ...], int]
"""The numbers of a page's header by the numbers of the fields that lead to them."""

_WIDEST = 16
_DAMAGE = (ValueError, IndexError, KeyError, OverflowError, RecursionError, pa.ArrowException, OSError, MemoryError)


@dataclass(frozen=True, slots=True)
class Stored:
    """A flat column's chunk: what pyarrow says of it, the bytes of a value, whether it may have nulls, its rows."""

    chunk: Any
    width: int
    optional: bool
    rows: int
    type: pa.DataType

    @property
    def start(self) -> int:
        """Where its first page begins in the file."""
        first = self.chunk.dictionary_page_offset if self.chunk.has_dictionary_page else None
        return int(first or self.chunk.data_page_offset)

    @property
    def size(self) -> int:
        """The bytes of all its pages."""
        return int(self.chunk.total_compressed_size)


def stored_decimals(chunk: Any, described: Any, rows: int, type: pa.DataType) -> Stored | None:
    """A column's chunk, if its values are decimals of the kind that is read here; `described` is pyarrow's column of
    the Parquet schema."""
    if not pa.types.is_decimal128(type) or described.physical_type != "FIXED_LEN_BYTE_ARRAY":
        return None
    if described.max_repetition_level or described.max_definition_level > 1 or chunk.compression not in _CODECS:
        return None
    if not 0 < described.length <= _WIDEST or chunk.num_values != rows:
        return None
    return Stored(chunk, described.length, described.max_definition_level == 1, rows, type)


def read_decimals(stored: Stored, data: bytes) -> pa.Array | None:
    """The column of which these are all pages; None if it is none that can be read here."""
    try:
        return _read(stored, data) if len(data) == stored.size else None
    except _DAMAGE:
        return None


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of values: how they are encoded, their bytes, and which of its rows have one (None: all)."""

    encoding: int
    values: Bytes
    count: int
    valid: Any


def _read(stored: Stored, data: bytes) -> pa.Array | None:
    name = _CODECS[stored.chunk.compression]
    codec = None if name is None else pa.Codec(name)
    known = None
    parts, valid, rows = [], [], 0
    for header, body in _pages(data):
        if header[1,] == _DICTIONARY:
            known = decimals(_plain(codec, body, header[2,]), stored.width, header[7, 1])
            continue
        if header[_COUNTS[header[1,]]] > stored.rows - rows:
            return None
        page = _page(header, body, codec, stored.optional)
        if page is None:
            return None
        if page.encoding == _PLAIN:
            parts.append(decimals(page.values, stored.width, page.count))
        elif page.encoding in _POSITIONS and known is not None:
            parts.append(known.take(runs(page.values[1:], int(page.values[0]), page.count), axis=0))
        else:
            return None
        valid.append(page.valid)
        rows += page.count if page.valid is None else len(page.valid)
    return decimal_array(parts, valid, stored.type) if rows == stored.rows else None


def _page(header: Header, body: memoryview, codec: Any, optional: bool) -> _Page | None:
    """A page of values taken apart; None if it is of a form that is not read here."""
    count = header[_COUNTS[header[1,]]]
    if header[1,] == _DATA:
        content, encoding = _plain(codec, body, header[2,]), header[5, 2]
        levels = content[:0]
        if optional:
            if header[5, 3] != _RUNS:
                return None
            size = int.from_bytes(content[:4].tobytes(), "little")
            levels, content = content[4 : 4 + size], content[4 + size :]
    else:
        encoding, size = header[8, 4], header[8, 5]
        if header[8, 6] or (size and not optional):
            return None
        levels = octets(body[:size])
        content = _plain(codec if header.get((8, 7), True) else None, body[size:], header[2,] - size)
    if not optional:
        return _Page(encoding, content, count, None)
    valid, present = levels_of(levels, count)
    return _Page(encoding, content, present, valid)


def _plain(codec: Any, body: memoryview, size: int) -> Bytes:
    """The bytes of a page, so many, as they were before they were compressed."""
    if codec is None or len(body) == 0:
        return octets(body)
    return octets(codec.decompress(body, size))


def _pages(data: bytes) -> Iterator[tuple[Header, memoryview]]:
    """The header of each page, and what follows it; ValueError where a checksum says otherwise."""
    pos, view = 0, memoryview(data)
    while pos < len(data):
        header, pos = _numbers(data, pos)
        body = view[pos : pos + header[3,]]
        pos += header[3,]
        if header[3,] < 0 or pos > len(data):
            raise ValueError("a page ends too late")
        if (4,) in header and zlib.crc32(body) != header[4,] & 0xFFFFFFFF:
            raise ValueError("a page is not what was written")
        if header[1,] in (_DATA, _DICTIONARY, _DATA_2):
            yield header, body


def _numbers(data: bytes, pos: int, within: tuple[int, ...] = ()) -> tuple[Header, int]:
    """The numbers and truths of a struct by their fields, and the position after it."""
    found: Header = {}
    number = 0
    while head := data[pos]:
        kind = head & 15
        number, pos = field(data, pos, number)
        if kind in INTEGERS:
            value, pos = varint(data, pos)
            found[*within, number] = (value >> 1) ^ -(value & 1)
        elif kind in BOOLEANS:
            found[*within, number] = kind == 1
        elif kind == STRUCT:
            inner, pos = _numbers(data, pos, (*within, number))
            found |= inner
        else:
            pos = skip(data, pos, kind)
    return found, pos + 1
