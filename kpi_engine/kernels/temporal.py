"""Row functions on dates and instants: buckets, parts, moving, differences.

Instants are timestamp[us, UTC], dates date32. Everything a person reads from a clock or a calendar (a date,
an hour, a month) is local to the calendar's zone. Arrow's own temporal kernels are not used: they raise at
midnights that do not exist, misplace Sunday weeks and stop at 2037.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.local_calendar import WEEKDAYS, Calendar
from kpi_engine.kernels.spans import EPOCH_UNITS, MONTHS_IN, PARTS, TIME_PARTS, Duration, DurationError, PeriodError
from kpi_engine.kernels.zone_rules import DAY_US, HOUR_US, SECOND_US
from kpi_engine.kernels.zones import (
    INSTANT,
    Int64s,
    from_integers,
    integers,
    offsets_at,
    table_for,
    to_local,
    to_utc,
)

# Negative: so many make a microsecond.
_EPOCH_FACTORS = dict(zip(EPOCH_UNITS, (SECOND_US, 1_000, 1, -1_000), strict=True))
_INT32 = np.iinfo(np.int32)
_INT64 = np.iinfo(np.int64)
_MONDAY_BEFORE_EPOCH = 3  # 1970-01-01 was a Thursday.


def bucket(array: pa.Array, grain: str, calendar: Calendar) -> pa.Array:
    """The start of the period that holds each instant or date: date32, for hours timestamp[us, UTC]; null for
    null.

    Agrees with `Calendar.period_at` for every instant, also where a clock was set back over midnight; null outside the
    periods of a declared grain.

    >>> bucket(pa.array([0], INSTANT), "week", Calendar("Asia/Shanghai")).to_pylist()
    [datetime.date(1969, 12, 29)]
    """
    declared = calendar.declared_grain(grain)
    if pa.types.is_date32(array.type):
        if grain == "hour":
            raise PeriodError("dates cannot be grouped by hour", "group by day or longer")
        days = integers(array)
    elif grain == "hour":
        return from_integers(_hour_starts(_instants("bucket", array), calendar.timezone), array, INSTANT)
    else:
        days = _period_days(_instants("bucket", array), calendar.timezone)
    if declared is not None:
        return _declared_starts(days, array, declared)
    return from_integers(_per_day(days, lambda each: _floor_days(each, grain, calendar)), array, pa.date32())


def part(array: pa.Array, name: str, calendar: Calendar) -> pa.Array:
    """A part of each local date or time as int64; null for null.

    `weekday` counts from 1 = Monday, `week` is the ISO week (read it with `iso_year`), `second` is whole
    seconds.

    >>> part(pa.array([0], INSTANT), "hour", Calendar("Asia/Shanghai")).to_pylist()
    [8]
    """
    if name not in PARTS:
        raise PeriodError(f"`{name}` is not a part of a time", "parts: " + ", ".join(PARTS))
    is_date = pa.types.is_date32(array.type)
    if name in TIME_PARTS:
        if is_date:
            raise PeriodError(f"a date has no {name}", "use a timestamp")
        values = _time_part(to_local(_instants("part", array), calendar.timezone), name)
    else:
        days = integers(array) if is_date else to_local(_instants("part", array), calendar.timezone) // DAY_US
        values = _per_day(days, lambda each: _date_part(each, name, calendar))
    return from_integers(values, array, pa.int64())


def date_add(array: pa.Array, duration: Duration, calendar: Calendar) -> pa.Array:
    """Each date or instant moved by a duration, in its own type.

    Months and longer are clamped to the last day of the target month; days and longer keep the local time of
    day (in a gap it moves forward by the gap's length); seconds to hours are elapsed time, which a date does
    not take.

    >>> date_add(pa.array([30], pa.date32()), Duration(1, "month"), Calendar()).to_pylist()
    [datetime.date(1970, 2, 28)]
    """
    if pa.types.is_date32(array.type):
        moved = _move_days(integers(array), duration)
        _check_range("date_add", moved, _INT32.min, _INT32.max)
        return from_integers(moved, array, pa.date32())
    instants = _instants("date_add", array)
    if duration.unit in ("second", "minute", "hour"):
        _check_range("date_add", instants, _INT64.min + abs(duration.elapsed_us), _INT64.max - abs(duration.elapsed_us))
        return from_integers(instants + duration.elapsed_us, array, INSTANT)
    days, times = np.divmod(to_local(instants, calendar.timezone), DAY_US)
    moved = _move_days(days, duration)
    _check_range("date_add", moved, _INT64.min // DAY_US + 2, _INT64.max // DAY_US - 2)
    # A repeated local time keeps its own instant when nothing moves.
    placed = np.where(moved == days, instants, to_utc(moved * DAY_US + times, calendar.timezone))
    return from_integers(placed, array, INSTANT)


def to_date(array: pa.Array, zone: str) -> pa.Array:
    """The local date of each instant as date32; null for null.

    >>> to_date(pa.array([-1], INSTANT), "Asia/Shanghai").to_pylist()
    [datetime.date(1970, 1, 1)]
    """
    return from_integers(to_local(_instants("date", array), zone) // DAY_US, array, pa.date32())


def from_epoch(array: pa.Array, unit: str) -> pa.Array:
    """Numbers counted from 1970-01-01 UTC in a unit as timestamp[us, UTC]; null for null.

    Integers are exact (nanoseconds are cut off to microseconds, downwards), other numbers are rounded to
    microseconds.

    >>> from_epoch(pa.array([1_700_000_000]), "second").to_pylist()[0].isoformat()
    '2023-11-14T22:13:20+00:00'
    """
    if unit not in EPOCH_UNITS:
        raise DurationError(f"`{unit}` is not a unit to count from 1970 in", "units: " + ", ".join(EPOCH_UNITS))
    factor = _EPOCH_FACTORS[unit]
    if pa.types.is_decimal(array.type) and array.type.scale == 0:
        array = _cast_to_int64(array)
    if pa.types.is_integer(array.type):
        values = integers(_cast_to_int64(array))
        if factor < 0:
            return from_integers(values // -factor, array, INSTANT)
        _check_range("from_epoch", values, -(_INT64.max // factor), _INT64.max // factor)
        return from_integers(values * factor, array, INSTANT)
    if not (pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        raise TypeMismatch("from_epoch", array.type)
    floats = np.asarray(pc.fill_null(pc.cast(array, pa.float64()), 0.0))
    scaled = np.rint(floats * factor if factor > 0 else floats / -factor)
    if scaled.size and not bool((np.abs(scaled) < 2.0**63).all()):
        raise NumberOverflow("from_epoch")
    return from_integers(scaled.astype(np.int64), array, INSTANT)


def subtract(left: pa.Array | pa.Scalar, right: pa.Array | pa.Scalar) -> pa.Array:
    """The elapsed microseconds from `right` to `left` as int64: two instants, or two dates (days of 24
    hours).

    >>> subtract(pa.array([1], pa.date32()), pa.array([0], pa.date32())).to_pylist()
    [86400000000]
    """
    if left.type != right.type or left.type not in (INSTANT, pa.date32()):
        raise TypeMismatch("a difference of times", left.type, right.type)
    plain = [_plain(each) for each in (left, right)]
    try:
        difference = pc.subtract_checked(*plain)
        if left.type == INSTANT:
            return difference
        return pc.multiply_checked(difference, pa.scalar(DAY_US, pa.int64()))
    except pa.ArrowInvalid as error:
        raise NumberOverflow("a difference of times") from error


def _plain(value: pa.Array | pa.Scalar) -> pa.Array | pa.Scalar:
    if isinstance(value, pa.Scalar):
        return pa.scalar(value.value if value.is_valid else None, pa.int64())
    if pa.types.is_date32(value.type):
        return pc.cast(value.view(pa.int32()), pa.int64())
    return value.view(pa.int64())


def _instants(operation: str, array: pa.Array) -> Int64s:
    if array.type != INSTANT:
        raise TypeMismatch(operation, array.type)
    return integers(array)


def _cast_to_int64(array: pa.Array) -> pa.Array:
    try:
        return pc.cast(array, pa.int64())
    except pa.ArrowInvalid as error:
        raise NumberOverflow("from_epoch") from error


def _check_range(operation: str, values: Int64s, low: int, high: int) -> None:
    if values.size and (int(values.min()) < low or int(values.max()) > high):
        raise NumberOverflow(operation)


def _period_days(instants: Int64s, zone: str) -> Int64s:
    """The local day whose period holds each instant.

    That is the local date, but where a clock that had begun a day was set back over midnight: the old date
    then shows again, within the period of the new day.
    """
    days: Int64s = to_local(instants, zone) // DAY_US
    for change, before, after in _changes_within(instants, zone):
        begun = (change + before - 1) // DAY_US
        if (change + after) // DAY_US < begun:
            repeated = (instants >= change) & (instants < change + before - after)
            days = np.where(repeated, np.maximum(days, begun), days)
    return days


def _hour_starts(instants: Int64s, zone: str) -> Int64s:
    """The start of each instant's hour: its local hour's, or a later change of the zone's offset."""
    offsets = offsets_at(instants, zone)
    starts: Int64s = (instants + offsets) // HOUR_US * HOUR_US - offsets
    for change, _, after in _changes_within(instants, zone):
        if (change + after) % HOUR_US:
            starts = np.where((starts < change) & (instants >= change), change, starts)
    return starts


def _changes_within(instants: Int64s, zone: str) -> list[tuple[int, int, int]]:
    """The changes of offset that matter to some instants: (instant, offset before, offset after)."""
    if not instants.size:
        return []
    low, high = int(instants.min()), int(instants.max())
    table = table_for(zone, low, high)
    # A day at most: no clock was ever set back by more, so an earlier change cannot concern the first
    # instant.
    first = max(int(np.searchsorted(table.changes, low - DAY_US)), 1)
    last = int(np.searchsorted(table.changes, high, side="right"))
    offsets = table.offsets.tolist()
    return [(int(table.changes[i]), offsets[i - 1], offsets[i]) for i in range(first, last)]


def _per_day(days: Int64s, function: Callable[[Int64s], Int64s]) -> Int64s:
    """A function of days, evaluated once per day of the span where the rows are more than its days."""
    if not days.size:
        return function(days)
    low, high = int(days.min()), int(days.max())
    if low == high:
        return np.full(days.shape, function(np.array([low], np.int64))[0], np.int64)
    if high - low < days.size:
        return function(np.arange(low, high + 1, dtype=np.int64))[days - low]
    return function(days)


def _months(days: Int64s) -> Int64s:
    """Months since January 1970."""
    return days.astype("M8[D]").astype("M8[M]").astype(np.int64)


def _first_days(months: Int64s) -> Int64s:
    """The first day of each month since January 1970."""
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64)


