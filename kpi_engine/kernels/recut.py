"""States cut at some edges, read as states cut at others: what makes kept states fit another question.

A unit of rows lies between the first and the last of its times. Buckets of old edges go whole into buckets of new ones
if no new edge lies between two times of the unit where there was no old one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.bounds import Bound
from kpi_engine.kernels.frames import StateFrame, merge_frames
from kpi_engine.kernels.state_bytes import KeptFrames, rows_between, rows_of
from kpi_engine.kernels.vectors import Ints, int64_view


@dataclass(frozen=True, slots=True)
class Extent:
    """The first and the last of some times: microseconds of instants, or days of dates (`by_day`)."""

    first: int
    last: int
    by_day: bool

    def with_times(self, other: Extent) -> Extent:
        """The extent of the times of both."""
        return Extent(min(self.first, other.first), max(self.last, other.last), self.by_day)


def extent_of(times: pa.Array) -> Extent | None:
    """The extent of timestamp[us] or date32 values; None if all are null.

    >>> extent_of(pa.array([5, None, 3], pa.date32()))
    Extent(first=3, last=5, by_day=True)
    """
    by_day = bool(pa.types.is_date32(times.type))
    found = pc.min_max(times.view(pa.int32() if by_day else pa.int64()))
    first, last = found["min"].as_py(), found["max"].as_py()
    return None if first is None else Extent(first, last, by_day)


@dataclass(frozen=True)
class Cuts:
    """Old edges of buckets, in which states were made, and the new ones in which they are wanted; both ascend."""

    old: Sequence[Bound]
    new: Sequence[Bound]

    def fit(self, extent: Extent | None) -> bool:
        """Whether no new edge lies between times of an extent where there was no old one.

        >>> day = Extent(0, 9, by_day=True)
        >>> Cuts((Bound(0, 5),), (Bound(0, 5), Bound(0, 10))).fit(day), Cuts((), (Bound(0, 5),)).fit(day)
        (True, False)
        """
        if extent is None:
            return True
        lacking = self._lacking_days if extent.by_day else self._lacking_instants
        return bisect_right(lacking, extent.first) == bisect_right(lacking, extent.last)

    def new_buckets(self, extent: Extent | None, never: int) -> Ints:
        """For each old bucket, and the one of lives that do not end, the new one."""
        if extent is None:
            return np.append(np.zeros(len(self.old) + 1, np.int64), never)
        before, after = self._days if extent.by_day else self._instants
        starts = np.maximum(np.append([extent.first], before), extent.first)
        return np.append(np.searchsorted(after, starts, side="right"), never).astype(np.int64)

    @cached_property
    def _instants(self) -> tuple[Ints, Ints]:
        return _numbers([edge.us for edge in self.old]), _numbers([edge.us for edge in self.new])

    @cached_property
    def _days(self) -> tuple[Ints, Ints]:
        return _numbers([edge.day for edge in self.old]), _numbers([edge.day for edge in self.new])

    @cached_property
    def _lacking_instants(self) -> list[int]:
        return _lacking(*self._instants)

    @cached_property
    def _lacking_days(self) -> list[int]:
        return _lacking(*self._days)


def _lacking(before: Ints, after: Ints) -> list[int]:
    found: list[int] = after[~np.isin(after, before)].tolist()
    return found


def _numbers(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)


def recut(
    kept: KeptFrames,
    cuts: Cuts,
    begins: Sequence[Extent | None],
    ends: Sequence[Extent | None] | None = None,
) -> KeptFrames:
    """The states in buckets of the new edges, which must fit; `begins` are the extents of the units' times, by number.

    With `ends` the last key says in which bucket a life ends, and units have these extents of ends. A unit of which
    buckets became one may have several rows of a cell: see `joined_units`.
    """
    frame = kept.frame
    bucket = _moved(frame.bucket, kept.unit, cuts, begins, 0)
    keys = frame.keys
    if ends is not None:
        # A life that does not end has the bucket after that which follows the last edge.
        keys = (*keys[:-1], pa.array(_moved(int64_view(keys[-1]), kept.unit, cuts, ends, len(cuts.new) + 1)))
    return KeptFrames(replace(frame, keys=keys, bucket=bucket), kept.unit)


def joined_units(
    kept: KeptFrames,
    cuts: Cuts,
    begins: Sequence[Extent | None],
    ends: Sequence[Extent | None] | None = None,
) -> frozenset[int]:
    """The units of which two buckets, or two ends of lives, become one by `recut`."""
    places = [(kept.frame.bucket, begins)]
    if ends is not None:
        places.append((int64_view(kept.frame.keys[-1]), ends))
    found = set()
    for number, start, stop in _runs(kept.unit):
        for bucket, extents in places:
            first, last = int(bucket[start:stop].min()), int(bucket[start:stop].max())
            new = cuts.new_buckets(extents[number], len(cuts.new) + 1)[first : last + 1]
            if bool((np.diff(new) == 0).any()):
                found.add(number)
    return frozenset(found)


def by_unit(kept: KeptFrames, joined: Container[int]) -> Iterator[StateFrame]:
    """The frame of each unit on its own, unique by keys, bucket and item; of `joined` units it was not before."""
    for number, start, stop in _runs(kept.unit):
        mine = rows_between(kept.frame, start, stop)
        yield merge_frames([mine]) if number in joined else mine
    if not len(kept.unit):
        yield kept.frame


def _runs(unit: Ints) -> Iterator[tuple[int, int, int]]:
    """The units of rows, which lie end to end, with their first row and that after their last one."""
    if len(unit):
        edges = [0, *(np.flatnonzero(np.diff(unit)) + 1).tolist(), len(unit)]
        for start, stop in pairwise(edges):
            yield int(unit[start]), start, stop


def windowed(kept: KeptFrames, last: int, *, drops_first: bool) -> KeptFrames:
    """The rows before the last edge (whose bucket is `last`), and with `drops_first` only those after the first."""
    inside = kept.frame.bucket < last
    if drops_first:
        inside &= kept.frame.bucket > 0
    if bool(inside.all()):
        return kept
    rows = np.flatnonzero(inside)
    return KeptFrames(rows_of(kept.frame, rows), kept.unit[rows])


def _moved(bucket: Ints, unit: Ints, cuts: Cuts, extents: Sequence[Extent | None], never: int) -> Ints:
    if not len(bucket):
        return bucket
    there = np.unique(unit)
    tables = np.stack([cuts.new_buckets(extents[number], never) for number in there])
    moved: Ints = tables[np.searchsorted(there, unit), bucket]
    return moved
