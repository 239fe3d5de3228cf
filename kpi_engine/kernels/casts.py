"""One array to the physical form of a declared type: what cannot be read so is null and listed.

    to         from
    text       everything; numbers in plain digits, timestamps local with their offset
    integer    whole numbers of any kind, texts, conditions (1 and 0)
    decimal    integers, floats (the shortest decimal that stands for them), texts
    float      integers, decimals
    boolean    texts, the integers 1 and 0
    date       timestamps (their local day), texts; integers and decimals by a format
    timestamp  local timestamps (placed in the zone), texts; integers by a format; never dates
    duration   texts such as `1:02:03`

Arrays are canonical: int64, decimal, float64, bool, string (or a dictionary of strings), date32, timestamp[us] or
timestamp[us, UTC].
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.catalog import MICROSECONDS
from kpi_engine.ir.types import DECIMAL, Kind, Type
from kpi_engine.kernels.cast_forms import ISO, NoConversion, Parsed, Style, all_read, is_text
from kpi_engine.kernels.text_casts import (
    try_booleans,
    try_decimals,
    try_durations,
    try_integers,
)
from kpi_engine.kernels.vectors import (
    build,
    float64_view,
    from_int64,
    is_exact,
    validity,
)
from kpi_engine.kernels.zone_rules import DAY_US
from kpi_engine.kernels.zones import INSTANT, NAIVE, local_naive, localize, microseconds

_MOST_PLACES = 6
_SURE_DIGITS = 10**15  # any decimal of at most 15 digits is the shortest that stands for its float64


def try_cast(array: pa.Array, wanted: Type, style: Style = ISO) -> Parsed:
    """The array as `wanted`; rows that cannot be are null and listed. NoConversion where no row of the type can.

    >>> from kpi_engine.ir.types import INTEGER
    >>> try_cast(pa.array(["7", "7.5"]), INTEGER).failing.tolist()
    [1]
    """
    if pa.types.is_null(array.type):
        return all_read(pa.nulls(len(array), physical_type(wanted)))
    if wanted.kind in (Kind.DATE, Kind.TIMESTAMP) and style.format and is_exact(array.type):
        array = to_text(array)
    if wanted.unit.is_duration and wanted.kind is Kind.INTEGER:
        return _durations(array, wanted, style)
    match wanted.kind:
        case Kind.TEXT:
            return all_read(to_text(array, style.timezone))
        case Kind.INTEGER:
            return _integers(array, wanted, style)
        case Kind.DECIMAL:
            return _decimals(array, wanted, style)
        case Kind.FLOAT:
            return _floats(array, wanted)
        case Kind.BOOLEAN:
            return _booleans(array, wanted)
        case Kind.DATE:
            return _dates(array, wanted, style)
        case Kind.TIMESTAMP:
            return _timestamps(array, wanted, style)
        case _:
            raise NoConversion(array.type, wanted)


def physical_type(type: Type) -> pa.DataType:
    """The Arrow type in which values of a type travel; decimals as whole ones, since their scale is the data's."""
    return {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.DECIMAL: pa.decimal128(38, 0),
        Kind.FLOAT: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.TIMESTAMP: INSTANT,
        Kind.NULL: pa.null(),
    }[type.kind]


def to_text(array: pa.Array, timezone: str = "UTC") -> pa.Array:
    """Any array as texts: plain digits, `true`, `2027-03-15`, `2027-03-15T13:05:00+08:00` (local, with the offset).

    >>> from decimal import Decimal
    >>> to_text(pa.array([Decimal("0.00000001"), Decimal("12.50")])).to_pylist()
    ['0.00000001', '12.50000000']
    """
    if is_text(array.type):
        return array
    if pa.types.is_decimal(array.type):
        return _decimals_as_text(array)
    if array.type == INSTANT:
        return _instants_as_text(array, timezone)
    if array.type == NAIVE:
        return _without_zero_part(pc.cast(array, pa.string()))
    if pa.types.is_float64(array.type):
        return _floats_as_text(array)
    return pc.cast(array, pa.string())


def _decimals_as_text(array: pa.Array) -> pa.Array:
    shown = pc.cast(array, pa.string())
    if not pc.any(pc.match_substring(shown, "E")).as_py():
        return shown
    return pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], pa.string())


def _floats_as_text(array: pa.Array) -> pa.Array:
    shown = pc.cast(array, pa.string())
    if not pc.any(pc.match_substring(shown, "e")).as_py():
        return shown
    plain = [None if text is None else f"{Decimal(text):f}" for text in shown.to_pylist()]
    return pa.array(plain, pa.string())


def _instants_as_text(array: pa.Array, timezone: str) -> pa.Array:
    local = local_naive(array, timezone)
    minutes = (microseconds(local) - microseconds(array)) // 60_000_000
    distinct, codes = np.unique(minutes, return_inverse=True)
    names = [f"{'-' if one < 0 else '+'}{abs(one) // 60:02}:{abs(one) % 60:02}" for one in distinct.tolist()]
    offsets = pa.array(names, pa.string()).take(pa.array(codes))
    shown = _without_zero_part(pc.replace_substring(pc.cast(local, pa.string()), " ", "T"))
    return pc.binary_join_element_wise(shown, offsets, "")


