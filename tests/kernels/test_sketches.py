"""Sketches against the library that they are made after, against exact answers, and cut in other ways."""

from __future__ import annotations

import datetime
import struct
from decimal import Decimal
from fractions import Fraction
from statistics import median

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from datasketches import HLL_8, hll_sketch, hll_union, kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.ir.approximation import HLL_EXACT, HLL_LG_K, KLL_EXACT, KLL_K, Approximation
from kpi_engine.kernels import finish, sketches_hll, window_values
from kpi_engine.kernels.cells import all_cells
from kpi_engine.kernels.finish import Finish, GroupedStates
from kpi_engine.kernels.frames import StateFrame, StateInput, merge_frames, partial_frames
from kpi_engine.kernels.sketches_hash import hash128
from kpi_engine.kernels.sketches_hll import estimates, hll_images, hll_items
from kpi_engine.kernels.sketches_kll import compact_levels
from kpi_engine.kernels.windows import BucketWindows

few = settings(max_examples=40, deadline=None)
DISTINCT, MEDIAN = Finish("distinct"), Finish("percentile", "float", "50")
RANK_ERROR, COUNT_ERROR = Approximation("kll").error, Approximation("hll").error


def frame_of(kind: str, keys: list[str], bucket: np.ndarray, values: pa.Array) -> StateFrame:
    """The states of one batch."""
    frames = partial_frames([pa.array(keys, pa.string())], bucket, [StateInput(kind, values, None)])
    return frames[1]


def merged(kind: str, bucket: np.ndarray, values: pa.Array, parts: int, reverse: bool = False) -> StateFrame:
    """States of rows of one group that came in several batches, each with every `parts`th row."""
    frames = []
    for part in range(parts):
        rows = np.arange(part, len(values), parts)
        frames.append(frame_of(kind, ["a"] * len(rows), bucket[rows], values.take(pa.array(rows))))
    return merge_frames(frames[::-1] if reverse else frames)


def answers(frame: StateFrame, how: Finish, ranges: list[tuple[int, int] | None]) -> list[object]:
    states = GroupedStates(frame)
    windows = BucketWindows.of(ranges)
    return states.finish(0, how, windows, all_cells(states.size, len(ranges))).to_pylist()


def random_numbers(seed: int, size: int, below: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, below, size)


# The hash and the registers are the library's.

TEXTS = ["x" * (size % 50) + str(size) + "é" * (size % 3) for size in range(6_000)]


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).integers(-(2**62), 2**62, 6_000).tolist(),
        np.random.default_rng(2).normal(size=6_000).tolist(),
        TEXTS,
    ],
    ids=["integers", "floats", "texts"],
)
def test_registers_are_those_of_the_library(values: list[object]) -> None:
    union = hll_union(HLL_LG_K)
    for part in (values[::2], values[1::2]):
        sketch = hll_sketch(HLL_LG_K, HLL_8)
        for value in part:
            sketch.update(value)
        union.update(sketch)
    image = union.get_result(HLL_8).serialize_updatable()
    items = hll_items(pa.array(values)).to_numpy()
    registers = np.zeros(1 << HLL_LG_K, np.uint8)
    np.maximum.at(registers, items & ((1 << HLL_LG_K) - 1), ((items >> 56) & 63).astype(np.uint8))
    assert registers.tobytes() == image[40:]
    histogram = np.bincount(registers, minlength=64)[None, :]
    assert hll_images(histogram)[0, :40].tobytes()[16:40] == image[16:40]
    assert estimates(histogram).tolist() == [round(union.get_estimate())]


@given(st.lists(st.text(max_size=40)))
@few
def test_a_text_hashes_the_same_wherever_it_stands(texts: list[str]) -> None:
    together = hash128(pa.array(["before", *texts], pa.string()).slice(1))
    for place, text in enumerate(texts):
        alone = hash128(pa.array([text]))
        assert [int(half[0]) for half in alone] == [int(half[place]) for half in together]


def test_equal_numbers_hash_alike_in_all_types() -> None:
    wide = pa.array([Decimal(7), Decimal("1.5"), Decimal(2**63 - 1), Decimal(2) ** 90], pa.decimal128(38, 2))
    same = [
        (wide[:1], pa.array([7])),
        (wide[:2], pa.array([Decimal("7.0"), Decimal("1.5")], pa.decimal128(5, 1))),
        (wide, wide.cast(pa.decimal256(76, 9))),
        (pa.array([Decimal(2**63 - 1)]), pa.array([2**63 - 1])),
        (pa.array([True, False]), pa.array([1, 0])),
        (pa.array([datetime.date(1970, 1, 8)]), pa.array([7])),
    ]
    for left, right in same:
        assert [half.tolist() for half in hash128(left)] == [half.tolist() for half in hash128(right)]
    assert len(set(hash128(wide)[0].tolist())) == 4
    apart = hash128(pa.array([Decimal("1.5"), Decimal("0.15"), Decimal(15)], pa.decimal128(38, 3)))[0]
    assert len(set(apart.tolist())) == 3


