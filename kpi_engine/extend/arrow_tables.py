"""What Arrow's schemas mean to the engine: types of the language, and columns with parts."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.ir.catalog import TableColumn, TableSchema
from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, DURATION, FLOAT, INTEGER, NULL, TEXT, TIMESTAMP, Type


def table_schema(schema: pa.Schema) -> TableSchema:
    """A table's columns from its Arrow schema, for `Connector.schema`.

    >>> [str(column.type) for column in table_schema(pa.schema([("n", pa.int32()), ("at", pa.timestamp("s"))])).columns]
    ['integer', 'timestamp']
    """
    return TableSchema(tuple(table_column(field.name, field.type) for field in schema))


def type_of(arrow: pa.DataType) -> Type | None:
    """The engine's type for an Arrow type; None where it has none (lists, structs, bytes, times of day).

    >>> str(type_of(pa.dictionary(pa.int8(), pa.string()))), type_of(pa.list_(pa.int64()))
    ('text', None)
    """
    types = pa.types
    if types.is_dictionary(arrow):
        return type_of(arrow.value_type)
    if types.is_integer(arrow):
        return INTEGER
    tests = (
        (types.is_floating, FLOAT),
        (types.is_decimal, DECIMAL),
        (types.is_boolean, BOOLEAN),
        (types.is_string, TEXT),
        (types.is_large_string, TEXT),
        (types.is_string_view, TEXT),
        (types.is_date, DATE),
        (types.is_timestamp, TIMESTAMP),
        (types.is_duration, DURATION),
        (types.is_null, NULL),
    )
    return next((type for test, type in tests if test(arrow)), None)


def is_list(arrow: pa.DataType) -> bool:
    """Whether values are lists, stored in whatever way; maps are not."""
    types = pa.types
    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view)
    return any(test(arrow) for test in tests)


def table_column(name: str, arrow: pa.DataType) -> TableColumn:
    """A column, and if it is nested its parts.

    >>> [part.name for part in table_column("d", pa.struct([("os", pa.string())])).parts]
    ['os']
    """
    storage = arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow
    if pa.types.is_struct(storage):
        fields = [table_column(each.name, each.type) for each in storage]
        return TableColumn(name, None, str(arrow), "struct", tuple(fields))
    if pa.types.is_map(storage):
        entry = (table_column("key", storage.key_type), table_column("value", storage.item_type))
        return TableColumn(name, None, str(arrow), "map", entry)
    if is_list(storage):
        return TableColumn(name, None, str(arrow), "list", (table_column("value", storage.value_type),))
    return TableColumn(name, type_of(arrow), str(arrow))
