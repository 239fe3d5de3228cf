"""Decimals that are decoded here are those that Arrow reads, and damage is left for Arrow to find."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.builtin.connectors.decimal_columns import Stored, read_decimals, stored_decimals
from kpi_engine.ir.types import DECIMAL, INTEGER

CODECS = ["none", "snappy", "zstd", "gzip"]


@st.composite
def columns(draw: st.DrawFn) -> pa.Array:
    """A column of some precision, in which values repeat or do not, with or without nulls."""
    precision = draw(st.sampled_from([1, 2, 4, 9, 11, 12, 18, 19, 20, 24, 33, 38]))
    scale = draw(st.integers(0, min(precision, 6)))
    largest = 10**precision - 1
    numbers = st.integers(-largest, largest) if draw(st.booleans()) else st.sampled_from([0, 1, -1, largest, -largest])
    values = numbers if draw(st.booleans()) else st.none() | numbers
    found = draw(st.lists(values, min_size=1, max_size=40)) * draw(st.sampled_from([1, 1, 30]))
    type = pa.decimal128(precision, scale)
    return pa.array([None if each is None else Decimal(f"{each}E-{scale}") for each in found], type)


def written(column: pa.Array, **options: Any) -> bytes:
    """A file with one column."""
    sink = BytesIO()
    field = pa.field("x", column.type, nullable=options.pop("nullable", True))
    pq.write_table(pa.Table.from_arrays([column], schema=pa.schema([field])), sink, **options)
    return sink.getvalue()


def chunks(file: bytes) -> list[tuple[Stored, bytes]]:
    """The chunks of the column, one a row group."""
    metadata = pq.read_metadata(pa.BufferReader(file))
    found = []
    for group in range(metadata.num_row_groups):
        chunk, rows = metadata.row_group(group).column(0), metadata.row_group(group).num_rows
        type = metadata.schema.to_arrow_schema().field(0).type
        stored = stored_decimals(chunk, metadata.schema.column(0), rows, type)
        assert stored is not None
        found.append((stored, file[stored.start : stored.start + stored.size]))
    return found


@settings(deadline=None, max_examples=60)
@given(
    column=columns(),
    compression=st.sampled_from(CODECS),
    version=st.sampled_from(["1.0", "2.0"]),
    dictionary=st.booleans(),
    checksums=st.booleans(),
    page=st.sampled_from([16, 300, 1 << 20]),
    limit=st.sampled_from([64, 1 << 20]),
    groups=st.sampled_from([7, 500, 10_000]),
)
def test_values_are_those_that_arrow_reads(
    column: pa.Array,
    compression: str,
    version: str,
    dictionary: bool,
    checksums: bool,
    page: int,
    limit: int,
    groups: int,
) -> None:
    file = written(
        column,
        compression=compression,
        data_page_version=version,
        use_dictionary=dictionary,
        write_page_checksum=checksums,
        data_page_size=page,
        dictionary_pagesize_limit=limit,
        write_batch_size=5,
        row_group_size=groups,
        nullable=bool(column.null_count) or checksums,
    )
    found = [read_decimals(stored, data) for stored, data in chunks(file)]
    assert all(each is not None for each in found)
    assert pa.chunked_array(found).combine_chunks().equals(column)


@settings(deadline=None, max_examples=80)
@given(
    version=st.sampled_from(["1.0", "2.0"]),
    compression=st.sampled_from(CODECS),
    checksums=st.booleans(),
    place=st.floats(0, 1, exclude_max=True),
    bits=st.integers(1, 255),
    cut=st.booleans(),
)
def test_damage_is_left_to_arrow(
    version: str, compression: str, checksums: bool, place: float, bits: int, cut: bool
) -> None:
    """Whatever a changed byte says, nothing but a whole column comes of it; with checksums none but the right one."""
    column = pa.array([None if n % 7 == 0 else Decimal(n % 90) / 4 for n in range(300)], pa.decimal128(9, 2))
    file = written(column, data_page_version=version, compression=compression, write_page_checksum=checksums)
    ((stored, data),) = chunks(file)
    spot = int(place * len(data))
    damaged = data[:spot] if cut else data[:spot] + bytes([data[spot] ^ bits]) + data[spot + 1 :]
    found = read_decimals(stored, damaged)
    assert found is None or (len(found) == 300 and found.type == column.type)
    if cut:
        assert found is None
    elif checksums and found is not None:
        assert found.equals(column)  # a byte of a header that says nothing of the values


def test_other_forms_are_left_to_arrow() -> None:
    column = pa.array([Decimal("1.50"), None], pa.decimal128(12, 2))
    for options in (
        {"compression": "lz4"},
        {"compression": "brotli"},
        {"store_decimal_as_integer": True},
        {"use_dictionary": False, "column_encoding": {"x": "BYTE_STREAM_SPLIT"}},
    ):
        file = written(column, **options)
        metadata = pq.read_metadata(pa.BufferReader(file))
        chunk = metadata.row_group(0).column(0)
        stored = stored_decimals(chunk, metadata.schema.column(0), 2, column.type)
        data = b"" if stored is None else file[stored.start : stored.start + stored.size]
        assert stored is None or read_decimals(stored, data) is None


def test_a_table_with_decimals_is_read_with_its_other_columns(read: Any) -> None:
    totals = [None if n % 5 == 0 else Decimal(n) / 100 for n in range(1000)]
    table = pa.table({"total": pa.array(totals, pa.decimal128(12, 2)), "count": pa.array(range(1000))})
    pq.write_table(table, read.folder / "orders.parquet", row_group_size=300)
    found = read("orders", {"count": INTEGER, "total": DECIMAL})
    assert found.column("total") == totals
    assert found.column("count") == list(range(1000))
    assert read("orders", {"total": DECIMAL}).column("total") == totals


def test_a_page_with_a_wrong_checksum_is_an_error(read: Any) -> None:
    path: Path = read.folder / "orders.parquet"
    column = pa.array([Decimal(n) for n in range(500)], pa.decimal128(12, 0))
    path.write_bytes(written(column, write_page_checksum=True))
    ((stored, data),) = chunks(path.read_bytes())
    whole = bytearray(path.read_bytes())
    whole[stored.start + len(data) // 2] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(Exception, match="E605"):
        read("orders", {"x": DECIMAL})