# Distinct counts.


@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from(["", "a", "b", None]))), st.integers(1, 3))
@few
def test_few_values_are_counted_exactly(rows: list[tuple[int, str | None]], parts: int) -> None:
    bucket = np.array([row[0] for row in rows], np.int64)
    frame = merged("hll", bucket, pa.array([row[1] for row in rows], pa.string()), parts)
    ranges = [(0, 1), (0, 3), (2, 5), None]
    found = answers(frame, DISTINCT, ranges)
    if any(place >= 0 for place in bucket):
        expected = [len({v for b, v in rows if v is not None and low <= b < high}) for low, high in ranges[:3]]
        assert found == [*expected, None]


@pytest.mark.parametrize("size", [HLL_EXACT, HLL_EXACT + 1, 20_000, 200_000])
def test_a_distinct_count_is_exact_or_within_the_bound(size: int) -> None:
    ids = pa.array(np.arange(size) * 1_000_003 + 17)
    (found,) = answers(merged("hll", np.zeros(size, np.int64), ids, 3), DISTINCT, [(0, 1)])
    assert isinstance(found, int)
    assert found == size if size <= HLL_EXACT else abs(found - size) <= 3 * COUNT_ERROR * size


def test_distinct_estimates_depend_on_the_values_alone() -> None:
    values = pa.array(random_numbers(4, 60_000, 40_000))
    bucket = random_numbers(5, 60_000, 30)
    ranges = [(low, low + 7) for low in range(24)] + [(24, 31)]
    expected = answers(merged("hll", bucket, values, 1), DISTINCT, ranges)
    assert answers(merged("hll", bucket, values, 7), DISTINCT, ranges) == expected
    assert answers(merged("hll", bucket, values, 13, reverse=True), DISTINCT, ranges) == expected
    whole = [merged("hll", bucket * 0, values, parts) for parts in (1, 9)]
    assert len(whole[0]) <= HLL_EXACT
    assert sorted(whole[0].item.to_pylist()) == sorted(whole[1].item.to_pylist())
    few_more = [
        frame_of("hll", ["a"] * len(part), bucket[: len(part)] * 0, part)
        for part in (values[:9_000], values[9_000:9_003])
    ]
    at_once = merged("hll", bucket[:9_003] * 0, values[:9_003], 1)
    assert sorted(merge_frames(few_more).item.to_pylist()) == sorted(at_once.item.to_pylist())
    coarse = merged("hll", bucket // 5, values, 1)
    assert answers(coarse, DISTINCT, [(0, 1), (0, 2)]) == answers(
        merged("hll", bucket, values, 1), DISTINCT, [(0, 5), (0, 10)]
    )


def test_distinct_windows_against_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches_hll, "_CELLS_AT_ONCE", 1 << 14)  # registers are looked at in many stretches
    size = 120_000
    key = pa.array(np.where(random_numbers(6, size, 30) > 0, 7, 8))
    bucket, value = random_numbers(7, size, 40), random_numbers(8, size, 50_000)
    frames = partial_frames([key], bucket, [StateInput("hll", pa.array(value), None)])
    states = GroupedStates(merge_frames([frames[1]]))
    ranges = [(0, end) for end in range(1, 6)] + [(end - 9, end) for end in range(10, 41)]
    found = states.finish(0, DISTINCT, BucketWindows.of(ranges), all_cells(states.size, len(ranges))).to_pylist()
    names = states.keys[0].to_pylist()
    rows = pa.table({"key": key, "bucket": bucket, "value": value})
    spans = pa.table({"low": [low for low, _ in ranges], "high": [high for _, high in ranges]})
    connection = duckdb.connect()
    connection.register("rows", rows)
    connection.register("spans", spans)
    exact = connection.sql(
        "select key, low, high, count(distinct value) from rows, spans "
        "where bucket >= low and bucket < high group by all"
    ).fetchall()
    assert len(exact) == 2 * len(ranges)
    sizes = set()
    for name, low, high, count in exact:
        estimate = found[names.index(name) * len(ranges) + ranges.index((low, high))]
        assert estimate == count if count <= HLL_EXACT else abs(estimate - count) <= 4 * COUNT_ERROR * count
        sizes.add(count > HLL_EXACT)
    assert sizes == {True, False}


