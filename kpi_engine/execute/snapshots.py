"""Windows of snapshot sources: which snapshots of a window count is known only when the data is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from kpi_engine.ir.bounds import Bound, Interval, Period
from kpi_engine.ir.plan import SnapshotPick
from kpi_engine.kernels.calendar import Calendar


def picked_windows(
    pick: SnapshotPick, windows: Sequence[Interval | None], occupied: Sequence[Bound], calendar: Calendar
) -> list[Interval | None]:
    """Each window narrowed to the snapshot that counts; None where the window holds no snapshot.

    `occupied` are instants at which there are rows of any kind: snapshots are found before filters, so that a group
    that is missing from the last snapshot is missing, and not as old as its own last row.
    """
    starts = {calendar.period_at(pick.grain, bound).start: None for bound in occupied}
    snapshots = [calendar.period_at(pick.grain, bound) for bound in starts]
    return [None if window is None else _narrowed(pick, window, snapshots) for window in windows]


def _narrowed(pick: SnapshotPick, window: Interval, snapshots: Sequence[Period]) -> Interval | None:
    low = 0 if window.start is None else bisect_left(snapshots, window.start, key=lambda each: each.start)
    high = bisect_left(snapshots, window.end, key=lambda each: each.start)
    if low >= high:
        return None
    if pick.point == "any":
        return window
    chosen = snapshots[low if pick.point == "first" else high - 1]
    return Interval(chosen.start, min(chosen.end, window.end))
