"""Windows as ranges of buckets, and which periods a bucket counts for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.vectors import Ints, Mask

_FEW = 2
"""Ranges so few that to look at all states once for each costs less than to put them in order."""


@dataclass(frozen=True, slots=True)
class FewRanges:
    """The different ranges of some windows, and for each period which of them its window is; the last one is empty, and
    is that of periods whose window is closed."""

    bounds: tuple[tuple[int, int], ...]
    of_period: Ints


@dataclass(frozen=True)
class BucketWindows:
    """For each period the half-open range [low, high) of buckets that its window covers; `is_open` False: none."""

    low: Ints
    high: Ints
    is_open: Mask

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int] | None]) -> BucketWindows:
        """Windows from a list of ranges, None where there is none.

        >>> len(BucketWindows.of([(0, 2), None]))
        2
        """
        low = np.array([0 if each is None else each[0] for each in ranges], np.int64)
        high = np.array([0 if each is None else each[1] for each in ranges], np.int64)
        return cls(low, high, np.array([each is not None for each in ranges], np.bool_))

    def __len__(self) -> int:
        return len(self.low)

    @cached_property
    def few_ranges(self) -> FewRanges | None:
        """The different ranges; None if they are many.

        >>> found = BucketWindows.of([(1, 2), None, (0, 4), (1, 2)]).few_ranges
        >>> found.bounds, found.of_period.tolist()
        (((0, 4), (1, 2), (0, 0)), [1, 2, 0, 1])
        """
        both = list(zip(self.low.tolist(), self.high.tolist(), self.is_open.tolist(), strict=True))
        bounds = sorted({(low, high) for low, high, is_open in both if is_open})
        if len(bounds) > _FEW:
            return None
        number = {each: place for place, each in enumerate(bounds)}
        places = [number[low, high] if is_open else len(bounds) for low, high, is_open in both]
        return FewRanges((*bounds, (0, 0)), np.array(places, np.int64))

    @property
    def are_single_buckets(self) -> bool:
        """Whether every window is one bucket."""
        return bool(np.all(self.high[self.is_open] - self.low[self.is_open] == 1))

    def period_of_buckets(self, width: int) -> Ints | None:
        """For each bucket below `width` the one period whose window is that bucket, -1 for none; None if windows are
        longer, or several are one bucket.

        >>> BucketWindows.of([(1, 2), None, (2, 3)]).period_of_buckets(4).tolist()
        [-1, 0, 2, -1]
        """
        low = self.low[self.is_open]
        if not self.are_single_buckets or len(np.unique(low)) < len(low):
            return None
        inside = np.flatnonzero(self.is_open & (self.low < width))
        found = np.full(width, -1, np.int64)
        found[self.low[inside]] = inside
        return found

    def periods_of(self, bucket: Ints) -> tuple[Ints, Ints, Ints]:
        """For states in these buckets the range [first, last) of periods whose windows hold them.

        Periods are numbered in the order of the third array, which sorts windows by their ends: a later window never
        begins earlier, so that the periods of a bucket are neighbours.
        """
        order = np.flatnonzero(self.is_open)
        order = order[np.lexsort((self.low[order], self.high[order]))]
        low, high = self.low[order], self.high[order]
        if np.any(low[1:] < low[:-1]):
            raise AssertionError("windows of one leaf must not enclose each other")
        return _place(high, bucket), _place(low, bucket), order

    def instants_of(self, bucket: Ints, until: Ints) -> tuple[Ints, Ints, Ints]:
        """For lives that begin in `bucket` and end in `until` the range of periods at whose end they are alive.

        A window's end is the instant that counts; periods are numbered as in `periods_of`.
        """
        order = np.flatnonzero(self.is_open)
        order = order[np.argsort(self.high[order], kind="stable")]
        high = self.high[order]
        return np.searchsorted(high, bucket, "right"), np.searchsorted(high, until, "right"), order


def _place(bounds: Ints, bucket: Ints) -> Ints:
    """How many bounds are at most each bucket; buckets are few, so each is searched for once."""
    most = int(bucket.max(initial=0)) + 1
    if most > len(bucket):
        return np.searchsorted(bounds, bucket, "right")
    found: Ints = np.searchsorted(bounds, np.arange(most), "right")[bucket]
    return found
