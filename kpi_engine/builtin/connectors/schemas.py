"""The schemas of several files as the schema of one table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kpi_engine.builtin.connectors.arrow_types import common_type, type_of
from kpi_engine.ir.catalog import TableColumn, TableSchema


def merged_schema(schemas: Sequence[tuple[str, pa.Schema]]) -> TableSchema:
    """The columns of several named schemas, in the order of their first appearance.

    >>> merged_schema([("a", pa.schema([("n", pa.int32())])), ("b", pa.schema([("n", pa.string())]))]).columns[0]
    TableColumn(name='n', type=None, physical='int32 in a but string in b')
    """
    columns: dict[str, tuple[str, pa.DataType]] = {}
    problems: dict[str, str] = {}
    for place, one in schemas:
        for field in one:
            first_place, first = columns.setdefault(field.name, (place, field.type))
            together = common_type(first, field.type)
            if together is None:
                problems.setdefault(field.name, f"{first} in {first_place} but {field.type} in {place}")
            elif together != first:
                columns[field.name] = (place, together)
    return TableSchema(
        tuple(
            TableColumn(name, None, problems[name])
            if name in problems
            else TableColumn(name, type_of(arrow), str(arrow))
            for name, (_, arrow) in columns.items()
        )
    )
