"""Aggregates over groups of keys: values of each group and frame become rows of a state of their own.

The inside is evaluated only in cells that matter: groups (of dimensions and keys) and frames with a row of some leaf.
The cells for which the condition holds are then rows like any others: the outer aggregate is a state over them, and
the outer window a range of frames. So `rolling(avg(m per day), 7 days)` and `sum(m per customer)` are one thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from kpi_engine.execute.counting import counted_states
from kpi_engine.execute.ready import Ready, StateBook, number_kind
from kpi_engine.execute.results import Results
from kpi_engine.execute.rows import World
from kpi_engine.execute.settled import settled, settled_leaf
from kpi_engine.execute.slices import in_slices
from kpi_engine.execute.snapshots import ready_snapshots
from kpi_engine.ir.plan import ITEM_KINDS, Leaf, Nested, Plan
from kpi_engine.kernels.align import (
    Alignment,
    GroupKeys,
    align,
    every_group,
    missing_group,
    take_groups,
    whole_keys,
)
from kpi_engine.kernels.cells import Cells, all_cells, any_positive, cells_of, cross_cells, union_cells
from kpi_engine.kernels.finish import Finish, GroupedStates
from kpi_engine.kernels.frames import StateFrame, StateInput, merge_frames, partial_frames
from kpi_engine.kernels.logic import and_
from kpi_engine.kernels.presence import Owners
from kpi_engine.kernels.states import State
from kpi_engine.kernels.vectors import Ints, int64_view
from kpi_engine.kernels.windows import BucketWindows


def ready_level(
    leaves: Sequence[Leaf], nested: Sequence[Nested], book: StateBook, world: World, *, outermost: bool = True
) -> list[Ready]:
    """All leaves and nested aggregates of one level; those that only show groups come last."""
    by_name = {leaf.name: leaf for leaf in leaves}
    asked = {leaf.pick.presence for leaf in leaves if leaf.pick is not None}
    found = [_ready_leaf(leaf, by_name, book, world, outermost) for leaf in leaves if leaf.name not in asked]
    for each, (frames, without_rows) in zip(nested, _frames_of_all(nested, book, world, outermost), strict=True):
        found.extend(_ready(each, frames, without_rows))
    return found


def _ready_leaf(leaf: Leaf, level: Mapping[str, Leaf], book: StateBook, world: World, outermost: bool) -> Ready:
    """A leaf; where it reads snapshots, those of each window that count."""
    if leaf.pick is not None:
        return ready_snapshots(leaf, level[leaf.pick.presence], book, world.calendar)
    kept = settled_leaf(leaf, book.queries, world.keeper) if outermost and _counts_values(leaf, book.plan) else None
    if kept is None:
        return book.ready(leaf, narrowed=not outermost)
    made = [] if kept.is_whole else [_counted(book.ready(kept.rest, narrowed=True))]
    (frame,) = kept.with_rest(made)
    windows = [None if window is None else (number, number + 1) for number, window in enumerate(leaf.windows)]
    return book.made(leaf, GroupedStates(frame), 0, BucketWindows.of(windows))


def _counts_values(leaf: Leaf, plan: Plan) -> bool:
    """Whether a leaf counts values of which there may be many, one by one."""
    if leaf.item_key or leaf.finish != "distinct":
        return bool(leaf.item_key)
    is_set = plan.queries[leaf.query].states[leaf.state].kind == "distinct"
    return is_set and (leaf.query, leaf.state) not in counted_states(plan)


def _counted(ready: Ready) -> StateFrame:
    """The cells of a distinct count with how many values each has, by window."""
    cells = union_cells([ready.covered()], len(ready.windows))
    keys = tuple(take_groups(key, cells) for key in ready.grouped.keys)
    state = State("distinct", ready.rows(cells), int64_view(ready.values(cells)))
    return StateFrame(keys, cells.period, None, (state,))


Evaluated = tuple[list[StateFrame], GroupedStates | None]
"""The states of an outer aggregate by frame (the plain ones first, then the set), and where there are rows if that is
something else; and those of a group without rows, if it has some."""


def _frames_of_all(nested: Sequence[Nested], book: StateBook, world: World, outermost: bool) -> list[Evaluated]:
    """The states of some aggregates of one level. What is settled is known; of the outermost ones the rest is evaluated
    in slices where that is worth it."""
    if not outermost:
        return [_evaluated(each, book, world) for each in nested]
    known = [settled(each, book.queries, world.keeper, _frame_count(each)) for each in nested]
    rest = [each if kept is None else kept.rest for each, kept in zip(nested, known, strict=True)]
    asked = [each for each, kept in zip(rest, known, strict=True) if kept is None or not kept.is_whole]
    sliced = in_slices(asked, book, lambda each, own: _evaluated(each, own, world)[0])
    found = []
    for each, kept in zip(rest, known, strict=True):
        made: Evaluated = [], None
        if kept is None or not kept.is_whole:
            made = (sliced[each.name], None) if each.name in sliced else _evaluated(each, book, world)
        found.append(made if kept is None else (kept.with_rest(made[0]), None))
    return found


def _frame_count(nested: Nested) -> int:
    return 1 + (nested.state in ITEM_KINDS) + bool(nested.required)


def _ready(nested: Nested, frames: Sequence[StateFrame], without_rows: GroupedStates | None) -> list[Ready]:
    is_set = nested.state in ITEM_KINDS
    windows = BucketWindows.of(nested.windows)
    how = Finish(nested.finish, number_kind(nested.type), nested.parameter, nested.outside_is_zero)
    plain = GroupedStates(frames[0])
    value = Ready(
        nested.name,
        nested.keys,
        GroupedStates(frames[1]) if is_set else plain,
        0,
        how,
        windows,
        False,
        nested.text,
        without_rows,
        makes_cells=False,  # empty buckets have values, and are no rows
    )
    shown = f"groups of {nested.name}"
    rows, place = (GroupedStates(frames[-1]), 0) if nested.required else (plain, 0 if is_set else 1)
    groups = Ready(shown, nested.keys, rows, place, Finish("rows"), windows, nested.shows_groups, "")
    return [value, groups]


def _evaluated(nested: Nested, book: StateBook, world: World) -> Evaluated:
    inside = ready_level(nested.leaves, nested.inner, book, world, outermost=False)
    names = (*nested.keys, *nested.own)
    alignment = align(names, [_groups(each) for each in inside], ordered=False)
    cells = _cells(nested, inside, names, alignment)
    parts = [_frames(nested, inside, alignment, part, world) for part in cells.parts()]
    frames = parts[0] if len(parts) == 1 else [merge_frames(each) for each in zip(*parts, strict=True)]
    if nested.required:
        frames.append(_rows(nested, inside, names, alignment))
    empty_buckets_count = nested.every_frame and not nested.own and nested.keys
    is_set = nested.state in ITEM_KINDS
    return frames, _without_rows(nested, inside, is_set, world) if empty_buckets_count else None


def _rows(nested: Nested, inside: Sequence[Ready], names: Sequence[str], alignment: Alignment) -> StateFrame:
    """Where there is a cell with a row, of all that there are: one that cannot matter has no value, and shows its group
    all the same."""
    outer, own = alignment.keys[: len(nested.keys)], alignment.keys[len(nested.keys) :]
    owners = Owners.make(outer, own, alignment.size)
    if owners.are_few(nested.frames):
        tables = [
            each.presence(owners.of_leaf(places, each.grouped.size), owners.size)
            for each, places in _with_cells((), inside, names, alignment)
        ]
        cells = owners.cells(tables, nested.frames)
        keys, known = owners.keys(outer, cells), None
    else:
        cells = union_cells(_parts((), inside, names, alignment), nested.frames)
        keys, known = [take_groups(key, cells) for key in outer], whole_keys(own, cells)
    (frame,) = partial_frames(keys, cells.period, [StateInput("count", None, known)])
    return frame


def _frames(
    nested: Nested, inside: Sequence[Ready], alignment: Alignment, cells: Cells, world: World
) -> list[StateFrame]:
    """The states of the outer aggregate over these cells; a count of the cells with rows stands beside them."""
    values, present = _values(inside, alignment, cells)
    results = Results(values, len(cells), world.functions, world.calendar)
    counted = whole_keys(alignment.keys[len(nested.keys) :], cells)
    present = and_(counted, present)
    if nested.having is not None:
        counted = and_(counted, results.array(nested.having))
    body = None if nested.body is None else results.array(nested.body)
    keys = [take_groups(key, cells) for key in alignment.keys[: len(nested.keys)]]
    inputs = [StateInput(nested.state, body, counted), StateInput("count", None, present)]
    return partial_frames(keys, cells.period, inputs)


def _without_rows(nested: Nested, inside: Sequence[Ready], is_set: bool, world: World) -> GroupedStates:
    """The states of a group that has no row at all: every bucket is there, and empty but for what is of all groups."""
    places = tuple(missing_group(each.grouped.size if each.keys else 0) for each in inside)
    missing = Alignment((), 1, places)
    frames = _frames(replace(nested, keys=()), inside, missing, all_cells(1, nested.frames), world)
    return GroupedStates(frames[1 if is_set else 0])


def _groups(ready: Ready) -> GroupKeys:
    return GroupKeys(ready.keys, ready.grouped.keys, ready.grouped.size, every_group(ready.grouped.size))


def _cells(nested: Nested, inside: Sequence[Ready], names: Sequence[str], alignment: Alignment) -> Cells:
    """The cells to look at, numbered by the alignment's groups."""
    if nested.every_frame and not names:
        return all_cells(alignment.size, nested.frames)
    parts = _parts(nested.required, inside, names, alignment)
    if nested.every_frame:
        return cross_cells(parts, alignment.size, nested.frames)
    return union_cells(parts, nested.frames)


