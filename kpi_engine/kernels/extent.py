"""The first and last time of rows."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.bounds import Bound
from kpi_engine.kernels.calendar import Calendar, date_of


def time_bounds(times: pa.Array, limit: Bound | None, calendar: Calendar) -> tuple[Bound, Bound] | None:
    """The first and last of some times (timestamp[us, UTC] or date32), without those at or after `limit`.

    None where no time is left.
    """
    is_date = pa.types.is_date32(times.type)
    numbers = times.cast(pa.int32() if is_date else pa.int64())
    if limit is not None:
        numbers = numbers.filter(pc.less(numbers, pa.scalar(limit.day if is_date else limit.us, numbers.type)))
    found = pc.min_max(numbers)
    low, high = found["min"].as_py(), found["max"].as_py()
    if low is None:
        return None
    if is_date:
        return calendar.day_start(date_of(low)), calendar.day_start(date_of(high))
    return calendar.bound(low), calendar.bound(high)