@pytest.mark.parametrize("kind", ["hll", "kll"])
def test_nulls_stay_nulls_beside_large_sets(kind: str) -> None:
    values = pa.array([*range(20_000), None, None], pa.int64())
    bucket = np.array([0] * 20_000 + [0, 1], np.int64)
    frame = merged(kind, bucket, values, 2)
    assert len(frame) < 10_000
    assert answers(frame, Finish("rows"), [(0, 1), (1, 2)]) == [20_001, 1]
    assert answers(frame, Finish("count"), [(0, 1), (1, 2)]) == [20_000, 0]
    how, empty = (DISTINCT, 0) if kind == "hll" else (MEDIAN, None)
    assert answers(frame, how, [(0, 1), (1, 2)])[1] == empty


# Percentiles.


def rank_distance(ordered: np.ndarray, value: object, percent: float) -> float:
    """How far the ranks of a value are from the one asked, as a share of all."""
    low, high = (np.searchsorted(ordered, value, side) / len(ordered) for side in ("left", "right"))
    return max(0.0, low - percent / 100, percent / 100 - high)


@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from([0, 1, 7, None]))), st.integers(1, 3))
@few
def test_percentiles_of_few_values_are_exact(rows: list[tuple[int, int | None]], parts: int) -> None:
    bucket = np.array([row[0] for row in rows], np.int64)
    frame = merged("kll", bucket, pa.array([row[1] for row in rows], pa.int64()), parts)
    if any(place >= 0 for place in bucket):
        ranges = [(0, 1), (0, 3), (2, 5)]
        inside = [[v for b, v in rows if v is not None and low <= b < high] for low, high in ranges]
        assert answers(frame, MEDIAN, ranges) == [float(median(each)) if each else None for each in inside]


def test_the_exact_limit_is_by_different_values_not_by_rows() -> None:
    values = random_numbers(9, 100_000, KLL_EXACT)
    kept = merged("kll", np.zeros(len(values), np.int64), pa.array(values), 4)
    (found,) = answers(kept, Finish("percentile", "integer", "37"), [(0, 1)])
    place = Fraction(37, 100) * (len(values) - 1)
    ordered = np.sort(values)
    below, above = int(ordered[int(place)]), int(ordered[int(place) + 1])
    assert found == float(below + (above - below) * (place - int(place)))


@pytest.mark.parametrize("shape", ["skewed", "ascending", "repeated", "tiny and huge"])
@pytest.mark.parametrize("parts", [1, 12])
def test_percentiles_are_within_the_bound(shape: str, parts: int) -> None:
    size = 150_000
    draw = np.random.default_rng(10)
    values = {
        "skewed": lambda: draw.lognormal(3, 2, size),
        "ascending": lambda: np.arange(size) * 0.5,
        "repeated": lambda: np.where(draw.random(size) < 0.6, 1.0, draw.normal(size=size)),
        "tiny and huge": lambda: 2.0 ** draw.uniform(-900, 900, size),
    }[shape]()
    frame = merged("kll", np.zeros(size, np.int64), pa.array(values), parts)
    assert len(frame) <= KLL_EXACT
    assert frame.states[0].rows.tolist() == frame.states[0].values.tolist()
    assert int(frame.states[0].values.sum()) == size
    ordered = np.sort(values)
    for percent in ("0.1", "1", "10", "25", "50", "75", "90", "99", "99.9"):
        (found,) = answers(frame, Finish("percentile", "float", percent), [(0, 1)])
        assert rank_distance(ordered, found, float(percent)) <= RANK_ERROR


def test_sets_are_halved_the_same_way_each_time_and_next_to_each_other() -> None:
    values = np.random.default_rng(11).normal(size=50_000)
    alone = merged("kll", np.zeros(50_000, np.int64), pa.array(values), 5)
    bucket = np.concatenate([np.zeros(50_000, np.int64), np.ones(50_000, np.int64)])
    both = merged("kll", bucket, pa.array(np.concatenate([values, values])), 5)
    assert both.item.filter(pa.array(both.bucket == 0)).to_pylist() == alone.item.to_pylist()
    assert both.item.filter(pa.array(both.bucket == 1)).to_pylist() == alone.item.to_pylist()