def _parts(
    required: Sequence[str], inside: Sequence[Ready], names: Sequence[str], alignment: Alignment
) -> list[tuple[Ints, Ints]]:
    """For each leaf, or each required one, the cells that it has rows in."""
    return [
        cells_of(*each.covered(), places, alignment.size)
        for each, places in _with_cells(required, inside, names, alignment)
    ]


def _with_cells(
    required: Sequence[str], inside: Sequence[Ready], names: Sequence[str], alignment: Alignment
) -> list[tuple[Ready, Ints]]:
    """The leaves, or those required, whose groups are looked at, and where the common groups stand among theirs."""
    return [
        (each, places)
        for each, places in zip(inside, alignment.places, strict=True)
        if each.keys == tuple(names) and each.makes_cells and (not required or each.name in required)
    ]


def _values(inside: Sequence[Ready], alignment: Alignment, cells: Cells) -> tuple[dict[str, pa.Array], pa.Array]:
    """Each inner value for each cell, and whether any of them has a row there."""
    values: dict[str, pa.Array] = {}
    present = []
    for each, places in zip(inside, alignment.places, strict=True):
        own, which = cells.among(places)
        found = each.values(own)
        values[each.name] = found if which is None else found.take(pa.array(which))
        if each.shows_groups:
            rows = each.rows(own)
            present.append(rows if which is None else rows[which])
    return values, any_positive(present, len(cells))
