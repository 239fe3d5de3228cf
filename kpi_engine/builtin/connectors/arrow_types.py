"""What Arrow's types mean to the engine, and which types of several files go together."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.builtin.connectors.nested_types import common_nested
from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, DURATION, FLOAT, INTEGER, NULL, TEXT, TIMESTAMP, Kind, Type

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)


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
