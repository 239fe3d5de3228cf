"""Cells of an answer: pairs of a group and a period, all of them or only those that matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.sorting import distinct, sorted_with_order, starts_of_runs
from kpi_engine.kernels.vectors import Ints, from_booleans

_AT_ONCE = 1 << 19
"""How many cells are looked at together at most."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Distinct pairs (group, period), sorted by group and then period; `periods` is how many periods there are."""

    group: Ints
    period: Ints
    periods: int

    def __len__(self) -> int:
        return len(self.group)

    @property
    def code(self) -> Ints:
        """One ascending number a cell."""
        return self.group * self.periods + self.period

    def parts(self) -> Iterator[Cells]:
        """The same cells, some after the other, so few that what is computed of them takes little memory."""
        if len(self) <= _AT_ONCE:
            yield self
            return
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            yield Cells(self.group[part], self.period[part], self.periods)

    def among(self, places: Ints) -> tuple[Cells, Ints | None]:
        """The same cells by a leaf's own groups, each once, and which of them each of these is (None: the same).

        `places` says where each group stands among the leaf's own; those without rows share a place.

        >>> own, which = Cells(np.array([0, 1, 2]), np.array([0, 0, 0]), 1).among(np.array([1, 0, 1]))
        >>> own.group.tolist(), which.tolist()
        ([0, 1], [1, 0, 1])
        """
        width = max(self.periods, 1)
        group = places[self.group]
        code = group * width + self.period
        if bool((code[1:] > code[:-1]).all()):
            return Cells(group, self.period, self.periods), None
        ordered, rows = sorted_with_order(code)
        starts = starts_of_runs(ordered)
        which = np.empty(len(rows), np.int64)
        which[rows] = np.cumsum(starts) - 1
        code = ordered[starts]
        return Cells(code // width, code % width, self.periods), which

    def positions(self, group: Ints, period: Ints) -> Ints:
        """Where cells stand among these, -1 for those that are not among them.

        >>> Cells(np.array([0, 2]), np.array([1, 0]), 2).positions(np.array([2, 1]), np.array([0, 0])).tolist()
        [1, -1]
        """
        own, asked = self.code, group * self.periods + period
        place = np.searchsorted(own, asked)
        found = np.minimum(place, max(len(own) - 1, 0))
        hit = own[found] == asked if len(own) else np.zeros(len(asked), np.bool_)
        return np.where(hit, found, -1)


def all_cells(groups: int, periods: int) -> Cells:
    """Every pair, group by group.

    >>> all_cells(1, 2).period.tolist()
    [0, 1]
    """
    numbers = np.arange(groups * periods, dtype=np.int64)
    return Cells(numbers // max(periods, 1), numbers % max(periods, 1), periods)


def missing_cells(groups: int, periods: int) -> Cells:
    """All periods of the group that has no states, which has the number after the last."""
    return Cells(np.full(periods, groups, np.int64), np.arange(periods, dtype=np.int64), periods)


def is_group(cells: Cells, group: int) -> pa.Array:
    """Which cells belong to a group.

    >>> is_group(all_cells(2, 1), 1).to_pylist()
    [False, True]
    """
    return from_booleans(cells.group == group, None)


def cells_of(group: Ints, period: Ints, places: Ints, size: int) -> tuple[Ints, Ints]:
    """Cells of a leaf's own groups as cells of the `size` common ones; `places` says where each common group stands
    among the leaf's own."""
    common = np.full(int(places.max(initial=-1)) + 2, -1, np.int64)
    common[places] = np.arange(size)
    moved = common[np.minimum(group, len(common) - 1)]
    kept = moved >= 0
    return moved[kept], period[kept]


def union_cells(parts: Sequence[tuple[Ints, Ints]], periods: int) -> Cells:
    """Every cell of some part, once.

    >>> union_cells([(np.array([1]), np.array([0])), (np.array([0, 1]), np.array([1, 0]))], 2).group.tolist()
    [0, 1]
    """
    bits = periods.bit_length()
    codes = [(group << bits) | period for group, period in parts]
    code = distinct(codes[0] if len(codes) == 1 else np.concatenate(codes)) if codes else np.zeros(0, np.int64)
    return Cells(code >> bits, code & ((1 << bits) - 1), periods)


def cross_cells(parts: Sequence[tuple[Ints, Ints]], groups: int, periods: int) -> Cells:
    """All periods of every group that is in some part."""
    used = np.zeros(groups, np.bool_)
    for group, _ in parts:
        used[group] = True
    chosen = np.flatnonzero(used)
    return Cells(np.repeat(chosen, periods), np.tile(np.arange(periods, dtype=np.int64), len(chosen)), periods)


def any_positive(counts: Sequence[Ints], length: int) -> pa.Array:
    """For each element whether any of the counts is positive.

    >>> any_positive([np.array([0, 1]), np.array([0, 0])], 2).to_pylist()
    [False, True]
    """
    found = np.zeros(length, np.bool_)
    for each in counts:
        found |= each > 0
    return from_booleans(found, None)
