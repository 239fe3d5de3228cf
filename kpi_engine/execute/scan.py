"""One pass over a source for all measure queries asked of it: fragments -> batches -> partial states, merged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby

from kpi_engine.execute.batch_rows import enough_rows
from kpi_engine.execute.clock import timed
from kpi_engine.execute.counting import counted_states
from kpi_engine.execute.keep import MadeUnit, keep_units
from kpi_engine.execute.partials import Made, Pass, Task, make, make_unit, partials
from kpi_engine.execute.pushed import pushed_states
from kpi_engine.execute.query_states import QueryStates
from kpi_engine.execute.reach import rows_of_queries
from kpi_engine.execute.ready import frame_of
from kpi_engine.execute.reuse import Reuse, Wanted, find_kept
from kpi_engine.execute.rows import World
from kpi_engine.execute.source_rows import fragments_of, no_rows
from kpi_engine.execute.spill import state_budget
from kpi_engine.execute.tasks import bundles, in_order
from kpi_engine.extend.rows import Fragment, rows_in
from kpi_engine.ir.plan import Plan, Scan
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.frames import StateFrame, merge_frames
from kpi_engine.kernels.pieces import Pieces, Unread

_LOG = logging.getLogger(__name__)


def run_scan(plan: Plan, scan: Scan, world: World, stats: SourceStats, threads: int = 1) -> list[list[Pieces]]:
    """The states of every measure query of a scan, in the order of `scan.queries`; the same for all `threads`.

    `LostStates` if kept states cannot be had, here or when pieces are looked at: then all is done once more without
    them.
    """
    read = SourceStats()
    frames = _scanned(plan, scan, world, read, threads)
    stats.add(read)
    return frames


def _scanned(plan: Plan, scan: Scan, world: World, stats: SourceStats, threads: int) -> list[list[Pieces]]:
    pushed = pushed_states(plan, scan, world, stats)
    left = [number for number in scan.queries if number not in pushed.states]
    counted = _states_of_rows(plan, scan, left, world, stats, threads) if left else {}
    if pushed.left_out is not None:  # rows outside of the windows were not read, and not counted
        stats.excluded_rows, stats.late_rows = pushed.left_out
    with timed(stats, "merge"):
        made = {
            number: [Pieces([merge_frames([frame])]) for frame in frames] for number, frames in pushed.states.items()
        }
        return [made[number] if number in made else counted[number].merged() for number in scan.queries]


def _states_of_rows(
    plan: Plan, scan: Scan, numbers: Sequence[int], world: World, stats: SourceStats, threads: int
) -> dict[int, QueryStates]:
    """By number the states of some queries of a scan, made of the source's rows, or kept since rows were read."""
    counted = _counted_frames(plan, numbers)
    whole = Pass(plan, scan, [plan.queries[number] for number in numbers], world, counted)
    budget = state_budget(plan)
    states = [
        QueryStates.of(query, mine, budget, number)
        for query, mine, number in zip(whole.queries, counted, numbers, strict=True)
    ]
    enough = enough_rows(whole.queries, world.catalog)
    fragments = fragments_of(scan, world, stats, whole.placing(), enough)
    with timed(stats, "kept"):
        reuse = _kept(whole, counted, fragments)
        if reuse is not None:
            _take_kept(reuse, states)
            stats.add(reuse.stats)
    tasks = _tasks(fragments, len(numbers), reuse, threads)
    stats.fragments_read += sum(len(task.fragments) for task in tasks)
    _LOG.debug("reading %s: %d of %d fragments", scan.source, stats.fragments_read, len(fragments))
    made = _read(whole, tasks, reuse, states, stats, threads) if tasks or reuse is None else []
    if reuse is not None:
        for position, rows in rows_of_queries(reuse, made).items():
            reuse.keeper.know_rows(whole.queries[position], rows)
    return dict(zip(numbers, states, strict=True))


