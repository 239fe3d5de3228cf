"""Which leaf columns of a Parquet file hold the parts of nested columns that are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kpi_engine.extend.arrow_tables import is_list
from kpi_engine.extend.rows import ColumnRequest
from kpi_engine.ir.catalog import PathStep


def stored_names(columns: Sequence[ColumnRequest], schema: pa.Schema, leaves: Sequence[str]) -> list[str]:
    """What to read for some columns: their names, and for parts of nested ones the paths of their leaves.

    `leaves` are the paths of all leaf columns of the file, which come in the order of the schema.

    >>> schema = pa.schema([("n", pa.int64()), ("d", pa.struct([("os", pa.string()), ("model", pa.string())]))])
    >>> asked = ColumnRequest("model", "d", path=(PathStep("model"),))
    >>> stored_names([asked], schema, ["n", "d.os", "d.model"])
    ['d.model']
    """
    if not any(column.path for column in columns):
        return list(dict.fromkeys(column.physical or column.name for column in columns))
    starts: dict[str, int] = {}
    end = 0
    for each in schema:
        starts[each.name] = end
        end += _count(each.type)
    found: dict[str, None] = {}
    for column in columns:
        name = column.physical or column.name
        if not column.path or end != len(leaves):
            found[name] = None
            continue
        numbers = _leaves(schema.field(name).type, starts[name], column.path)
        found.update(dict.fromkeys(leaves[number] for number in numbers))
    return list(found)


def _storage(arrow: pa.DataType) -> pa.DataType:
    return arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow


def _count(arrow: pa.DataType) -> int:
    """How many leaf columns a type is stored in."""
    arrow = _storage(arrow)
    if pa.types.is_struct(arrow):
        return sum(_count(each.type) for each in arrow)
    if pa.types.is_map(arrow):
        return _count(arrow.key_type) + _count(arrow.item_type)
    return _count(arrow.value_type) if is_list(arrow) else 1


def _leaves(arrow: pa.DataType, start: int, path: Sequence[PathStep]) -> list[int]:
    """The leaves below a type, whose first one is number `start`, that a path needs; all where it leads nowhere."""
    arrow = _storage(arrow)
    whole = list(range(start, start + _count(arrow)))
    if not path:
        return whole
    step, rest = path[0], path[1:]
    if step.kind == "row":
        return whole[:1]
    if pa.types.is_map(arrow):
        arrow = pa.struct([("key", arrow.key_type), ("value", arrow.item_type)])
        if step.kind == "each":
            return _leaves(arrow, start, rest)
        return [*_key(arrow, start), *_leaves(arrow, start, (PathStep("value"), *rest))]
    if is_list(arrow) and step.kind == "each":
        return _leaves(arrow.value_type, start, rest)
    if is_list(arrow) and step.kind == "key" and pa.types.is_struct(_storage(arrow.value_type)):
        return [*_key(_storage(arrow.value_type), start), *_leaves(arrow.value_type, start, rest)]
    if pa.types.is_struct(arrow) and step.kind == "field":
        for each in arrow:
            if each.name == step.name:
                return _leaves(each.type, start, rest)
            start += _count(each.type)
    return whole


def _key(struct: pa.DataType, start: int) -> list[int]:
    return _leaves(struct, start, [PathStep("key")])
