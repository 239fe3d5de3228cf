"""Ranges of states by their places, against plain lists; `sparse` makes room enough for the search without bits."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.kernels.places import Places


@st.composite
def states(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    """Places of states, the count of each, and how many places there are."""
    size = draw(st.integers(1, 200))
    places = draw(st.lists(st.integers(0, size - 1), max_size=40))
    counts = draw(st.lists(st.integers(0, 3), min_size=len(places), max_size=len(places)))
    return places, counts, size


@pytest.mark.parametrize("sparse", [1, 1_000_003])
@given(states(), st.booleans(), st.data())
def test_ranges_are_those_of_sorted_lists(
    sparse: int, given_states: tuple[list[int], list[int], int], distinct: bool, data: st.DataObject
) -> None:
    numbers, counts, size = given_states
    if distinct:
        chosen = dict(zip(numbers, counts, strict=True))
        numbers, counts = list(chosen), list(chosen.values())
    numbers, size = [number * sparse for number in numbers], size * sparse
    places = Places(np.array(numbers, np.int64), size, are_distinct=distinct)
    there = sorted(set(numbers))
    asked = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=10).map(sorted))
    ranks = [bisect_left(there, each) for each in asked]
    found = places.before(np.array(asked))
    assert found.tolist() == ranks

    is_open = data.draw(st.lists(st.booleans(), min_size=len(asked), max_size=len(asked)))
    before, until = places.around(np.array(asked), np.array(is_open))
    assert before.tolist() == ranks
    assert until.tolist() == [bisect_left(there, each + is_open) for each, is_open in zip(asked, is_open, strict=True)]

    given_counts = np.array(counts, np.int64)
    totals = places.total(given_counts, found[:-1], found[1:])
    pairs = pairwise(asked)
    assert totals.tolist() == [
        sum(count for number, count in zip(numbers, counts, strict=True) if low <= number < high) for low, high in pairs
    ]
    order = sorted(range(len(numbers)), key=lambda row: (numbers[row], row))
    assert places.order().tolist() == order
    starts = [bisect_left([numbers[row] for row in order], each) for each in asked]
    assert places.starts(found).tolist() == starts
    positive = {number for number, count in zip(numbers, counts, strict=True) if count > 0}
    assert places.occupied(given_counts).tolist() == sorted(positive)
