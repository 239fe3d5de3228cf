"""Nested types of Arrow: the one type of several files."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from kpi_engine.extend.arrow_tables import is_list


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
