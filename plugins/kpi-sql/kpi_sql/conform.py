"""What a database gives as what the engine takes: the types of rows, and the columns of states."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.extend.rows import data_error
from kpi_sql.measures import Column
from kpi_sql.stored import SqlKind

_COUNTS = ("rows_", "values_", "bucket")
_LONG = 38


def conform(place: str, columns: Sequence[Column], given: pa.Table) -> pa.Table:
    """The answer to a statement with the types that its columns are of. KpiError E609 for numbers out of range."""
    arrays = []
    for column, array in zip(columns, given.columns, strict=True):
        try:
            arrays.append(typed(array.combine_chunks(), column))
        except (pa.ArrowInvalid, OverflowError) as error:
            message = f"{column.name} is out of the range of the database's numbers"
            help = overflow_help("out of range")
            raise data_error("E609", place, message, help) from error
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def overflow_help(message: str) -> str:
    """What to do about numbers that a database cannot add up; nothing for any other message.

    >>> overflow_help("integer overflow")
    'set `aggregate = false` on the connection: then rows are read, and sums have no limit'
    """
    if "overflow" not in message.lower() and "out of range" not in message.lower():
        return ""
    return "set `aggregate = false` on the connection: then rows are read, and sums have no limit"


def typed(array: pa.Array, column: Column) -> pa.Array:
    """One column.

    Decimals come as such, as texts, or as integers counted in units of their last place.

    >>> typed(pa.array([125]), Column("sum_0", SqlKind.DECIMAL, 2)).to_pylist()
    [Decimal('1.25')]
    """
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), _type(column))
    if column.name.startswith(_COUNTS):
        return pc.cast(array, pa.int64())
    match column.kind:
        case SqlKind.DECIMAL:
            return _decimals(array, column.scale)
        case SqlKind.INTEGER:
            return _integers(array)
        case SqlKind.INSTANT | SqlKind.LOCAL:
            return _instants(array)
        case SqlKind.OTHER:
            return array
    return pc.cast(array, _type(column))


def _type(column: Column) -> pa.DataType:
    if column.kind is SqlKind.DECIMAL:
        return pa.decimal128(_LONG, column.scale)
    return {
        SqlKind.INTEGER: pa.int64(),
        SqlKind.FLOAT: pa.float64(),
        SqlKind.TEXT: pa.string(),
        SqlKind.BOOLEAN: pa.bool_(),
        SqlKind.DATE: pa.date32(),
        SqlKind.OTHER: pa.null(),
    }.get(column.kind, pa.timestamp("us", "UTC"))


def _integers(array: pa.Array) -> pa.Array:
    """Whole numbers: int64 as they are, longer ones as decimals without a scale."""
    if pa.types.is_floating(array.type):
        raise OverflowError("integers became floats")
    if pa.types.is_decimal(array.type) or pa.types.is_string(array.type):
        return _decimals(array, 0)
    return pc.cast(array, pa.int64())


def _decimals(array: pa.Array, scale: int) -> pa.Array:
    if pa.types.is_floating(array.type):
        raise OverflowError("decimals became floats")
    if pa.types.is_decimal(array.type):
        return array
    if pa.types.is_integer(array.type):
        whole = pc.cast(array, pa.decimal128(_LONG, 0))
        # The same integers, read as so many units of the last place.
        return pa.Array.from_buffers(pa.decimal128(_LONG, scale), len(whole), whole.buffers(), offset=whole.offset)
    return pa.array([None if text is None else Decimal(text) for text in array.to_pylist()], _widest(array))


def _widest(texts: pa.Array) -> pa.DataType:
    """A decimal type that holds all of these texts."""
    known = [Decimal(text).as_tuple() for text in texts.to_pylist() if text is not None]
    scale = max((-each.exponent for each in known if isinstance(each.exponent, int)), default=0)
    scale = max(scale, 0)
    whole = max((len(each.digits) + each.exponent for each in known if isinstance(each.exponent, int)), default=1)
    digits = max(whole, 0) + scale
    return pa.decimal128(_LONG, scale) if digits <= _LONG else pa.decimal256(76, scale)


def _instants(array: pa.Array) -> pa.Array:
    """Instants in UTC; local times here are those of UTC, and integers microseconds."""
    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    return pc.cast(array, pa.timestamp("us", zone), safe=False).cast(pa.timestamp("us", "UTC"))
