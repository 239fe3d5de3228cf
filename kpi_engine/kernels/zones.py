"""Local time and UTC for whole arrays, exact in every zone from 1900 to 2199.

A zone becomes two arrays, the instants at which its offset changes and the offsets, taken from `zoneinfo` for
no more years than the data need. Conversions are one `searchsorted` and one addition, or the addition alone
where a whole array lies between two changes. Beyond 1900 and 2199 the nearest offset stands, both ways alike.

A local time that the zone repeats means its first occurrence; one in a gap moves forward by the gap's length.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.zone_rules import (
    DAY_US,
    FIRST_YEAR,
    LAST_YEAR,
    UnknownZone,
    load_zone,
    offset_changes,
)

__all__ = [
    "UnknownZone",
    "ZoneTable",
    "from_integers",
    "integers",
    "local_naive",
    "localize",
    "microseconds",
    "offsets_at",
    "table_for",
    "to_local",
    "to_utc",
    "zone_table",
]

Int64s = npt.NDArray[np.int64]

INSTANT = pa.timestamp("us", tz="UTC")
NAIVE = pa.timestamp("us")

_YEAR_US = 365 * DAY_US + DAY_US // 4
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, eq=False, slots=True)
class ZoneTable:
    """A zone's offsets over some years: `offsets[i]` holds from the instant `changes[i]` on, all in
    microseconds.

    `wall[i]` is the local time from which a local reading means `offsets[i]`: for a gap its end, for a
    repetition the end of the first pass. `changes[0]` stands for all time before `changes[1]`.
    """

    changes: Int64s
    offsets: Int64s
    wall: Int64s


@lru_cache(maxsize=256)
def zone_table(zone: str, first_year: int, last_year: int) -> ZoneTable:
    """The table of a zone for the years from `first_year` to `last_year`, clamped to 1900-2199.

    >>> table = zone_table("Europe/Paris", 2027, 2027)
    >>> (table.offsets // 3_600_000_000).tolist()
    [1, 2, 1]
    """
    pairs = np.array(offset_changes(zone, first_year, last_year), dtype=np.int64)
    changes, offsets = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    before = np.concatenate((offsets[:1], offsets[:-1]))
    table = ZoneTable(changes, offsets, changes + np.maximum(before, offsets))
    for array in (table.changes, table.offsets, table.wall):
        array.setflags(write=False)
    return table


def to_local(us_utc: Int64s, zone: str) -> Int64s:
    """Instants as the local clock shows them: int64 microseconds in, int64 microseconds out.

    >>> (to_local(np.array([0, 3_600_000_000]), "Asia/Kathmandu") // 60_000_000).tolist()
    [330, 390]
    """
    return us_utc + offsets_at(us_utc, zone)


def to_utc(us_local: Int64s, zone: str) -> Int64s:
    """The instants of local times; a repeated one is its first occurrence, one in a gap moves by the gap's
    length.

    >>> gap = np.array(["2027-03-28T02:30"], "M8[us]").astype(np.int64)
    >>> to_local(to_utc(gap, "Europe/Paris"), "Europe/Paris").astype("M8[us]").astype(str).tolist()
    ['2027-03-28T03:30:00.000000']
    """
    if not us_local.size:
        return us_local
    low, high = int(us_local.min()), int(us_local.max())
    table = table_for(zone, low, high)
    return us_local - _gather(table.wall, table.offsets, us_local, low, high)


def offsets_at(us_utc: Int64s, zone: str) -> Int64s | np.int64:
    """The offset of each instant, in microseconds; one number if all instants share it."""
    if not us_utc.size:
        return np.int64(0)
    low, high = int(us_utc.min()), int(us_utc.max())
    table = table_for(zone, low, high)
    return _gather(table.changes, table.offsets, us_utc, low, high)


def localize(array: pa.Array, zone: str) -> pa.Array:
    """Naive timestamps of any unit, read in a zone, as timestamp[us, UTC]; nulls stay null.

    Nanoseconds are cut off to microseconds, downwards.

    >>> localize(pa.array([0, None], pa.timestamp("s")), "Asia/Shanghai").to_pylist()[0].isoformat()
    '1969-12-31T16:00:00+00:00'
    """
    if not pa.types.is_timestamp(array.type) or array.type.tz is not None:
        raise TypeMismatch("localize", array.type)
    return from_integers(to_utc(microseconds(array), zone), array, INSTANT)


def local_naive(array: pa.Array, zone: str) -> pa.Array:
    """Zoned timestamps of any unit as the local clock of a zone shows them, timestamp[us]; nulls stay null.

    >>> local_naive(pa.array([0, None], INSTANT), "Asia/Shanghai").to_pylist()
    [datetime.datetime(1970, 1, 1, 8, 0), None]
    """
    if not pa.types.is_timestamp(array.type) or array.type.tz is None:
        raise TypeMismatch("local_naive", array.type)
    return from_integers(to_local(microseconds(array), zone), array, NAIVE)


def microseconds(array: pa.Array) -> Int64s:
    """The integers of a timestamp array in microseconds; a null has the value of some other row, or 0."""
    values = integers(array)
    unit = _PER_SECOND[array.type.unit]
    if unit == 1_000_000:
        return values
    if unit > 1_000_000:
        return values // 1_000
    factor = 1_000_000 // unit
    limit = np.iinfo(np.int64).max // factor
    if values.size and (int(values.max()) > limit or int(values.min()) < -limit):
        raise NumberOverflow(f"{array.type} in microseconds")
    return values * factor


def integers(array: pa.Array) -> Int64s:
    """The integers behind a timestamp, duration, date32 or int64 array; without a copy if 64 bits and no
    nulls.

    A null takes the value of the first row that has one, so that it does not widen the span of the values.
    """
    raw = array.view(pa.int32() if pa.types.is_date32(array.type) else pa.int64())
    if raw.null_count == len(raw):
        return np.zeros(len(raw), np.int64)
    if raw.null_count:
        raw = pc.fill_null(raw, raw[pc.index(pc.is_valid(raw), True).as_py()])
    return np.asarray(raw).astype(np.int64, copy=False)


def from_integers(values: Int64s, like: pa.Array, kind: pa.DataType) -> pa.Array:
    """An Arrow array of a type from its integers, null where `like` is null."""
    mask = None if like.null_count == 0 else np.asarray(pc.is_null(like))
    if pa.types.is_date32(kind):
        return pa.array(values.astype(np.int32), pa.int32(), mask=mask).view(kind)
    return pa.array(values, pa.int64(), mask=mask).view(kind)


def table_for(zone: str, low: int, high: int) -> ZoneTable:
    """The table for a span of microseconds, widened to decades so that neighbouring batches share one."""
    load_zone(zone)
    first, last = (min(max(us // _YEAR_US + 1970, FIRST_YEAR), LAST_YEAR) for us in (low, high))
    # One year more on either side: the division by a mean year is off by a day or two, offsets by one more.
    return zone_table(zone, (first - 1) // 10 * 10, (last + 1) // 10 * 10 + 9)


def _gather(thresholds: Int64s, offsets: Int64s, values: Int64s, low: int, high: int) -> Int64s | np.int64:
    first, last = (int(index) for index in np.searchsorted(thresholds[1:], (low, high), side="right"))
    if first == last:
        return np.int64(offsets[first])
    inner = thresholds[first + 1 : last + 1]
    if len(inner) == 1:
        found: Int64s = np.where(values < inner[0], offsets[first], offsets[last])
    else:
        found = offsets[first : last + 1][np.searchsorted(inner, values, side="right")]
    return found
