"""Windows of snapshot sources: which snapshots of a window count is known only when the data is.

Snapshots are found before filters, so that a group that is missing from the last snapshot is missing, and not as old
as its own last row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from kpi_engine.execute.ready import Ready, StateBook, bucket_ranges
from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.plan import Leaf, SnapshotPick
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.finish import GroupedStates
from kpi_engine.kernels.windows import BucketWindows


def ready_snapshots(leaf: Leaf, presence: Leaf, book: StateBook, calendar: Calendar) -> Ready:
    """A leaf that reads the snapshots of each window that count; `presence` knows which there are."""
    assert leaf.pick is not None
    if leaf.own and leaf.pick.point != "any":
        return _ready_own(leaf, leaf.pick, presence, book, calendar)
    return book.ready(leaf, picked_windows(leaf.pick, leaf.windows, book.occupied(presence), calendar))


def picked_windows(
    pick: SnapshotPick, windows: Sequence[Interval | None], occupied: Sequence[Bound], calendar: Calendar
) -> list[Interval | None]:
    """Each window narrowed to the snapshot that counts; None where the window holds no row of a snapshot.

    `occupied` are the starts, ascending, of the stretches of time with rows of any kind; a window holds each stretch
    as a whole or not at all. A snapshot that a window holds in part counts with that part.
    """
    return [None if window is None else _narrowed(pick, window, occupied, calendar) for window in windows]


def _narrowed(pick: SnapshotPick, window: Interval, occupied: Sequence[Bound], calendar: Calendar) -> Interval | None:
    low = 0 if window.start is None else bisect_left(occupied, window.start)
    high = bisect_left(occupied, window.end)
    if low >= high:
        return None
    if pick.point == "any":
        return window
    chosen = calendar.period_at(pick.grain, occupied[low if pick.point == "first" else high - 1])
    start = chosen.start if window.start is None else max(chosen.start, window.start)
    return Interval(start, min(chosen.end, window.end))


def _ready_own(leaf: Leaf, pick: SnapshotPick, presence: Leaf, book: StateBook, calendar: Calendar) -> Ready:
    """A leaf in which each value of its own keys has its own snapshots: its states by period instead of by bucket."""
    from kpi_engine.kernels.picking import buckets, states_of_periods

    assert pick.point != "any"
    frame, state = book.frame(leaf)
    taken, count = book.frame(presence)
    edges, other = book.edges(leaf), book.edges(presence)
    begins = dict.fromkeys(calendar.period_at(pick.grain, bound).start for bound in book.occupied(presence))
    states, windows = states_of_periods(
        frame,
        state,
        taken,
        count,
        buckets([-1, *(bisect_right(edges, bound) for bound in other)]),
        buckets([bisect_right(edges, bound) for bound in begins]),
        BucketWindows.of(bucket_ranges(edges, leaf.windows)),
        pick.point,
    )
    return book.made(leaf, GroupedStates(states), 0, windows)
