"""From states to the answer: finish leaves, bring them together, compute the metrics, order the rows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kpi_engine.execute.evaluate import Evaluator, Operand, arrow_type
from kpi_engine.extend.functions import EvaluationContext, FunctionRegistry
from kpi_engine.ir.bounds import Bound, Interval, Period
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Apply, Field
from kpi_engine.ir.plan import Leaf, Plan
from kpi_engine.ir.types import Kind, Type
from kpi_engine.kernels import division
from kpi_engine.kernels.align import Alignment, GroupKeys, align, any_rows, shown_groups, spread
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.cells import all_cells
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.finish import Finish, GroupedStates, NumberKind
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.vectors import Ints
from kpi_engine.kernels.windows import BucketWindows

MAX_ROWS = 1_000_000
"""The most rows (periods x groups) that an answer may have."""


@dataclass(frozen=True, slots=True)
class FinishedLeaf:
    """A leaf's values and rows, laid out for its own groups, and the groups."""

    groups: GroupKeys
    values: pa.Array
    rows: Ints


@dataclass(frozen=True, slots=True)
class Aligned:
    """Leaves on the answer's groups: one array a leaf, laid out group by group."""

    alignment: Alignment
    values: Mapping[str, pa.Array]
    has_rows: pa.Array


class Results(Evaluator):
    """Aligned leaves as fields; counts divisions by zero as it computes."""

    def __init__(self, values: Mapping[str, pa.Array], length: int, functions: FunctionRegistry, calendar: Calendar):
        super().__init__(length, functions, EvaluationContext(calendar, length))
        self._values = values
        self.zero_divisions = 0

    def field(self, field: Field) -> pa.Array:
        """A leaf's values."""
        return self._values[field.column]

    def divide(self, node: Apply, above: Operand, below: Operand) -> Operand:
        """`/`, counting the results that are null because a denominator was zero."""
        result, zeros = division.divide_counting(above, below)
        self.zero_divisions += zeros
        return result


def finish_leaves(plan: Plan, states: Mapping[int, Sequence[StateFrame]]) -> list[FinishedLeaf]:
    """Every leaf's values from the merged states of its query."""
    grouped: dict[tuple[int, int], GroupedStates] = {}
    finished = []
    for leaf in plan.leaves:
        frame, position = _frame_of(plan, leaf)
        key = (leaf.query, frame)
        if key not in grouped:
            grouped[key] = GroupedStates(states[leaf.query][frame])
        finished.append(_finish(plan, leaf, grouped[key], position))
    return finished


def _frame_of(plan: Plan, leaf: Leaf) -> tuple[int, int]:
    """Which frame of the query holds the leaf's state, and at which place: sets have frames of their own."""
    states = plan.queries[leaf.query].states
    sets = [number for number, state in enumerate(states) if state.is_set]
    if leaf.state in sets:
        return 1 + sets.index(leaf.state), 0
    return 0, [number for number, state in enumerate(states) if not state.is_set].index(leaf.state)


def _finish(plan: Plan, leaf: Leaf, grouped: GroupedStates, position: int) -> FinishedLeaf:
    windows = BucketWindows.of(bucket_ranges(plan.queries[leaf.query].edges, leaf.windows))
    if (grouped.size + 1) * max(len(plan.periods), 1) > 2 * MAX_ROWS:
        raise KpiError(_too_many_rows(grouped.size, len(plan.periods)))
    cells = all_cells(grouped.size + 1, len(windows))
    how = Finish(leaf.finish, _number_kind(leaf.type), leaf.parameter, leaf.outside_is_zero)
    try:
        values = grouped.finish(position, how, windows, cells)
    except TooMuchWork as error:
        raise KpiError(_too_much_work(leaf, error)) from error
    rows = grouped.rows(position, windows, cells)
    shown = shown_groups(rows, len(plan.periods))
    if not leaf.shows_groups:
        shown = shown & False
    return FinishedLeaf(GroupKeys(leaf.keys, grouped.keys, grouped.size, shown), values, rows)


def bucket_ranges(
    edges: Sequence[Bound], windows: Sequence[Interval | None]
) -> list[tuple[int, int] | None]:
    """Windows as half-open ranges of buckets: bucket i lies between edges i-1 and i."""
    return [
        None
        if window is None
        else (0 if window.start is None else bisect_left(edges, window.start) + 1, bisect_left(edges, window.end) + 1)
        for window in windows
    ]


def _number_kind(type: Type) -> NumberKind:
    if type.kind is Kind.INTEGER:
        return "integer"
    return "float" if type.kind is Kind.FLOAT else "decimal"


def align_leaves(plan: Plan, leaves: Sequence[FinishedLeaf]) -> Aligned:
    """Leaves on the common groups of the answer."""
    names = [name for name, _ in plan.dimensions]
    types = [arrow_type(type) for _, type in plan.dimensions]
    alignment = align(names, types, [leaf.groups for leaf in leaves])
    periods = len(plan.periods)
    if alignment.size * periods > MAX_ROWS:
        raise KpiError(_too_many_rows(alignment.size, periods))
    values = {
        leaf.name: spread(finished.values, place, periods)
        for leaf, finished, place in zip(plan.leaves, leaves, alignment.places, strict=True)
    }
    counts = [leaf.rows for leaf in leaves]
    return Aligned(alignment, values, pa.array(any_rows(counts, alignment.places, periods, alignment.size)))


def _too_many_rows(groups: int, periods: int) -> Diagnostic:
    return Diagnostic(
        "E803",
        f"the answer would have {periods} periods x {groups} groups, more than {MAX_ROWS} rows",
        help="ask for fewer dimensions, a coarser --grain or a shorter span; --skip-empty leaves out empty rows",
        exit_code=ExitCode.LIMIT,
    )


def _too_much_work(leaf: Leaf, error: TooMuchWork) -> Diagnostic:
    return Diagnostic(
        "E804",
        f"`{leaf.text}` over overlapping windows would look at {error.amount} values",
        help="ask for a coarser --grain, a shorter window or a shorter span",
        exit_code=ExitCode.LIMIT,
    )


def period_values(periods: Sequence[Period], grain: str, zone: str) -> pa.Array:
    """The `period` column's values: dates, or instants in the calendar's zone for hours."""
    if grain == "hour":
        return pa.array([period.start.us for period in periods], pa.int64()).cast(pa.timestamp("us", zone))
    return pa.array([period.date for period in periods], pa.date32())