def _floor_days(days: Int64s, grain: str, calendar: Calendar) -> Int64s:
    if grain == "day":
        return days
    if grain == "week":
        return days - (days + _MONDAY_BEFORE_EPOCH - WEEKDAYS.index(calendar.week_starts)) % 7
    first = calendar.fiscal_year_starts if grain.startswith("fiscal") else 1
    months = _months(days)
    return _first_days(months - (months - (first - 1)) % MONTHS_IN[grain])


def _declared_starts(days: Int64s, like: pa.Array, periods: DeclaredPeriods) -> pa.Array:
    """The first day of each day's period, null outside the table and where `like` is null."""
    edges = np.array(periods.days, np.int64)
    found = np.searchsorted(edges, days, side="right")
    inside = (found > 0) & (found < len(edges))
    starts = from_integers(edges[np.where(inside, found - 1, 0)], like, pa.date32())
    return starts if inside.all() else pc.if_else(pa.array(inside), starts, pa.scalar(None, pa.date32()))


def _date_part(days: Int64s, name: str, calendar: Calendar) -> Int64s:
    months = _months(days)
    if name == "year":
        return months // 12 + 1970
    if name == "quarter":
        return months % 12 // 3 + 1
    if name == "month":
        return months % 12 + 1
    if name == "day":
        return days - _first_days(months) + 1
    if name == "weekday":
        return (days + _MONDAY_BEFORE_EPOCH) % 7 + 1
    if name == "day_of_year":
        return days - _first_days(months // 12 * 12) + 1
    if name in ("week", "iso_year"):
        # A week belongs to the year of its Thursday.
        thursdays = days - (days + _MONDAY_BEFORE_EPOCH) % 7 + 3
        years = _months(thursdays) // 12
        return years + 1970 if name == "iso_year" else (thursdays - _first_days(years * 12)) // 7 + 1
    since_start = months - (calendar.fiscal_year_starts - 1)
    if name == "fiscal_quarter":
        return since_start % 12 // 3 + 1
    named_later = calendar.fiscal_year_named == "end" and calendar.fiscal_year_starts > 1
    return since_start // 12 + 1970 + named_later


def _time_part(local: Int64s, name: str) -> Int64s:
    if name == "hour":
        return local // HOUR_US % 24
    if name == "minute":
        return local // (60 * SECOND_US) % 60
    return local // SECOND_US % 60


def _move_days(days: Int64s, duration: Duration) -> Int64s:
    if duration.months is None:
        if duration.days is None:
            raise DurationError(f"a date cannot move by {duration}", "write whole days, weeks, months or years")
        return days + duration.days
    months = _months(days)
    target = months + duration.months
    first = _first_days(target)
    length = _first_days(target + 1) - first
    moved: Int64s = first + np.minimum(days - _first_days(months), length - 1)
    return moved
