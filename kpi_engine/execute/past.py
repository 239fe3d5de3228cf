"""All history before an edge as one bucket, kept: what aggregates over keys look at that say `before`, or `cumulative`.

For the frames that a new day opens, the windows of such an aggregate divide the last weeks and nothing before. So the
states of all years before are kept a second time without their periods, one for each customer instead of one for each
customer and month, and only these are read when a day was added.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from kpi_engine.execute.keeper import Keeper
from kpi_engine.execute.reach import RowsOfQuery
from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.fingerprint import fingerprint
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.ir.stored import NewRecord, StoredRecord
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.kernels.recut import renumbered, united_buckets
from kpi_engine.kernels.state_bytes import frames_to_bytes
from kpi_engine.kernels.zone_rules import FIRST_YEAR

WORTH_KEEPING = 1 << 17
"""Fewer states than these are read as they are."""

_FIRST_DAY: Final = date(FIRST_YEAR, 1, 1).toordinal() - date(1970, 1, 1).toordinal()
"""Windows of all history begin with this day, or with nothing."""

_FORM = 1
_MOST_RECORDS = 2
"""So many edges of one query are known: days and months are divided at others."""

_SMALL = 0.25
"""The share of what is kept that may follow it before it is kept anew."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The buckets that some windows cover together, [`low`, `high`), and the `first` that begins one but the lowest."""

    low: int
    first: int
    high: int

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int]]) -> Reach:
        """The reach of windows given as ranges of buckets.

        >>> Reach.of([(0, 36), (36, 37)])
        Reach(low=0, first=36, high=37)
        """
        low = min((low for low, _ in ranges), default=0)
        edges = {edge for each in ranges for edge in each if edge > low}
        return cls(low, min(edges, default=low), max(edges, default=low))


class Past:
    """What is kept of the history of one frame of a query; `states` are the positions of the states in it."""

    def __init__(self, keeper: Keeper, query: MeasureQuery, rows: RowsOfQuery, states: Sequence[int]) -> None:
        self._keeper, self._query, self._rows = keeper, query, rows
        names = tuple(rows.key.states[state] for state in states)
        self._label = f"past {fingerprint((rows.key.label, rows.key.cells, names))}"
        self._records = tuple(reversed(keeper.store.records(self._label)))

    @classmethod
    def of(cls, keeper: Keeper | None, query: MeasureQuery, states: Sequence[int]) -> Past | None:
        """None if nothing is kept of the states of a query."""
        rows = None if keeper is None else keeper.rows_of(query)
        if keeper is None or rows is None or query.time is None or query.until is not None:
            return None
        return cls(keeper, query, rows, states)

    def read(self, pieces: Pieces, reach: Reach) -> Pieces | None:
        """The states that some windows reach, those of the past in the lowest bucket; None if that is not kept."""
        if not self._has_past(reach):
            return None
        for bucket, record in self._until(reach):
            found = self._keeper.frames(record, "0")
            if found is not None:
                later = () if bucket == reach.high else pieces.exactly(bucket, reach.high).frames
                return Pieces([renumbered(found.whole, [reach.low]), *later])
        return None

    def keep(self, pieces: Pieces, reach: Reach) -> None:
        """Keep what windows will reach next time, if it is worth it."""
        if not self._has_past(reach):
            return
        before = self.read(pieces, Reach(reach.low, reach.first, reach.first))
        if before is not None:
            known, *rest = map(len, before.frames)
            if sum(rest) <= _SMALL * known:
                return
        else:
            before = pieces.exactly(reach.low, reach.first)
            if len(before) < WORTH_KEEPING:
                return
        self._keep(before, reach)

    def _keep(self, before: Pieces, reach: Reach) -> None:
        """Keep some states as those of all history before the first edge of a reach."""
        span = Interval(self._start(reach), self._query.edges[reach.first - 1])
        header = json.dumps([_FORM, span.start, span.end, self._mark(span)])
        gone = [record.name for record in self._records if not self._is_valid(record)]
        left = [record.name for record in self._records if record.name not in gone]
        blob = frames_to_bytes([united_buckets(before.whole)])
        self._keeper.keep(NewRecord(self._label, header, {"0": blob}), [*gone, *left[_MOST_RECORDS - 1 :]])

    def _start(self, reach: Reach) -> Bound | None:
        return self._query.edges[reach.low - 1] if reach.low else None

    def _has_past(self, reach: Reach) -> bool:
        """Whether several buckets at the beginning of all history are looked at as one."""
        start = self._start(reach)
        return reach.first - reach.low > 1 and (start is None or start.day <= _FIRST_DAY)

    def _until(self, reach: Reach) -> Iterator[tuple[int, StoredRecord]]:
        """The records of a reach of which the rows are what they were, with the bucket that follows each: the longest
        come first."""
        place = {edge: number + 1 for number, edge in enumerate(self._query.edges[: reach.first])}
        found = []
        for record in self._records:
            span = _span(record)
            if span is not None and span.start == self._start(reach) and span.end in place and self._is_valid(record):
                found.append((place[span.end], record))
        yield from sorted(found, key=lambda each: each[0], reverse=True)

    def _is_valid(self, record: StoredRecord) -> bool:
        span = _span(record)
        return span is not None and json.loads(record.header)[3] == self._mark(span)

    def _mark(self, span: Interval) -> str:
        return self._rows.within(span, whole_past=False)


def _span(record: StoredRecord) -> Interval | None:
    """The history of a record; None for what is no such record."""
    try:
        form, start, end, _ = json.loads(record.header)
        return Interval(None if start is None else Bound(*start), Bound(*end)) if form == _FORM else None
    except (ValueError, TypeError):
        return None
