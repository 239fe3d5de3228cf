"""Positions and spans in time: the edges between buckets, and the periods of an answer."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from kpi_engine.ir.dataclass import dataclass


class Bound(NamedTuple):
    """A position in time, for instants and for dates at once.

    `us` is the instant in UTC microseconds since 1970-01-01. `day` is the day number of the first local date that
    starts at or after it. A timestamp t lies in [a, b) if a.us <= t < b.us, a date d if a.day <= d < b.day: a date is
    that day in every zone and is never turned into an instant. Where a zone skipped a whole day, that day's two bounds
    share one instant and differ in `day`. Windows are looked up among thousands of edges: bounds compare as tuples do.
    """

    us: int
    day: int


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open span [start, end) of one grain, or any window (`grain` is then its grain, or "" for none).

    `date` is the local date on which it starts, `label` its name: `2027`, `2027-Q1`, `2027-03`, `2027-W07`,
    `2027-03-15`, `FY2027-Q1`, an hour `2027-03-15T13:00+01:00`, another window `2027-03-01..2027-03-09`, both included.
    """

    grain: str
    start: Bound
    end: Bound
    date: date
    label: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open window [start, end) of a measure; `start` None is the beginning of all history."""

    start: Bound | None
    end: Bound
