"""States cut at some edges, read as states cut at others: what makes kept states fit another question.

A unit of rows lies between the first and the last of its times. Buckets of old edges go whole into buckets of new ones
if no new edge lies between two times of the unit where there was no old one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.frames import StateFrame, merge_frames, rows_of
from kpi_engine.kernels.state_bytes import Frames
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


class Edges:
    """Edges between buckets, ascending, as numbers of both kinds of time."""

    def __init__(self, bounds: Sequence[Bound]) -> None:
        self.bounds = tuple(bounds)
        self._instants = [edge.us for edge in self.bounds]
        self._days = [edge.day for edge in self.bounds]

    def numbers(self, by_day: bool) -> list[int]:
        """The edges as days of dates, or as microseconds of instants."""
        return self._days if by_day else self._instants

    def inside(self, extent: Extent | None) -> range:
        """The positions of the edges that part the times of an extent."""
        if extent is None:
            return range(0)
        numbers = self.numbers(extent.by_day)
        return range(bisect_right(numbers, extent.first), bisect_right(numbers, extent.last))


@dataclass(frozen=True, slots=True)
class Span:
    """When the rows of a unit are: the edges of its buckets, the extent of its times, and that of the ends of lives.

    Bucket 0 lies before the first edge. A life that does not end has a bucket of its own, past that after the last one.
    """

    edges: tuple[Bound, ...]
    begins: Extent | None
    ends: Extent | None = None

    @classmethod
    def within(cls, edges: Edges, begins: Extent | None, ends: Extent | None = None) -> Span:
        """The span of a unit with those edges alone that part its times.

        >>> Span.within(Edges([Bound(0, 5), Bound(0, 20)]), Extent(0, 9, by_day=True)).edges
        (Bound(us=0, day=5),)
        """
        kept = {*edges.inside(begins), *edges.inside(ends)}
        return cls(tuple(edges.bounds[place] for place in sorted(kept)), begins, ends)

    def fits(self, edges: Edges) -> bool:
        """Whether no other edge parts times of the unit than those that it has.

        >>> span = Span((Bound(0, 5),), Extent(0, 9, by_day=True))
        >>> span.fits(Edges([Bound(0, 5), Bound(0, 10)])), span.fits(Edges([Bound(0, 6)]))
        (True, False)
        """
        own = Edges(self.edges)
        for extent in (self.begins, self.ends):
            if extent is not None:
                numbers, known = edges.numbers(extent.by_day), own.numbers(extent.by_day)
                if not {numbers[place] for place in edges.inside(extent)}.issubset(known):
                    return False
        return True

    def fits_exactly(self, edges: Edges) -> bool:
        """Whether the edges that part times of the unit are those that it has."""
        inside = {*edges.inside(self.begins), *edges.inside(self.ends)}
        return self.fits(edges) and len(inside) == len(self.edges)

    def buckets(self, edges: Edges, extent: Extent | None) -> Ints:
        """For each bucket of the unit, and that of lives without an end, the bucket between these edges."""
        never = len(edges.bounds) + 1
        if extent is None:
            return np.array([0] * (len(self.edges) + 1) + [never], np.int64)
        before = Edges(self.edges).numbers(extent.by_day)
        after = edges.numbers(extent.by_day)
        starts = (extent.first, *(max(edge, extent.first) for edge in before))
        return np.array([*(bisect_right(after, start) for start in starts), never], np.int64)


def recut(frame: StateFrame, span: Span, edges: Edges, *, has_ends: bool) -> StateFrame:
    """The states of a unit in buckets between other edges, which must fit. With `has_ends` the last key says in which
    bucket a life ends."""
    table = span.buckets(edges, span.begins)
    bucket = table[frame.bucket]
    joins = _joins(table, frame.bucket)
    keys = frame.keys
    if has_ends:
        ends, table = int64_view(keys[-1]), span.buckets(edges, span.ends)
        keys = (*keys[:-1], pa.array(table[ends]))
        joins = joins or _joins(table, ends)
    moved = replace(frame, keys=keys, bucket=bucket)
    return merge_frames([moved]) if joins else moved


def apart(spans: Sequence[Span], edges: Edges) -> list[int]:
    """Of units without ends of lives those of which each bucket goes to one between the edges that no other one has:
    their states need not be united.

    >>> edges = Edges([Bound(0, 5), Bound(0, 10)])
    >>> one, other = Span((Bound(0, 5),), Extent(0, 9, True)), Span((), Extent(12, 13, True))
    >>> apart([one, other], edges), apart([one, other, Span((), Extent(2, 3, True))], edges)
    ([0, 1], [1])
    """
    places = [span.buckets(edges, span.begins)[:-1].tolist() for span in spans]
    taken = Counter(chain.from_iterable(places))
    return [number for number, own in enumerate(places) if all(taken[place] == 1 for place in own)]


def recut_together(frames: Frames, spans: Mapping[int, Span], edges: Edges) -> StateFrame:
    """The states of some units, by their numbers among the frames, that are `apart`, in buckets between other edges."""
    bucket = np.full(len(frames.whole), -1, np.int64)
    for number, span in spans.items():
        own = slice(frames.starts[number], frames.starts[number + 1])
        bucket[own] = span.buckets(edges, span.begins)[frames.whole.bucket[own]]
    if len(spans) == len(frames):
        return replace(frames.whole, bucket=bucket)
    rows = np.flatnonzero(bucket >= 0)
    return replace(rows_of(frames.whole, rows), bucket=bucket[rows])


def _joins(table: Ints, buckets: Ints) -> bool:
    """Whether buckets of a frame may become one."""
    if not len(buckets):
        return False
    used = table[int(buckets.min()) : int(buckets.max()) + 1]
    return bool((np.diff(used) == 0).any())


def windowed(frame: StateFrame, last: int, *, drops_first: bool) -> StateFrame:
    """The rows before the last edge (whose bucket is `last`), and with `drops_first` only those after the first."""
    kept = frame.bucket < last
    if drops_first:
        kept &= frame.bucket > 0
    return frame if bool(kept.all()) else rows_of(frame, np.flatnonzero(kept))


def renumbered(frame: StateFrame, places: Sequence[int]) -> StateFrame:
    """The states with other numbers for their buckets: `places` has one for each bucket, -1 for those left out.

    >>> from kpi_engine.kernels.frames import StateInput, partial_frames
    >>> (frame,) = partial_frames([], np.array([0, 1, 2]), [StateInput("count", None, None)])
    >>> renumbered(frame, [5, -1, 3]).bucket.tolist()
    [5, 3]
    """
    bucket = np.array(places, np.int64)[frame.bucket]
    kept = bucket >= 0
    if bool(kept.all()):
        return replace(frame, bucket=bucket)
    rows = np.flatnonzero(kept)
    return replace(rows_of(frame, rows), bucket=bucket[rows])


def united_buckets(frame: StateFrame) -> StateFrame:
    """All states of a frame in bucket 0."""
    return merge_frames([replace(frame, bucket=np.zeros_like(frame.bucket))])


def reaches_to(frame: StateFrame) -> int:
    """The greatest bucket of a frame, -1 without states."""
    return int(frame.bucket.max(initial=-1))


def between_buckets(frame: StateFrame, low: int, high: int, most: float | None = None) -> StateFrame:
    """The states in the buckets of [low, high), if these are so few that to choose them pays (or at `most` this share);
    else the frame."""
    kept = frame.bucket >= low
    kept &= frame.bucket < high
    chosen = int(np.count_nonzero(kept))
    if chosen == len(frame) or chosen > (MOST_CHOSEN if most is None else most) * len(frame):
        return frame
    return rows_of(frame, np.flatnonzero(kept))


MOST_CHOSEN = 0.5
"""The share of states from which on all are taken instead of some."""
