"""Statistics of row groups: bounds of a column, and which predicates no row can satisfy."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
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


def statistics(chunk: Any, stored: pa.DataType, wanted: Type | None) -> Statistics:
    """The statistics of a column chunk, as values of the wanted type: numbers, texts, dates, aware timestamps.

    Bounds are left out where reading the column as `wanted` could reorder values (a text read as a date). Local
    times are widened by a day on both sides, since their zone is not known here.
    """
    found = chunk.statistics
    if found is None:
        return Statistics(chunk.num_values, None)
    nulls = found.null_count if found.has_null_count else None
    if not found.has_min_max or not _keeps_order(stored, wanted):
        return Statistics(chunk.num_values, nulls)
    try:
        least, greatest = _bounds(found, stored)
    except (ValueError, OverflowError, NotImplementedError):  # a date that Python cannot hold
        return Statistics(chunk.num_values, nulls)
    return Statistics(chunk.num_values, nulls, least, greatest)


def _keeps_order(stored: pa.DataType, wanted: Type | None) -> bool:
    own = type_of(stored)
    if own is None or pa.types.is_duration(stored):
        return False
    if wanted is None or own.kind is wanted.kind:
        return True
    return own.kind in _NUMBERS and wanted.kind in _NUMBERS


def _bounds(found: Any, stored: pa.DataType) -> tuple[object, object]:
    if pa.types.is_timestamp(stored):
        unit = json.loads(found.logical_type.to_json()).get("timeUnit")
        if unit not in _PER_MICROSECOND:
            return None, None
        margin = _A_DAY if is_naive(stored) else 0
        numerator, denominator = _PER_MICROSECOND[unit]
        # The raw integers, since pyarrow's own values of nanoseconds would import pandas.
        least, greatest = (raw * numerator // denominator for raw in (found.min_raw, found.max_raw))
        return _instant(least - margin), _instant(greatest + margin)
    known = (int, float, Decimal, str, bool, datetime.date)
    least, greatest = found.min, found.max
    return (least, greatest) if isinstance(least, known) and isinstance(greatest, known) else (None, None)


def _instant(microseconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


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