def _without_zero_part(shown: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(shown, r"\.0+$", "")


def _integers(array: pa.Array, wanted: Type, style: Style) -> Parsed:
    if pa.types.is_int64(array.type):
        return all_read(array)
    if is_text(array.type):
        return try_integers(array, style.numbers)
    if pa.types.is_boolean(array.type):
        return all_read(pc.cast(array, pa.int64()))
    if pa.types.is_decimal(array.type) or pa.types.is_float64(array.type):
        return _whole_numbers(array)
    raise NoConversion(array.type, wanted)


def _whole_numbers(array: pa.Array) -> Parsed:
    try:
        return all_read(pc.cast(array, pa.int64()))
    except pa.ArrowInvalid:  # a fraction, or larger than int64
        return try_integers(to_text(array))


def _decimals(array: pa.Array, wanted: Type, style: Style) -> Parsed:
    if pa.types.is_decimal(array.type):
        return all_read(array)
    if is_text(array.type):
        return try_decimals(array, style.numbers)
    if pa.types.is_int64(array.type):
        return all_read(pc.cast(array, pa.decimal128(38, 0)))
    if pa.types.is_float64(array.type):
        return floats_to_decimals(array)
    raise NoConversion(array.type, wanted)


def floats_to_decimals(array: pa.Array) -> Parsed:
    """Each float64 as the shortest decimal that stands for it, so that 0.1 is 0.1; those above 76 digits fail.

    >>> floats_to_decimals(pa.array([0.1, 12.5])).values.to_pylist()
    [Decimal('0.1'), Decimal('12.5')]
    """
    values = float64_view(array)
    valid = validity(array)
    if valid is not None:
        values = np.where(valid, values, 0.0)
    for places in range(_MOST_PLACES + 1):
        power = 10.0**places
        with np.errstate(all="ignore"):
            scaled = np.rint(values * power)
            fits = (np.abs(scaled) < _SURE_DIGITS) & (scaled / power == values)
        if fits.all():
            return all_read(from_int64(scaled.astype(np.int64), valid, places))
    return try_decimals(pc.cast(array, pa.string()))


def _floats(array: pa.Array, wanted: Type) -> Parsed:
    if pa.types.is_float64(array.type) or is_exact(array.type):
        from kpi_engine.kernels.promote import to_float

        return all_read(to_float(array))
    raise NoConversion(array.type, wanted)


def _booleans(array: pa.Array, wanted: Type) -> Parsed:
    if pa.types.is_boolean(array.type):
        return all_read(array)
    if is_text(array.type):
        return try_booleans(array)
    if pa.types.is_int64(array.type):
        return try_booleans(to_text(array))
    raise NoConversion(array.type, wanted)


def _dates(array: pa.Array, wanted: Type, style: Style) -> Parsed:
    if pa.types.is_date32(array.type):
        return all_read(array)
    if array.type == INSTANT:
        from kpi_engine.kernels.temporal import to_date

        return all_read(to_date(array, style.timezone))
    if array.type == NAIVE:
        days = (microseconds(array) // DAY_US).astype(np.int32)
        return all_read(build(pa.date32(), days, validity(array)))
    if is_text(array.type):
        from kpi_engine.kernels.parse_time import try_dates

        return try_dates(*_complete(_not_blank(array), style.format))
    raise NoConversion(array.type, wanted, 'give it a format, as `format "%Y%m%d"`')


def _timestamps(array: pa.Array, wanted: Type, style: Style) -> Parsed:
    if array.type == INSTANT:
        return all_read(array)
    if array.type == NAIVE:
        return all_read(localize(array, style.timezone))
    if is_text(array.type):
        from kpi_engine.kernels.parse_time import try_timestamps

        texts, format = _complete(_not_blank(array), style.format)
        return try_timestamps(texts, format, style.timezone)
    if pa.types.is_date32(array.type):
        help = "declare it as `date`: a date is that day in every zone and is never turned into an instant"
        raise NoConversion(array.type, wanted, help)
    raise NoConversion(array.type, wanted, "read it as integer, and add `column t: timestamp = from_epoch(x, second)`")


def _durations(array: pa.Array, wanted: Type, style: Style) -> Parsed:
    if style.counts is not None:
        from kpi_engine.kernels.arith import multiply

        counted = try_cast(array, DECIMAL, style)
        elapsed = multiply(counted.values, pa.scalar(MICROSECONDS[style.counts], pa.int64()))
        return Parsed(pc.round(elapsed).cast(pa.int64()), counted.failing)
    if is_text(array.type):
        return try_durations(array)
    raise NoConversion(array.type, wanted, "read it as integer, and compute `x * 1 second`, or another unit")


def _complete(texts: pa.Array, format: str | None) -> tuple[pa.Array, str | None]:
    """A format without a day or month is read as the first one: `%Y` as 1 January."""
    if format is None:
        return texts, None
    from kpi_engine.kernels.short_formats import completed

    whole, suffix = completed(format)
    return (pc.binary_join_element_wise(texts, suffix, "") if suffix else texts), whole


def _not_blank(texts: pa.Array) -> pa.Array:
    """Trimmed texts, null where nothing is left: no date or time is written so."""
    plain = texts.dictionary_decode() if pa.types.is_dictionary(texts.type) else texts
    trimmed = pc.utf8_trim_whitespace(plain)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