def _counted_frames(plan: Plan, numbers: Sequence[int]) -> list[list[int]]:
    """For some queries the frames of sets of which only the cells are wanted."""
    sets = counted_states(plan)
    return [
        [frame_of(plan.queries[number].states, state) for query, state in sets if query == number] for number in numbers
    ]


def _read(
    whole: Pass,
    tasks: Sequence[Task],
    reuse: Reuse | None,
    states: Sequence[QueryStates],
    stats: SourceStats,
    threads: int,
) -> list[MadeUnit]:
    """Do the tasks, and take in what they make; of what is to be kept the units."""
    # Rows that are none come first: states always have their types, and inputs are prepared before threads begin.
    nothing = no_rows(whole.scan, whole.world)
    empty: dict[int, Sequence[StateFrame]] = {
        position: partials(query, nothing) for position, query in enumerate(whole.queries)
    }
    for found, frames in zip(states, empty.values(), strict=True):
        found.add(frames)

    def do(task: Task) -> Made:
        return make(whole, task) if task.marks is None else make_unit(whole, task, empty)

    units: dict[tuple[int, ...], list[MadeUnit]] = {}
    for task, result in zip(tasks, in_order(do, tasks, threads), strict=True):
        stats.add(result.read)
        for position, made in result.frames:
            states[position].add(made)
        if result.unit is not None:
            units.setdefault(task.positions, []).append(result.unit)
    if reuse is not None:
        with timed(stats, "kept"):
            for of_queries in units.values():
                every = stats.fragments_pruned == 0
                columns, counts_times = whole.scan.columns, whole.counts_times
                for record, old in keep_units(reuse, of_queries, columns, counts_times, empty, whole_table=every):
                    reuse.keeper.keep(record, old)
    return [unit for of_queries in units.values() for unit in of_queries]


def _take_kept(reuse: Reuse, states: Sequence[QueryStates]) -> None:
    for position, number, found in reuse.frames():
        if isinstance(found, Unread):
            states[position].take_unread(number, found)
        else:
            states[position].take(number, found)
    for position, number, part in reuse.counted():
        states[position].take_counted(number, part)


def _kept(whole: Pass, counted: Sequence[Sequence[int]], fragments: Sequence[tuple[int, Fragment]]) -> Reuse | None:
    """What is kept of a scan; None if nothing of it is ever kept."""
    world = whole.world
    if world.keeper is None or not fragments:
        return None
    marks = dict(whole.plan.watermarks)
    wanted = []
    for position, query in enumerate(whole.queries):
        key = world.keeper.key(query, world.catalog, world.reader, marks)
        if key is not None:
            wanted.append(Wanted.of(position, query, key, counted[position]))
    if not wanted:
        return None
    return find_kept(
        world.keeper,
        wanted,
        [fragment for _, fragment in fragments],
        whole.scan.columns,
        whole.watermark,
        frozenset(range(len(whole.queries))),
        counts_times=whole.counts_times,
    )


def _tasks(fragments: Sequence[tuple[int, Fragment]], queries: int, reuse: Reuse | None, threads: int) -> list[Task]:
    """The rest of the work: fragments with the queries that need their rows."""
    if reuse is None:
        every = bundles(fragments, threads, lambda each: rows_in(each[1]))
        return [Task(bundle, tuple(range(queries))) for bundle in every]
    keepable = frozenset(wanted.position for wanted in reuse.wanted)
    tasks = []
    left = zip(fragments, reuse.missing, reuse.marks, strict=True)
    for (positions, kept), group in groupby(left, lambda each: (each[1], each[2] is not None)):
        chosen = list(group)
        if not positions:
            continue
        # The last fragment may still grow: it is no reason to read its neighbours again.
        for bundle in (*bundles(chosen[:-1], threads), chosen[-1:]):
            found, keeps = [fragment for fragment, _, _ in bundle], keepable & positions
            marks = tuple(mark for _, _, mark in bundle if mark is not None)
            tasks.append(Task(found, tuple(sorted(positions)), marks if kept and keeps else None, keeps))
    return tasks
