"""The schemas of several files as the schema of one table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kpi_engine.extend.arrow_tables import table_column, type_of
from kpi_engine.ir.catalog import TableColumn, TableSchema


def distinct(schemas: Sequence[tuple[str, pa.Schema]]) -> list[tuple[str, pa.Schema]]:
    """Each schema once, with the first of its places; files of one form share theirs."""
    found: dict[int, tuple[str, pa.Schema]] = {}
    for pair in schemas:
        found.setdefault(id(pair[1]), pair)
    return list(found.values())


MIXED = b"mixed"
"""Key of a field's metadata where a column holds values of several types: their names."""


def merged_schema(schemas: Sequence[tuple[str, pa.Schema]]) -> TableSchema:
    """The columns of several named schemas, in the order of their first appearance.

    >>> merged_schema([("a", pa.schema([("n", pa.int32())])), ("b", pa.schema([("n", pa.string())]))]).columns[0]
    TableColumn(name='n', type=None, physical='int32 in a but string in b', form=None, parts=(), mixed=True)
    """
    columns: dict[str, tuple[str, pa.DataType]] = {}
    problems: dict[str, str] = {}
    for place, one in distinct(schemas):
        for field in one:
            first_place, first = columns.setdefault(field.name, (place, field.type))
            together = first if first == field.type else _common(first, field.type)
            mixed = (field.metadata or {}).get(MIXED)
            if mixed is not None:
                problems.setdefault(field.name, f"{mixed.decode()} in {place}")
            elif together is None:
                problems.setdefault(field.name, f"{first} in {first_place} but {field.type} in {place}")
            elif together != first:
                columns[field.name] = (place, together)
    return TableSchema(
        tuple(
            TableColumn(name, None, problems[name], mixed=type_of(arrow) is not None)
            if name in problems
            else table_column(name, arrow)
            for name, (_, arrow) in columns.items()
        )
    )


def _common(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    from kpi_engine.builtin.connectors.arrow_types import common_type

    return common_type(left, right)
