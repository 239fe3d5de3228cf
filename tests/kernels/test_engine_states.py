"""States, windows, lifetimes, events and lookups against the plainest loops over rows."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.cells import all_cells
from kpi_engine.kernels.derive import TooManyItems, distinct_rows, latest_rows, pair_rows
from kpi_engine.kernels.events import EventIndex
from kpi_engine.kernels.finish import Finish, GroupedStates
from kpi_engine.kernels.frames import StateInput, merge_frames, partial_frames
from kpi_engine.kernels.ids import texts
from kpi_engine.kernels.lifetimes import LifetimeStates
from kpi_engine.kernels.lookup import DuplicateKey, KeyIndex, VersionIndex
from kpi_engine.kernels.windows import BucketWindows

few = settings(max_examples=60, deadline=None)
Row = tuple[str | None, int, int | None]
rows_of = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(-1, 5), st.integers(-9, 9) | st.none()))


@st.composite
def windows(draw: st.DrawFn) -> list[tuple[int, int] | None]:
    """Windows that neither enclose each other nor go back, some closed."""
    count = draw(st.integers(1, 5))
    lows = sorted(draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)))
    highs = sorted(draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)))
    closed = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return [None if shut else (low, max(low, high)) for low, high, shut in zip(lows, highs, closed, strict=True)]


def states_of(rows: list[Row], parts: int, kind: str) -> GroupedStates:
    """The states of rows that came in several batches."""
    frames = []
    for part in range(parts):
        batch = rows[part::parts]
        keys = [pa.array([row[0] for row in batch], pa.string())]
        bucket = np.array([row[1] for row in batch], np.int64)
        values = pa.array([row[2] for row in batch], pa.int64())
        found = partial_frames(keys, bucket, [StateInput(kind, values, None)])
        frames.append(found[1] if kind in ("distinct", "values") else found[0])
    return GroupedStates(merge_frames(frames))


def plain(kind: str, values: list[int | None]) -> object:
    known = [value for value in values if value is not None]
    match kind:
        case "sum":
            return sum(known) if known or not values else None
        case "minimum":
            return min(known, default=None)
        case "maximum":
            return max(known, default=None)
        case "distinct":
            return len(set(known))
        case "percentile":
            return float(median(known)) if known else None
        case "avg":
            return float(Fraction(sum(known), len(known))) if known else None
    raise AssertionError(kind)


KINDS = {
    "sum": "sum",
    "avg": "sum",
    "minimum": "minimum",
    "maximum": "maximum",
    "distinct": "distinct",
    "percentile": "values",
}


@pytest.mark.parametrize("finish", KINDS)
@few
@given(rows=rows_of, spans=windows(), parts=st.integers(1, 3))
def test_windows_of_states_are_windows_of_rows(
    finish: str, rows: list[Row], spans: list[tuple[int, int] | None], parts: int
) -> None:
    grouped = states_of(rows, parts, KINDS[finish])
    cells = all_cells(grouped.size + 1, len(spans))
    found = grouped.finish(0, Finish(finish, "integer", "50"), BucketWindows.of(spans), cells).to_pylist()
    groups = [*texts(grouped.keys[0]).to_pylist(), "nobody"]
    for group, key in enumerate(groups):
        for period, span in enumerate(spans):
            inside = [row[2] for row in rows if span and row[0] == key and span[0] <= row[1] < span[1]]
            expected = None if span is None else plain(finish, inside)
            assert found[group * len(spans) + period] == expected, (key, span)


@few
@given(rows=rows_of, spans=windows())
def test_covered_cells_are_those_with_rows(rows: list[Row], spans: list[tuple[int, int] | None]) -> None:
    grouped = states_of(rows, 2, "sum")
    group, period = grouped.covered(0, BucketWindows.of(spans))
    names = texts(grouped.keys[0]).to_pylist()
    found = {(names[g], p) for g, p in zip(group.tolist(), period.tolist(), strict=True)}
    assert found == {
        (row[0], number)
        for row in rows
        for number, span in enumerate(spans)
        if span is not None and row[1] >= 0 and span[0] <= row[1] < span[1]
    }


lives = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5), st.integers(0, 7), st.integers(-9, 9) | st.none())
)


@pytest.mark.parametrize("finish", [*KINDS, "rows"])
@few
@given(rows=lives, ends=st.lists(st.integers(0, 5) | st.none(), min_size=1, max_size=5))
def test_what_is_alive_at_an_instant(
    finish: str, rows: list[tuple[str, int, int, int | None]], ends: list[int | None]
) -> None:
    rows = [(who, begin, max(begin, until), value) for who, begin, until, value in rows]
    kind = KINDS.get(finish, "count")
    keys = [pa.array([row[0] for row in rows], pa.string()), pa.array([row[2] for row in rows], pa.int64())]
    bucket = np.array([row[1] for row in rows], np.int64)
    values = None if finish == "rows" else pa.array([row[3] for row in rows], pa.int64())
    frames = partial_frames(keys, bucket, [StateInput(kind, values, None)])
    alive = LifetimeStates(merge_frames([frames[1] if kind in ("distinct", "values") else frames[0]]))
    spans = BucketWindows.of([None if end is None else (0, end) for end in ends])
    cells = all_cells(alive.size + 1, len(ends))
    found = alive.finish(0, Finish(finish, "integer", "50"), spans, cells).to_pylist()
    for group, key in enumerate([*texts(alive.keys[0]).to_pylist(), "nobody"]):
        for period, end in enumerate(ends):
            living = [row[3] for row in rows if end is not None and row[0] == key and row[1] < end <= row[2]]
            expected = None if end is None else len(living) if finish == "rows" else plain(finish, living)
            assert found[group * len(ends) + period] == expected, (key, end)


moments = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 20) | st.none()), max_size=12)
stamp = pa.timestamp("us", "UTC")


@few
@given(events=moments, asked=moments, within=st.fractions(min_value=0, max_value=9))
def test_events_that_follow_and_the_latest_before(
    events: list[tuple[str | None, int | None]], asked: list[tuple[str | None, int | None]], within: Fraction
) -> None:
    index = EventIndex(
        [pa.array([key for key, _ in events], pa.string())], pa.array([time for _, time in events], stamp)
    )
    keys = [pa.array([key for key, _ in asked], pa.string())]
    times = pa.array([time for _, time in asked], stamp)
    followed = index.followed(keys, times, within).to_pylist()
    own = index.followed(
        [pa.array([key for key, _ in events], pa.string())],
        pa.array([time for _, time in events], stamp),
        within,
        pa.array([True] * len(events), pa.bool_()),
    ).to_pylist()
    latest = index.latest(keys, times, within).to_pylist()
    ever = index.latest(keys, times, None).to_pylist()
    known = [(key, time, row) for row, (key, time) in enumerate(events) if key is not None and time is not None]
    for number, (key, time) in enumerate(asked):
        mine = [] if time is None else [each for each in known if each[0] == key]
        assert followed[number] == any(0 <= event - time < within for _, event, _ in mine)
        for found, reach in ((latest[number], within), (ever[number], Fraction(10**9))):
            past = [event for _, event, _ in mine if 0 <= time - event < reach]
            assert (None if found is None else events[found][1]) == max(past, default=None)
    for key, time, row in known:
        others = [event for name, event, other in known if name == key and other != row]
        assert own[row] == any(0 <= event - time < within for event in others)


def test_a_key_leads_to_one_row() -> None:
    for keys in (pa.array([7, 3, None, 5]), pa.array(["g", "c", None, "e"])):
        index = KeyIndex(keys)
        assert index.positions(keys).to_pylist() == [0, 1, None, 3]
    assert KeyIndex(pa.array([1, 2**60])).positions(pa.array([2**60, 5])).to_pylist() == [1, None]
    dictionary = pa.array(["x", "y", "x"]).dictionary_encode()
    assert KeyIndex(pa.array(["y", "x"])).positions(dictionary).to_pylist() == [1, 0, 1]
    with pytest.raises(DuplicateKey) as caught:
        KeyIndex(pa.array(["a", "b", "a"]))
    assert (caught.value.value, caught.value.rows) == ("a", 2)


@few
@given(
    versions=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 4)), unique_by=lambda v: v[:2]
    ),
    asked=st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 12) | st.none())),
)
def test_versions_hold_from_their_begin_to_their_end(
    versions: list[tuple[str, int, int]], asked: list[tuple[str | None, int | None]]
) -> None:
    begins = [begin for _, begin, _ in versions]
    ends = []
    for key, begin, length in versions:  # no version outlasts the next of its key
        later = [other for name, other, _ in versions if name == key and other > begin]
        ends.append(min([begin + length, *later]) if length else min(later, default=None))
    index = VersionIndex(
        pa.array([key for key, _, _ in versions], pa.string()),
        pa.array(begins, stamp),
        pa.array(ends, stamp),
    )
    found = index.positions(
        pa.array([key for key, _ in asked], pa.string()), pa.array([time for _, time in asked], stamp)
    ).to_pylist()
    for (key, time), row in zip(asked, found, strict=True):
        fitting = [
            number
            for number, (name, begin, _) in enumerate(versions)
            if time is not None and name == key and begin <= time and (ends[number] is None or time < ends[number])
        ]
        assert ([] if row is None else [row]) == fitting


def test_rows_made_of_rows() -> None:
    keys, times = [pa.array(["a", "b", "a", None])], pa.array([1, 2, 1, 9])
    assert latest_rows(keys, times).to_pylist() == [1, 2], "of equal times the last row, and no row without a key"
    assert distinct_rows([pa.array([1, 1, None, None]), pa.array(["x", "x", "y", "y"])]).to_pylist() == [0, 2]
    baskets, items = [pa.array([1, 1, 1, 2])], pa.array(["x", "y", "x", "x"])
    first, second, dated = pair_rows(baskets, items, pa.array([5, 4, 6, 1]), 2)
    pairs = [(items[a].as_py(), items[b].as_py()) for a, b in zip(first.to_pylist(), second.to_pylist(), strict=True)]
    assert sorted(pairs) == sorted([("x", "x"), ("x", "y"), ("y", "x"), ("y", "y"), ("x", "x")])
    assert dated.to_pylist() == [1, 1, 1, 1, 3]
    with pytest.raises(TooManyItems):
        pair_rows(baskets, items, pa.array([5, 4, 6, 1]), 1)
