"""Requested columns against what a table has: names checked, types compared, batches cut to size."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from kpi_engine.builtin.connectors.schemas import distinct
from kpi_engine.builtin.connectors.stored_file import Partition, StoredFile
from kpi_engine.extend.rows import ColumnRequest, data_error
from kpi_engine.ir.diagnostic import did_you_mean

_MOST_LISTED = 12


def physical(column: ColumnRequest) -> str:
    """The name of a requested column in the table."""
    return column.physical or column.name


def held(columns: Sequence[ColumnRequest], file: StoredFile, there: Collection[str]) -> list[ColumnRequest]:
    """The requested columns to be read from a file: those that it has, and that its folders do not give."""
    given = dict(file.partitions)
    return [column for column in columns if physical(column) in there and physical(column) not in given]


def names_held(columns: Sequence[ColumnRequest], file: StoredFile, there: Collection[str]) -> list[str]:
    """The names of the columns to be read from a file, each once."""
    return list(dict.fromkeys(physical(column) for column in held(columns, file, there)))


def check_columns(
    schemas: Sequence[tuple[str, pa.Schema]],
    columns: Sequence[ColumnRequest],
    given: Collection[str] = (),
    *,
    fill: bool = False,
) -> None:
    """Each requested column once in each named schema, and of one type unless it is declared.

    Columns that are `given` otherwise (by folders) need not be there; with `fill` a column may be missing in some of
    the files. KpiError E607 for a missing or repeated column, E606 for types that do not go together; both name files.
    """
    schemas = distinct(schemas)
    for column in columns:
        name = physical(column)
        if name in given:
            continue
        anywhere = any(name in schema.names for _, schema in schemas)
        for place, schema in schemas:
            found = schema.names.count(name)
            if found > 1:
                help = "give the columns different names in the file"
                raise data_error("E607", place, f"the column `{name}` occurs {found} times", help)
            if found == 0 and not (fill and anywhere):
                raise _missing(name, place, schema, schemas)
        if column.type is None:
            _check_types(name, [pair for pair in schemas if name in pair[1].names])


def _missing(name: str, place: str, schema: pa.Schema, schemas: Sequence[tuple[str, pa.Schema]]) -> Exception:
    holder = next((other for other, one in schemas if name in one.names), None)
    if holder is not None:
        message = f"the column `{name}` is in {holder} but not in {place}"
        help = "all files of one table need the columns that are used; `missing_columns: null` reads them as null"
        return data_error("E607", place, message, help)
    listed = ", ".join(schema.names[:_MOST_LISTED]) + (", ..." if len(schema.names) > _MOST_LISTED else "")
    help = did_you_mean(name, schema.names) or f"the columns are: {listed}"
    return data_error("E607", place, f"there is no column `{name}`", help)


def _check_types(name: str, schemas: Sequence[tuple[str, pa.Schema]]) -> None:
    from kpi_engine.builtin.connectors.arrow_types import common_type

    first_place, first_schema = schemas[0]
    together = first_schema.field(name).type
    for place, schema in schemas[1:]:
        type = schema.field(name).type
        both = common_type(together, type)
        if both is None:
            message = f"the column `{name}` is {together} in {first_place} but {type} in {place}"
            help = f"declare its type in the source, as `column {name}: text`, if both can be read as that"
            raise data_error("E606", place, message, help)
        together = both


def select(
    batch: pa.RecordBatch,
    columns: Sequence[ColumnRequest],
    given: Sequence[Partition] = (),
    constant: Mapping[str, pa.Scalar] = MappingProxyType({}),
) -> pa.RecordBatch:
    """The requested columns of a batch under their own names; without any, a batch that has only its row count.

    Columns that folders gave, and those for which one value stands, are the same in all rows; those that are not there
    are null.

    >>> batch = pa.record_batch({"a": [1, 2]})
    >>> select(batch, [ColumnRequest("x", "a")]).schema.names, select(batch, []).num_rows
    (['x'], 2)
    >>> select(batch, [ColumnRequest("year", "year")], [("year", "2026")]).to_pylist()
    [{'year': '2026'}, {'year': '2026'}]
    """
    if not columns:
        return empty_rows(batch.num_rows)
    there = dict(zip(batch.schema.names, batch.columns, strict=True))
    there |= {name: pa.repeat(value, batch.num_rows) for name, value in constant.items()}
    there |= {name: _repeated(value, batch.num_rows) for name, value in given}
    arrays = [there.get(physical(column)) for column in columns]
    arrays = [pa.nulls(batch.num_rows) if array is None else array for array in arrays]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def _repeated(value: str | None, rows: int) -> pa.Array:
    """One text in all rows."""
    codes = pa.repeat(pa.scalar(None if value is None else 0, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(codes, pa.array([value or ""], pa.string()))


def empty_rows(rows: int) -> pa.RecordBatch:
    """A batch of so many rows without columns."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))
