"""Nested types of Arrow: as columns with parts, and the one type of several files."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from kpi_engine.ir.catalog import TableColumn
from kpi_engine.ir.types import Type


def table_column(name: str, arrow: pa.DataType, type_of: Callable[[pa.DataType], Type | None]) -> TableColumn:
    """A column, and if it is nested its parts.

    >>> [part.name for part in table_column("d", pa.struct([("os", pa.string())]), lambda arrow: None).parts]
    ['os']
    """
    storage = arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow
    if pa.types.is_struct(storage):
        fields = [table_column(each.name, each.type, type_of) for each in storage]
        return TableColumn(name, None, str(arrow), "struct", tuple(fields))
    if pa.types.is_map(storage):
        entry = (table_column("key", storage.key_type, type_of), table_column("value", storage.item_type, type_of))
        return TableColumn(name, None, str(arrow), "map", entry)
    if is_list(storage):
        return TableColumn(name, None, str(arrow), "list", (table_column("value", storage.value_type, type_of),))
    return TableColumn(name, type_of(arrow), str(arrow))


def is_list(arrow: pa.DataType) -> bool:
    """Whether values are lists, stored in whatever way; maps are not."""
    types = pa.types
    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view)
    return any(test(arrow) for test in tests)


def common_nested(
    left: pa.DataType, right: pa.DataType, common: Callable[[pa.DataType, pa.DataType], pa.DataType | None]
) -> pa.DataType | None:
    """The one type of two nested ones, whose parts have common types; a struct has the fields of both."""
    if is_list(left) and is_list(right):
        element = common(left.value_type, right.value_type)
        return None if element is None else pa.large_list(element)
    if pa.types.is_map(left) and pa.types.is_map(right):
        key, item = common(left.key_type, right.key_type), common(left.item_type, right.item_type)
        return None if key is None or item is None else pa.map_(key, item)
    if not (pa.types.is_struct(left) and pa.types.is_struct(right)):
        return None
    fields = {each.name: each.type for each in left}
    for each in right:
        together = common(fields.get(each.name, each.type), each.type)
        if together is None:
            return None
        fields[each.name] = together
    return pa.struct(list(fields.items()))