def kll_image(values: np.ndarray, weights: np.ndarray, ends: np.ndarray) -> bytes:
    """Weighted values as a sketch in the library's format: the digits of the weights are its levels."""
    count = int(weights.max()).bit_length()
    levels = [np.sort(values[(weights >> level) & 1 > 0]) for level in range(count)]
    capacity = sum(max(8, ((KLL_K << depth + 1) // 3**depth + 1) >> 1) for depth in range(count))
    sizes = [len(level) for level in levels]
    first = capacity - sum(sizes)  # the library fills its store from the end
    assert first >= 0
    head = struct.pack("<BBBBHBxQHBx", 5, 1, 15, 0b0010, KLL_K, 8, int(weights.sum()), KLL_K, count)
    offsets = np.cumsum([first, *sizes[:-1]]).astype(np.uint32)
    return head + offsets.tobytes() + ends.tobytes() + np.concatenate(levels).tobytes()


def test_errors_of_percentiles_go_both_ways() -> None:
    """A coin that always fell the same way would move all values up, or all down."""
    draw = np.random.default_rng(15)
    signs = set()
    for _ in range(20):
        keys = np.unique(draw.integers(0, 2**60, 20_000))
        rows, weights = compact_levels(np.zeros(len(keys), np.int64), keys, np.ones(len(keys), np.int64))
        rank = np.cumsum(weights) - weights / 2
        signs.add(bool(np.mean(rank - (rows + 0.5)) > 0))
    assert signs == {True, False}


def test_the_library_reads_our_levels_as_its_own() -> None:
    size = 1_000_000
    values = np.sort(np.random.default_rng(12).normal(size=size))
    rows, weights = compact_levels(np.zeros(size, np.int64), np.arange(size), np.ones(size, np.int64))
    sketch = kll_doubles_sketch.deserialize(kll_image(values[rows], weights, values[[0, -1]]))
    assert sketch.n == size
    assert sketch.normalized_rank_error(False) == pytest.approx(RANK_ERROR)
    ordered = np.sort(rows)
    running = np.cumsum(weights[np.argsort(rows)])
    for asked in (0.01, 0.25, 0.5, 0.9, 0.999):
        ours = values[ordered[np.searchsorted(running, asked * size)]]
        assert sketch.get_quantile(asked, inclusive=True) == ours
        assert rank_distance(values, ours, 100 * asked) <= RANK_ERROR


def test_windows_of_sketches_stay_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 400_000
    bucket = random_numbers(13, size, 40)
    values = np.random.default_rng(14).lognormal(2, 1, size) * (1 + bucket)
    frame = merged("kll", bucket, pa.array(values), 2)
    ranges = [(0, end) for end in range(1, 9)] + [(end - 8, end) for end in range(9, 41)]
    direct = answers(frame, MEDIAN, ranges)
    monkeypatch.setattr(finish, "_MANY", 0)
    monkeypatch.setattr(window_values, "_AT_ONCE", 10_000)
    blocks = answers(frame, MEDIAN, ranges)
    assert blocks != direct  # the union of blocks was taken
    for (low, high), one, other in zip(ranges, direct, blocks, strict=True):
        ordered = np.sort(values[(bucket >= low) & (bucket < high)])
        assert rank_distance(ordered, one, 50) <= RANK_ERROR
        assert rank_distance(ordered, other, 50) <= RANK_ERROR


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 1) | st.none()), min_size=1),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=8),
)
@few
def test_blocks_of_small_sketches_are_exact(
    rows: list[tuple[str, int, int | None]], spans: list[tuple[int, int]]
) -> None:
    """Windows made of blocks hold each value of theirs once, whatever their bounds."""
    known = sorted({row for row in rows if row[2] is not None}, key=str)
    if not known:
        return
    group = np.array(["ab".index(row[0]) for row in known], np.int64)
    bucket, value = np.array([row[1] for row in known], np.int64), np.array([row[2] for row in known], np.int64)
    order = np.lexsort((bucket, group))
    group, bucket, value = group[order], bucket[order], value[order]
    low = np.array([low for low, _ in spans] * 2, np.int64)
    high = np.array([max(low, high) for low, high in spans] * 2, np.int64)
    asked = np.repeat([0, 1], len(spans))
    longest = int((high - low).max())
    blocks = window_values.Blocks(group, bucket, pa.array(value), np.ones(len(value), np.int64), longest)
    window, starts, stops = blocks.ranges(asked, low, high)
    assert window.tolist() == sorted(window.tolist())
    for number in range(len(asked)):
        inside: list[int] = []
        for start, stop in zip(starts[window == number], stops[window == number], strict=True):
            inside += np.repeat(value[blocks.rows[start:stop]], blocks.weights[start:stop]).tolist()
        chosen = (group == asked[number]) & (bucket >= low[number]) & (bucket < high[number])
        assert sorted(inside) == sorted(value[chosen].tolist())
