"""Frames kept as bytes, cut at other edges and counted: against frames that are made of the rows themselves."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.plan import StateKind
from kpi_engine.kernels.buckets import assign
from kpi_engine.kernels.counted import CountedPart, counted, merge_counted
from kpi_engine.kernels.frames import StateFrame, StateInput, merge_frames, partial_frames, rows_between, rows_of
from kpi_engine.kernels.limbs import to_python_ints
from kpi_engine.kernels.recut import Edges, Span, apart, extent_of, recut, recut_together
from kpi_engine.kernels.selection import lifetime_ends
from kpi_engine.kernels.state_bytes import bytes_to_frames, frames_of_bytes, frames_to_bytes

KEYS = st.sampled_from(["C0001", "C0002", "C0013", None])
ROWS = st.lists(st.tuples(KEYS, st.integers(0, 40), st.integers(-9, 9) | st.none(), KEYS), max_size=25)
EDGES = st.lists(st.integers(-2, 45), max_size=5, unique=True).map(sorted)
PLAIN: tuple[StateKind, ...] = ("count", "sum", "minimum", "moments")


def shown(frame: StateFrame) -> list[tuple[Any, ...]]:
    """The rows of a frame in an order of their own."""
    columns: list[list[Any]] = [key.to_pylist() for key in frame.keys]
    columns.append(frame.bucket.tolist())
    if frame.item is not None:
        columns.append(frame.item.to_pylist())
    for state in frame.states:
        columns += [state.rows.tolist(), state.values.tolist()]
        for limbs in (state.sums, state.squares):
            if limbs is not None:
                unit = Fraction(2) ** limbs.exponent / 10**limbs.scale
                columns.append([each * unit for each in to_python_ints(limbs)])
        if state.extreme is not None:
            columns.append(state.extreme.to_pylist())
    return sorted(zip(*columns, strict=True), key=repr)


def bounds(days: list[int]) -> tuple[Bound, ...]:
    return tuple(Bound(day * 86_400_000_000, day) for day in days)


def frames(rows: list[tuple[Any, ...]], edges: tuple[Bound, ...]) -> list[StateFrame]:
    """The plain frame of some rows (key, day, value, item), and that of the set of items."""
    keys, days, values, items = (
        pa.array([row[column] for row in rows], type)
        for column, type in enumerate([pa.string(), pa.date32(), pa.int64(), pa.string()])
    )
    inputs = [StateInput(kind, None if kind == "count" else values, None) for kind in PLAIN]
    return partial_frames([keys], assign(days, edges), [*inputs, StateInput("distinct", items, None)])


def extent(rows: list[tuple[Any, ...]]) -> Any:
    return extent_of(pa.array([row[1] for row in rows], pa.date32()))


@given(ROWS, ROWS, EDGES)
def test_bytes_give_the_frames_again(first: list[Any], second: list[Any], days: list[int]) -> None:
    edges = bounds(days)
    for one, other in zip(frames(first, edges), frames(second, edges), strict=True):
        found = bytes_to_frames(frames_to_bytes([one, other], types=one))
        assert [shown(each) for each in found] == [shown(one), shown(other)]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("1.10"), None, Decimal("-3.00")]),
        pa.array([0.1, 1e300, -5e-324]),
        pa.array([True, None, False]),
        pa.array([1, None, 5], pa.timestamp("us", "UTC")),
        pa.array(["a text that is no id", None, "C0001"]),
        pa.nulls(3),
    ],
)
def test_every_type_of_value_is_kept(values: pa.Array) -> None:
    kinds: list[StateKind] = ["distinct"] if pa.types.is_null(values.type) else ["minimum", "distinct"]
    if pa.types.is_decimal(values.type) or pa.types.is_floating(values.type):
        kinds += ["sum", "moments", "values"]
    inputs = [StateInput(kind, values, None) for kind in kinds]
    for frame in partial_frames([values], np.zeros(3, np.int64), inputs):
        assert [shown(each) for each in bytes_to_frames(frames_to_bytes([frame]))] == [shown(frame)]


@settings(max_examples=80)
@given(ROWS, EDGES, EDGES)
def test_states_cut_otherwise_are_those_of_the_rows(rows: list[Any], old: list[int], new: list[int]) -> None:
    found = extent(rows)
    # Wherever a new edge parts the rows there must be an old one.
    needed = [day for day in new if found and found.first < day <= found.last]
    before, after = bounds(sorted({*old, *needed})), Edges(bounds(new))
    span = Span.within(Edges(before), found)
    assert span.fits(after)
    for made, expected in zip(frames(rows, before), frames(rows, after.bounds), strict=True):
        kept = recut(made, Span(before, found), Edges(span.edges), has_ends=False)
        assert len(made) == len(kept)
        assert shown(recut(kept, span, after, has_ends=False)) == shown(expected)


@settings(max_examples=80)
@given(st.lists(ROWS, min_size=1, max_size=4), EDGES)
def test_units_apart_are_taken_together(units: list[list[Any]], days: list[int]) -> None:
    """Those that no other unit shares a bucket with, in one frame; the others one by one."""
    edges = Edges(bounds(days))
    placed = [[(key, day + 41 * number, *rest) for key, day, *rest in rows] for number, rows in enumerate(units)]
    spans = [Span.within(edges, extent(rows)) for rows in placed]
    made = [frames(rows, span.edges)[0] for rows, span in zip(placed, spans, strict=True)]
    blob = frames_of_bytes(frames_to_bytes(made))
    alone = apart(spans, edges)
    found = [recut(blob[each], spans[each], edges, has_ends=False) for each in range(len(spans)) if each not in alone]
    if alone:
        found.append(recut_together(blob, {each: spans[each] for each in alone}, edges))
    expected = frames([row for rows in placed for row in rows], edges.bounds)[0]
    assert shown(merge_frames(found)) == shown(expected)
    for each in alone:
        others = {place for other in range(len(spans)) if other != each for place in _buckets(placed[other], edges)}
        assert others.isdisjoint(_buckets(placed[each], edges))


def _buckets(rows: list[Any], edges: Edges) -> set[int]:
    return set(frames(rows, edges.bounds)[0].bucket.tolist())


@given(st.lists(ROWS, min_size=2, max_size=4), EDGES)
def test_frames_side_by_side_are_one(units: list[list[Any]], days: list[int]) -> None:
    """However the states in common buckets lie."""
    edges = bounds(days)
    for number in range(2):
        made = [merge_frames([frames(rows, edges)[number]]) for rows in units]
        whole = frames([row for rows in units for row in rows], edges)[number]
        assert shown(merge_frames(made)) == shown(whole)
        half = rows_between(made[0], len(made[0]) // 2, len(made[0]))
        assert shown(half) == shown(rows_of(made[0], np.arange(len(made[0]) // 2, len(made[0]))))


@given(ROWS.filter(bool), EDGES, EDGES)
def test_only_edges_between_rows_must_be_there(rows: list[Any], old: list[int], new: list[int]) -> None:
    days = [row[1] for row in rows]
    span = Span.within(Edges(bounds(old)), extent(rows))
    parted = {day for day in new if min(days) < day <= max(days)}
    known = {day for day in old if min(days) < day <= max(days)}
    assert span.fits(Edges(bounds(new))) == parted.issubset(known)
    assert span.fits_exactly(Edges(bounds(new))) == (parted == known)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 50) | st.none()), max_size=25), EDGES, st.data())
def test_lives_cut_otherwise_are_those_of_the_rows(lives: list[Any], old: list[int], data: st.DataObject) -> None:
    starts, stops = (pa.array([life[number] for life in lives], pa.date32()) for number in range(2))
    edges = bounds(old)
    begins, ends = extent_of(starts), extent_of(stops)
    fewer = Edges(bounds(data.draw(st.lists(st.sampled_from(old), unique=True).map(sorted) if old else st.just([]))))

    def made(cuts: tuple[Bound, ...]) -> StateFrame:
        keys = [lifetime_ends(stops, cuts)]
        return partial_frames(keys, assign(starts, cuts), [StateInput("count", None, None)])[0]

    span = Span.within(Edges(edges), begins, ends)
    kept = recut(made(edges), Span(edges, begins, ends), Edges(span.edges), has_ends=True)
    assert shown(recut(kept, span, fewer, has_ends=True)) == shown(made(fewer.bounds))


@settings(max_examples=80)
@given(st.lists(ROWS, min_size=1, max_size=4), EDGES)
def test_counted_parts_are_the_union_counted(units: list[list[Any]], days: list[int]) -> None:
    sets = [frames(rows, bounds(days))[1] for rows in units]
    asked: list[int] = []

    def part(number: int) -> CountedPart:
        def whole() -> StateFrame:
            asked.append(number)
            return sets[number]

        (cells,) = bytes_to_frames(frames_to_bytes([counted(sets[number])]))
        return CountedPart(cells, whole)

    assert shown(merge_counted([part(number) for number in range(len(sets))])) == shown(counted(merge_frames(sets)))
    cells = [{row[:2] for row in shown(frame)} for frame in sets]
    for number in asked:
        assert any(cells[number] & cells[other] for other in range(len(sets)) if other != number)
