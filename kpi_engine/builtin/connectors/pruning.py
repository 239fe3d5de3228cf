"""Statistics of row groups: bounds of a column, and which predicates no row can satisfy."""

from __future__ import annotations

import datetime
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.arrow_types import is_naive
from kpi_engine.extend.arrow_tables import type_of
from kpi_engine.extend.rows import Predicate
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Kind, Type

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL)
_A_DAY = 86_400_000_000
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_PER_MICROSECOND = {"milliseconds": (1000, 1), "microseconds": (1, 1), "nanoseconds": (1, 1000)}


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of one column of a row group. Bounds are inclusive and need not occur; None: not known."""

    rows: int
    nulls: int | None
    least: Any = None
    greatest: Any = None

    @property
    def bounds(self) -> tuple[object, object] | None:
        """Least and greatest value, if both are known."""
        return None if self.least is None or self.greatest is None else (self.least, self.greatest)


@dataclass(frozen=True, slots=True)
class BoundsOf:
    """How the bounds of a column are read, which is the same in all chunks of it.

    `ordered`: its values have the order of those that it is read as. Instants are raw numbers times `scale`[0] divided
    by `scale`[1] in microseconds, with a `margin` on both sides; without a scale bounds are values themselves.
    """

    ordered: bool
    scale: tuple[int, int] | None = None
    margin: int = 0


def bounds_of(column: Any, stored: pa.DataType, wanted: Type | None) -> BoundsOf:
    """How to read the bounds of a column of pyarrow's Parquet schema, which Arrow reads as `stored`.

    Bounds are left out where reading the column as `wanted` could reorder values (a text read as a date). Local
    times are widened by a day on both sides, since their zone is not known here.
    """
    if not _keeps_order(stored, wanted):
        return BoundsOf(False)
    if not pa.types.is_timestamp(stored):
        return BoundsOf(True)
    unit = json.loads(column.logical_type.to_json()).get("timeUnit")
    scale = _PER_MICROSECOND.get(unit)
    return BoundsOf(scale is not None, scale, _A_DAY if is_naive(stored) else 0)


def statistics(chunk: Any, how: BoundsOf) -> Statistics:
    """The statistics of a column chunk: numbers, texts, dates, aware timestamps."""
    found = chunk.statistics
    if found is None:
        return Statistics(chunk.num_values, None)
    nulls = found.null_count if found.has_null_count else None
    if not how.ordered or not found.has_min_max:
        return Statistics(chunk.num_values, nulls)
    try:
        least, greatest = _bounds(found, how)
    except (ValueError, OverflowError, NotImplementedError):  # a date that Python cannot hold
        return Statistics(chunk.num_values, nulls)
    if _are_disordered(least, greatest):
        return Statistics(chunk.num_values, nulls)
    return Statistics(chunk.num_values, nulls, least, greatest)


def _are_disordered(least: Any, greatest: Any) -> bool:
    """Whether bounds cannot be those of any values, as when a file is damaged."""
    return least is not None and greatest is not None and not least <= greatest


def _keeps_order(stored: pa.DataType, wanted: Type | None) -> bool:
    own = type_of(stored)
    if own is None or pa.types.is_duration(stored):
        return False
    if wanted is None or own.kind is wanted.kind:
        return True
    return own.kind in _NUMBERS and wanted.kind in _NUMBERS


def _bounds(found: Any, how: BoundsOf) -> tuple[object, object]:
    if how.scale is not None:
        numerator, denominator = how.scale
        # The raw integers, since pyarrow's own values of nanoseconds would import pandas.
        least, greatest = found.min_raw * numerator // denominator, found.max_raw * numerator // denominator
        return _instant(least - how.margin), _instant(greatest + how.margin)
    known = (int, float, Decimal, str, bool, datetime.date)
    least, greatest = found.min, found.max
    return (least, greatest) if isinstance(least, known) and isinstance(greatest, known) else (None, None)


def _instant(microseconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


def one_place(known: Statistics, edges: Sequence[datetime.date]) -> datetime.date | None:
    """A time that has the same place among ascending edges, all of one type, as every time of a column; None if there
    is none.

    >>> day = datetime.date
    >>> one_place(Statistics(9, 0, day(2026, 1, 1), day(2026, 1, 31)), [day(2026, 1, 1), day(2026, 2, 1)])
    datetime.date(2026, 1, 1)
    >>> one_place(Statistics(9, 0, day(2026, 1, 1), day(2026, 2, 1)), [day(2026, 1, 1), day(2026, 2, 1)])
    """
    least, greatest = known.least, known.greatest
    if known.nulls != 0 or not isinstance(least, datetime.date) or not isinstance(greatest, datetime.date):
        return None
    if edges and isinstance(edges[0], datetime.datetime) is not isinstance(least, datetime.datetime):
        return None
    return least if bisect_right(edges, least) == bisect_right(edges, greatest) else None


def excludes(known: Statistics, predicate: Predicate) -> bool:
    """Whether no row can satisfy the predicate.

    >>> excludes(Statistics(10, 0, 5, 9), Predicate("x", "<", 5))
    True
    """
    if predicate.operator == "is_null":
        return known.nulls == 0
    if known.nulls is not None and known.nulls == known.rows:
        # Rows without a time lie in no window, but they are counted: what may be a window does not rule them out.
        ranged = predicate.operator in _RANGES and isinstance(predicate.value, datetime.date)
        return not ranged
    if known.bounds is None:
        return False
    values = predicate.value if isinstance(predicate.value, tuple) else (predicate.value,)
    try:
        return all(value is None or _TESTS[predicate.operator](known, value) for value in values)
    except TypeError:  # not comparable with what the file holds: nothing is ruled out
        return False


_RANGES = ("<", "<=", ">", ">=")
_TESTS: dict[str, Callable[[Statistics, Any], bool]] = {
    "=": lambda known, value: value < known.least or value > known.greatest,
    "in": lambda known, value: value < known.least or value > known.greatest,
    "!=": lambda known, value: known.least == known.greatest == value and not isinstance(value, str),
    "<": lambda known, value: known.least >= value,
    "<=": lambda known, value: known.least > value,
    ">": lambda known, value: known.greatest <= value,
    ">=": lambda known, value: known.greatest < value,
}
"""Texts may have been shortened in the file, so that equal bounds of texts do not mean one value."""
