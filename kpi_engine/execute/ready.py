"""Leaves and nested aggregates ready to be finished: states in groups, windows, and how a value is made."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.plan import Leaf, MeasureQuery, Plan, StateRequest
from kpi_engine.ir.types import Kind, Type
from kpi_engine.kernels.cells import Cells, all_cells, is_group
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.finish import Finish, GroupedStates, NumberKind
from kpi_engine.kernels.frames import StateFrame, key_as_item, merge_frames
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.kernels.vectors import Ints
from kpi_engine.kernels.windows import BucketWindows

if TYPE_CHECKING:
    from kpi_engine.execute.keeper import Keeper
    from kpi_engine.kernels.lifetimes import LifetimeStates

    States = GroupedStates | LifetimeStates


@dataclass(frozen=True, slots=True)
class Ready:
    """Something that gives a value for each cell: a group of its `keys`, numbered as in `grouped`, and a period."""

    name: str
    keys: tuple[str, ...]
    grouped: States
    state: int
    how: Finish
    windows: BucketWindows
    shows_groups: bool
    text: str
    without_rows: GroupedStates | None = None
    """States of a group without a single row, where these differ from no states: the empty buckets of a grain."""
    makes_cells: bool = True
    may_estimate: bool = False
    """Whether `approx` would make a percentile over many windows cheaper."""

    def values(self, cells: Cells) -> pa.Array:
        """One value a cell; KpiError E821 for a percentile over windows that overlap too much."""
        try:
            found = self.grouped.finish(self.state, self.how, self.windows, cells)
            if self.without_rows is None:
                return found
            from kpi_engine.kernels.logic import if_else

            default = self.without_rows.finish(self.state, self.how, self.windows, all_cells(1, cells.periods))
            return if_else(is_group(cells, self.grouped.size), default.take(pa.array(cells.period)), found)
        except TooMuchWork as error:
            raise KpiError(_too_much_work(self.text, error, self.may_estimate)) from error

    def rows(self, cells: Cells) -> Ints:
        """Rows inside the window of each cell."""
        return self.grouped.rows(self.state, self.windows, cells)

    def covered(self) -> tuple[Ints, Ints]:
        """Groups and periods of the cells that have a row."""
        return self.grouped.covered(self.state, self.windows)

    def presence(self, owners: Ints, size: int) -> Ints:
        """For each owner of groups, in [0, size), and period a positive number if any of the groups has a row.

        `owners` says whose each group is, -1 for nobody's.
        """
        return self.grouped.presence(self.state, self.windows, owners, size)


class StateBook:
    """The merged frames of all measure queries, grouped once each when they are first wanted."""

    def __init__(self, plan: Plan, frames: Mapping[int, Sequence[Pieces]], keeper: Keeper | None = None) -> None:
        self._plan, self.keeper = plan, keeper
        self._frames = frames
        self._grouped: dict[tuple[object, ...], States] = {}
        self._narrowed: dict[tuple[int, int, int, int], Pieces] = {}

    @property
    def plan(self) -> Plan:
        """What is evaluated."""
        return self._plan

    @property
    def queries(self) -> Sequence[MeasureQuery]:
        """The measure queries."""
        return self._plan.queries

    def place(self, leaf: Leaf) -> tuple[int, int]:
        """The query of a leaf, and which of its frames has the leaf's state."""
        return leaf.query, frame_of(self._plan.queries[leaf.query].states, leaf.state)

    def frame_at(self, place: tuple[int, int]) -> Pieces:
        """The states of the frame at a place."""
        query, number = place
        return self._frames[query][number]

    def read_by(self, place: tuple[int, int], leaves: Sequence[Leaf]) -> Pieces:
        """The states of the frame at a place, or those that the windows of some leaves span."""
        query = self._plan.queries[place[0]]
        if query.until is not None:
            return self.frame_at(place)
        return self._within(*place, ranges_of(leaves, query))

    def frames_with(self, replaced: Mapping[tuple[int, int], Pieces]) -> dict[int, Sequence[Pieces]]:
        """All frames, of which some are replaced by others."""
        return {
            query: [replaced.get((query, number), frame) for number, frame in enumerate(frames)]
            for query, frames in self._frames.items()
        }

    def ready(self, leaf: Leaf, windows: Sequence[Interval | None] | None = None, *, narrowed: bool = False) -> Ready:
        """A leaf with its states, or with `narrowed` those that it reads; `windows` replace its own."""
        query = self._plan.queries[leaf.query]
        frame, position = _place(query.states, leaf.state)
        ranges = bucket_ranges(query.edges, leaf.windows if windows is None else windows)
        states = self._frames[leaf.query][frame]
        if narrowed and query.until is None:
            states = self._within(leaf.query, frame, [each for each in ranges if each is not None])
        read = BucketWindows.of(ranges)
        if leaf.item_key:
            # Where no window unites buckets, how many items each has is all that is looked at.
            is_counted = query.until is None and read.are_single_buckets
            key: tuple[object, ...] = (leaf.query, frame, id(states), leaf.item_key, leaf.keys, position, is_counted)
            if key not in self._grouped:
                self._grouped[key] = _made(query)(self._as_set(leaf, states, position, is_counted))
            return self.made(leaf, self._grouped[key], 0, read)
        key = (leaf.query, frame, id(states))
        if key not in self._grouped:
            self._grouped[key] = _made(query)(states.whole)
        return self.made(leaf, self._grouped[key], position, read)

    def _within(self, query: int, frame: int, ranges: Sequence[tuple[int, int]]) -> Pieces:
        """The states of a frame from the first to the last bucket of some ranges, if the others are many."""
        low, high = min((low for low, _ in ranges), default=0), max((high for _, high in ranges), default=0)
        found = self._narrowed.get((query, frame, low, high))
        if found is None:
            found = self._narrowed[query, frame, low, high] = self._frames[query][frame].between(low, high)
        return found

    def _as_set(self, leaf: Leaf, states: Pieces, state: int, is_counted: bool) -> StateFrame:
        """States by keys, of which one is the item of a set; its cells alone if it `is_counted`."""
        names = [key.name for key in self._plan.queries[leaf.query].keys]
        kept, item = [names.index(name) for name in leaf.keys], names.index(leaf.item_key)
        if not is_counted:
            return key_as_item(states.whole, kept, item, state)
        from kpi_engine.kernels.counted import counted_key

        return merge_frames([counted_key(frame, kept, item, state) for frame in states.frames])

    def made(self, leaf: Leaf, states: States, state: int, windows: BucketWindows) -> Ready:
        """A leaf over some states, read by windows in their buckets."""
        return Ready(
            leaf.name,
            leaf.keys,
            states,
            state,
            Finish(leaf.finish, number_kind(leaf.type), leaf.parameter, leaf.outside_is_zero),
            windows,
            leaf.shows_groups,
            leaf.text,
            makes_cells=leaf.makes_cells,
            may_estimate=leaf.finish == "percentile" and isinstance(states, GroupedStates),
        )

    def frame(self, leaf: Leaf) -> tuple[StateFrame, int]:
        """The merged frame that a leaf reads, and where its state stands in it."""
        frame, position = _place(self._plan.queries[leaf.query].states, leaf.state)
        return self._frames[leaf.query][frame].whole, position

    def edges(self, leaf: Leaf) -> Sequence[Bound]:
        """The edges between the buckets of a leaf's frame."""
        return self._plan.queries[leaf.query].edges

    def occupied(self, leaf: Leaf) -> list[Bound]:
        """The starts, ascending, of all buckets in which any group of a leaf has rows."""
        edges = self._plan.queries[leaf.query].edges
        ready = self.ready(leaf)
        assert isinstance(ready.grouped, GroupedStates)
        return [edges[bucket - 1] for bucket in ready.grouped.occupied(ready.state) if bucket > 0]


