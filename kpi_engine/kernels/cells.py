"""Cells of an answer: pairs of a group and a period, all of them or only those that matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpi_engine.kernels.vectors import Ints


@dataclass(frozen=True, slots=True)
class Cells:
    """Pairs (group, period), sorted by group and then period; `periods` is how many periods there are."""

    group: Ints
    period: Ints
    periods: int

    def __len__(self) -> int:
        return len(self.group)

    @property
    def code(self) -> Ints:
        """One ascending number a cell."""
        return self.group * self.periods + self.period

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
