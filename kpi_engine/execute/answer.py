"""From states to the answer: finish leaves, bring them together, compute the metrics, lay out the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from kpi_engine.execute.ready import Ready, StateBook
from kpi_engine.execute.rows import World
from kpi_engine.ir.bounds import Period
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.plan import Plan
from kpi_engine.kernels.align import Alignment, GroupKeys, align, any_rows, shown_groups, spread
from kpi_engine.kernels.cells import all_cells, missing_cells
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.kernels.vectors import Ints, Mask, from_booleans

MAX_ROWS = 1_000_000
"""The most rows (periods x groups) that an answer may have."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Leaves on the answer's groups, laid out group by group: one array a leaf, and which rows have data."""

    alignment: Alignment
    values: Mapping[str, pa.Array]
    has_rows: pa.Array
    ready: Sequence[Ready]
    periods: int
    counts: Sequence[Ints] = ()
    """For each of `ready` the rows in every cell of its own groups, and of one more that has none."""

    @property
    def without_rows(self) -> dict[str, pa.Array]:
        """Every leaf's values for a group that has no row at all."""
        return {each.name: each.values(missing_cells(each.grouped.size, self.periods)) for each in self.ready}


def align_leaves(plan: Plan, states: Mapping[int, Sequence[Pieces]], world: World) -> Aligned:
    """Every leaf's values from the merged states, on the common groups of the answer."""
    ready = _ready(plan, StateBook(plan, states, world.keeper), world)
    periods = len(plan.periods)
    counts = []
    groups = []
    for each in ready:
        if (each.grouped.size + 1) * periods > 2 * MAX_ROWS:
            raise KpiError(_too_many_rows(each.grouped.size, periods))
        rows = each.rows(all_cells(each.grouped.size + 1, periods))
        counts.append(rows)
        groups.append(_groups(each, shown_groups(rows, each.grouped.size, periods, each.shows_groups)))
    alignment = align([name for name, _ in plan.dimensions], groups)
    if alignment.size * periods > MAX_ROWS:
        raise KpiError(_too_many_rows(alignment.size, periods))
    values = {
        each.name: spread(each.values(all_cells(each.grouped.size + 1, periods)), place, periods)
        for each, place in zip(ready, alignment.places, strict=True)
    }
    # An empty bucket of a grain has a value, and is no row.
    of_rows = [
        (rows, place) for each, rows, place in zip(ready, counts, alignment.places, strict=True) if each.makes_cells
    ]
    has_rows = any_rows([rows for rows, _ in of_rows], [place for _, place in of_rows], periods, alignment.size)
    return Aligned(alignment, values, from_booleans(has_rows, None), ready, periods, counts)


def _ready(plan: Plan, book: StateBook, world: World) -> Sequence[Ready]:
    if not plan.nested and all(leaf.pick is None for leaf in plan.leaves):
        return [book.ready(leaf) for leaf in plan.leaves]
    from kpi_engine.execute.nested import ready_level

    return ready_level(plan.leaves, plan.nested, book, world)


def check_size(rows: int) -> None:
    """E820 where the rows of several grains are more than an answer may have."""
    if rows > MAX_ROWS:
        raise KpiError(
            Diagnostic(
                "E820",
                f"the answer would have more than {MAX_ROWS} rows",
                help="ask for fewer grains or dimensions, or a shorter span",
                exit_code=ExitCode.LIMIT,
            )
        )


def _groups(ready: Ready, shown: Mask) -> GroupKeys:
    return GroupKeys(ready.keys, ready.grouped.keys, ready.grouped.size, shown)


def _too_many_rows(groups: int, periods: int) -> Diagnostic:
    return Diagnostic(
        "E820",
        f"the answer would have {periods} periods x {groups} groups, more than {MAX_ROWS} rows",
        help="ask for fewer dimensions, a coarser --grain or a shorter span",
        exit_code=ExitCode.LIMIT,
    )


def period_values(periods: Sequence[Period], zone: str, *, by_hour: bool) -> pa.Array:
    """The `period` column's values: dates, or instants in the calendar's zone where hours are asked."""
    if by_hour:
        return pa.array([period.start.us for period in periods], pa.int64()).cast(pa.timestamp("us", zone))
    return pa.array([period.date for period in periods], pa.date32())
