"""Where states lie, as a set of numbers, and how many of them lie before any other number.

The set is a row of bits with a running count for each 32 of them, so that a window's range of states is found by two
looks into tables that fit the cache, and not by binary searches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kpi_engine.kernels.sorting import distinct, sorted_with_order
from kpi_engine.kernels.vectors import Ints, Mask

_SPARSE = 64
"""Bits for each state up to which a row of bits is made; beyond, the sorted places are searched."""

_TABLE = 1 << 16
"""A table of so many bytes costs nothing."""

Words = npt.NDArray[np.uint32]


class Places:
    """The places of states, in [0, `size`).

    `are_distinct`: no two states lie at the same place.
    """

    def __init__(self, places: Ints, size: int, *, are_distinct: bool) -> None:
        self._places = places
        self._running: dict[int, tuple[Ints, Ints | None]] = {}
        self._sorted: Ints | None = None
        self._words: Words | None = None
        if not are_distinct:
            self._sorted = _distinct(places, size)
        used = places if self._sorted is None else self._sorted
        if size <= max(_TABLE, _SPARSE * len(used)):
            self._words = _words(used, size)
            counts = np.bitwise_count(self._words)
            self._counted = np.zeros(len(counts), np.int64)
            np.cumsum(counts[:-1], out=self._counted[1:], dtype=np.int64)
        elif self._sorted is None:
            self._sorted = distinct(places)
        self.ranks = self.before(places)
        """For each state how many distinct places lie before its own."""
        self._are_distinct = are_distinct
        self._count = len(used)

    def before(self, asked: Ints) -> Ints:
        """How many distinct places lie before each of those asked, which are in [0, `size`).

        >>> Places(np.array([3, 1, 3]), 40, are_distinct=False).before(np.array([0, 3, 39])).tolist()
        [0, 1, 2]
        """
        if self._words is None:
            assert self._sorted is not None
            return np.searchsorted(self._sorted, asked)
        word = asked >> 5
        lower = np.uint32(1) << (asked & 31).astype(np.uint32)
        lower -= np.uint32(1)
        lower &= self._words[word]
        found: Ints = self._counted[word]
        found += np.bitwise_count(lower)
        return found

    def around(self, asked: Ints, open: Mask) -> tuple[Ints, Ints]:
        """How many distinct places lie before each of those asked, and how many of [0, asked], where that is `open`.

        >>> places = Places(np.array([3, 1, 3]), 40, are_distinct=False)
        >>> [each.tolist() for each in places.around(np.array([1, 2, 3]), np.array([True, True, False]))]
        [[0, 1, 1], [1, 1, 1]]
        """
        if self._words is None:
            return self.before(asked), self.before(asked + open)
        word = asked >> 5
        bit = np.uint32(1) << (asked & 31).astype(np.uint32)
        words = self._words[word]
        is_there = (words & bit) != 0
        is_there &= open
        bit -= np.uint32(1)
        bit &= words
        starts: Ints = self._counted[word]
        starts += np.bitwise_count(bit)
        return starts, starts + is_there

    def order(self) -> Ints:
        """The states sorted by place, and by number where they share one."""
        if not self._are_distinct:
            return sorted_with_order(self.ranks)[1]
        found = np.empty(len(self.ranks), np.int64)
        found[self.ranks] = np.arange(len(self.ranks))
        return found

    def starts(self, ranks: Ints) -> Ints:
        """Where, in the order of states, those of the distinct places from these numbers on begin.

        >>> Places(np.array([3, 1, 3]), 40, are_distinct=False).starts(np.array([0, 1, 2])).tolist()
        [0, 1, 3]
        """
        if self._are_distinct:
            return ranks
        begins = np.zeros(self._count + 1, np.int64)
        np.cumsum(np.bincount(self.ranks, minlength=self._count), out=begins[1:])
        found: Ints = begins[ranks]
        return found

    def total(self, counts: Ints, starts: Ints, stops: Ints) -> Ints:
        """The sums of the states' counts over ranges of distinct places.

        >>> places = Places(np.array([3, 1, 3]), 40, are_distinct=False)
        >>> places.total(np.array([5, 1, 2]), np.array([0, 1]), np.array([1, 2])).tolist()
        [1, 7]
        """
        found = self._running.get(id(counts))
        if found is None:  # the counts are kept with their sums, so that their number is not given to others
            found = self._running[id(counts)] = (counts, self._sums(counts))
        running = found[1]
        if running is None:
            return stops - starts
        total: Ints = running[stops]
        total -= running[starts]
        return total

    def _sums(self, counts: Ints) -> Ints | None:
        """For each number of a distinct place the sum of the counts before it; None where each counts 1."""
        if self._are_distinct:
            if bool((counts == 1).all()):
                return None
            at = np.empty(self._count, np.int64)
            at[self.ranks] = counts
        else:
            at = np.bincount(self.ranks, counts, self._count).astype(np.int64)
        running = np.zeros(self._count + 1, np.int64)
        np.cumsum(at, out=running[1:])
        return running

    def occupied(self, counts: Ints) -> Ints:
        """The places with a positive count, ascending, as an array of its own.

        >>> Places(np.array([3, 1, 3]), 40, are_distinct=False).occupied(np.array([0, 5, 2])).tolist()
        [1, 3]
        """
        some = counts > 0
        if not bool(some.all()):
            found = np.zeros(self._count, np.bool_)
            found[self.ranks[some]] = True
            return self._all()[found]
        return self._all()

    def _all(self) -> Ints:
        if self._sorted is not None:
            return self._sorted.copy()
        found = np.empty(self._count, np.int64)
        found[self.ranks] = self._places
        return found


def _distinct(places: Ints, size: int) -> Ints:
    """The distinct places, ascending."""
    if size > max(_TABLE, 8 * len(places)):
        return distinct(places)
    found = np.zeros(size, np.bool_)
    found[places] = True
    return np.flatnonzero(found)


def _words(places: Ints, size: int) -> Words:
    """Distinct places as bits of a row of words; sums of different powers of two are exact."""
    bits = np.ldexp(1.0, (places & 31).astype(np.int32))
    return np.bincount(places >> 5, bits, (size >> 5) + 1).astype(np.uint32)
