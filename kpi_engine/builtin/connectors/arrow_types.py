"""Which types of several files go together."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.extend.arrow_tables import type_of
from kpi_engine.ir.types import Kind

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)


def is_naive(arrow: pa.DataType) -> bool:
    """Whether values are local times without a zone."""
    return bool(pa.types.is_timestamp(arrow)) and arrow.tz is None


def common_type(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The one of two types that values of both can be read as without loss; None if there is none.

    Widths, units and encodings do not matter, integers widen to decimals and floats, nulls to anything. Decimals
    with floats, and local times with instants, do not go together.

    >>> str(common_type(pa.int32(), pa.float64())), common_type(pa.string(), pa.int64())
    ('double', None)
    """
    if left == right or pa.types.is_null(right):
        return left
    if pa.types.is_null(left):
        return right
    if pa.types.is_nested(left) and pa.types.is_nested(right):
        from kpi_engine.builtin.connectors.nested_types import common_nested

        return common_nested(left, right, common_type)
    one, other = type_of(left), type_of(right)
    if one is None or other is None or is_naive(left) != is_naive(right):
        return None
    if one == other:
        return left
    if {one.kind, other.kind} == {Kind.DECIMAL, Kind.FLOAT} or one.unit != other.unit:
        return None
    if one.kind in _NUMBERS and other.kind in _NUMBERS:
        return left if _NUMBERS.index(one.kind) > _NUMBERS.index(other.kind) else right
    return None