def _made(query: MeasureQuery) -> type[States]:
    """What groups the states of a query."""
    if query.until is None:
        return GroupedStates
    from kpi_engine.kernels.lifetimes import LifetimeStates

    return LifetimeStates


def _place(states: Sequence[StateRequest], wanted: int) -> tuple[int, int]:
    """Which frame of a query holds a state, and where in it: sets have frames of their own, after the plain one."""
    sets = [number for number, state in enumerate(states) if state.is_set]
    if wanted in sets:
        return 1 + sets.index(wanted), 0
    return 0, [number for number, state in enumerate(states) if not state.is_set].index(wanted)


def frame_of(states: Sequence[StateRequest], wanted: int) -> int:
    """Which frame of a query holds a state: the plain one is the first."""
    return _place(states, wanted)[0]


def bucket_ranges(edges: Sequence[Bound], windows: Sequence[Interval | None]) -> list[tuple[int, int] | None]:
    """Windows as half-open ranges of buckets: bucket i lies between edges i-1 and i."""
    return [
        None
        if window is None
        else (0 if window.start is None else bisect_left(edges, window.start) + 1, bisect_left(edges, window.end) + 1)
        for window in windows
    ]


def ranges_of(leaves: Sequence[Leaf], query: MeasureQuery) -> list[tuple[int, int]]:
    """The ranges of buckets that windows of some leaves of a query cover."""
    return [each for leaf in leaves for each in bucket_ranges(query.edges, leaf.windows) if each is not None]


def number_kind(type: Type) -> NumberKind:
    """What a sum of this type is."""
    if type.kind is Kind.INTEGER:
        return "integer"
    return "float" if type.kind is Kind.FLOAT else "decimal"


def _too_much_work(text: str, error: TooMuchWork, may_estimate: bool) -> Diagnostic:
    help = "ask for a coarser --grain, a shorter window or a shorter span"
    if may_estimate and "(approx " not in text:
        help = f"permit an estimate: `{text.replace('(', '(approx ', 1)}`; or {help}"
    return Diagnostic(
        "E821",
        f"`{text}` over overlapping windows would look at {error.amount} values",
        help=help,
        exit_code=ExitCode.LIMIT,
    )
