"""Requested columns against what a table has: names checked, types compared, batches cut to size."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kpi_engine.builtin.connectors.arrow_types import common_type
from kpi_engine.extend.rows import ColumnRequest, data_error
from kpi_engine.ir.diagnostic import did_you_mean

_MOST_LISTED = 12


def physical(column: ColumnRequest) -> str:
    """The name of a requested column in the table."""
    return column.physical or column.name


def check_columns(schemas: Sequence[tuple[str, pa.Schema]], columns: Sequence[ColumnRequest]) -> None:
    """Each requested column once in each named schema, and of one type unless it is declared.

    KpiError E607 for a missing or repeated column, E606 for types that do not go together; both name the files.
    """
    for column in columns:
        name = physical(column)
        for place, schema in schemas:
            found = schema.names.count(name)
            if found > 1:
                help = "give the columns different names in the file"
                raise data_error("E607", place, f"the column `{name}` occurs {found} times", help)
            if found == 0:
                raise _missing(name, place, schema, schemas)
        if column.type is None:
            _check_types(name, schemas)


def _missing(name: str, place: str, schema: pa.Schema, schemas: Sequence[tuple[str, pa.Schema]]) -> Exception:
    holder = next((other for other, one in schemas if name in one.names), None)
    if holder is not None:
        message = f"the column `{name}` is in {holder} but not in {place}"
        return data_error("E607", place, message, "all files of one table need the columns that are used")
    listed = ", ".join(schema.names[:_MOST_LISTED]) + (", ..." if len(schema.names) > _MOST_LISTED else "")
    help = did_you_mean(name, schema.names) or f"the columns are: {listed}"
    return data_error("E607", place, f"there is no column `{name}`", help)


def _check_types(name: str, schemas: Sequence[tuple[str, pa.Schema]]) -> None:
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


def select(batch: pa.RecordBatch, columns: Sequence[ColumnRequest]) -> pa.RecordBatch:
    """The requested columns of a batch under their own names; without any, a batch that has only its row count.

    >>> batch = pa.record_batch({"a": [1, 2]})
    >>> select(batch, [ColumnRequest("x", "a")]).schema.names, select(batch, []).num_rows
    (['x'], 2)
    """
    if not columns:
        return empty_rows(batch.num_rows)
    arrays = [batch.column(physical(column)) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def empty_rows(rows: int) -> pa.RecordBatch:
    """A batch of so many rows without columns."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))
