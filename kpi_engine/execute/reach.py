"""Which rows the states of a query were made of, and when these are: so that it can be said of a window whether the
same rows lie in it as before."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from kpi_engine.execute.keep import MadeUnit
from kpi_engine.execute.keeper import QueryKey
from kpi_engine.execute.reuse import Reuse
from kpi_engine.ir.bounds import Interval
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.digest import sha256_of
from kpi_engine.kernels.recut import Extent


@dataclass(frozen=True, slots=True)
class RowsOfQuery:
    """All rows that the states of a query are made of: by unit a text that changes when its rows do, in the order of
    `firsts`, the first of their times (of all units before and at a place `lasts` has the last time).

    Times are instants or days (`by_day`). Units without a time are left out, unless the query has none at all: then all
    rows lie in every window, and are `timeless`.
    """

    key: QueryKey
    names: tuple[str, ...]
    firsts: tuple[int, ...]
    lasts: tuple[int, ...]
    by_day: bool
    timeless: bool

    @classmethod
    def of(cls, key: QueryKey, units: Iterable[tuple[str, Extent | None]], *, timeless: bool) -> RowsOfQuery | None:
        """The rows of some units with their extents; None if times are of both kinds."""
        if timeless:
            return cls(key, tuple(sorted(name for name, _ in units)), (), (), False, True)
        timed = sorted((each.first, each.last, name, each.by_day) for name, each in units if each is not None)
        if len({by_day for *_, by_day in timed}) > 1:
            return None
        return cls(
            key,
            tuple(name for _, _, name, _ in timed),
            tuple(first for first, *_ in timed),
            tuple(accumulate((last for _, last, *_ in timed), max)),
            bool(timed) and timed[0][3],
            False,
        )

    def within(self, window: Interval | None, *, whole_past: bool) -> str:
        """A text that is the same as before if no row has come, gone or changed inside a window; a `whole_past` belongs
        to it where what began before may not have ended.

        >>> from kpi_engine.ir.bounds import Bound
        >>> key = QueryKey("orders", "", (), False)
        >>> rows = RowsOfQuery.of(key, [("may", Extent(0, 9, True)), ("june", Extent(10, 19, True))], timeless=False)
        >>> june = Interval(Bound(0, 10), Bound(0, 20))
        >>> more = RowsOfQuery.of(key, [("MAY", Extent(0, 9, True)), ("june", Extent(10, 19, True))], timeless=False)
        >>> rows.within(june, whole_past=False) == more.within(june, whole_past=False)
        True
        >>> rows.within(june, whole_past=True) == more.within(june, whole_past=True)
        False
        """
        if window is None:
            return ""
        names: Sequence[str] = self.names
        if not self.timeless:
            end = window.end.day if self.by_day else window.end.us
            begin = 0
            if window.start is not None and not whole_past:
                begin = bisect_left(self.lasts, window.start.day if self.by_day else window.start.us)
            names = names[begin : bisect_left(self.firsts, end)]
        return sha256_of("\n".join(names).encode()).hexdigest()[:24]


def rows_of_queries(reuse: Reuse, made: Sequence[MadeUnit]) -> dict[int, RowsOfQuery]:
    """By position the rows of those queries of a scan whose rows are all known: from what was kept, and from units
    that were just made."""
    there = {name for name in reuse.marks if name is not None}
    if len(there) < len(reuse.marks):
        return {}
    found = {}
    for wanted in reuse.wanted:
        position = wanted.position
        spans = [(each.fragments, each.places[position][0].span) for each in reuse.chosen if position in each.places]
        spans += [(each.unit.fragments, each.states[position].span) for each in made if position in each.states]
        if {name for fragments, _ in spans for name in fragments} != there:
            continue
        units = [("\n".join(fragments), span.begins) for fragments, span in spans]
        rows = RowsOfQuery.of(wanted.key, units, timeless=wanted.query.time is None)
        if rows is not None:
            found[position] = rows
    return found
