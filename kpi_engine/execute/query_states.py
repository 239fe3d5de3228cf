"""The partial frames of one measure query, gathered over a scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import partial

from kpi_engine.execute.spill import Budget, SpilledSet
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.kernels.counted import CountedPart, merge_counted
from kpi_engine.kernels.frames import StateFrame, merge_frames

_MERGE_AT = 1 << 22
"""Merge partial frames when they hold this many states together, so that memory follows states and not rows."""


@dataclass(slots=True)
class QueryStates:
    """Partial frames of one measure query, by frame: the plain one first, then one for each set.

    Of the sets in `counted`, by the number of their frame, only the number of values in each cell is wanted.
    """

    frames: list[list[StateFrame]]
    counted: dict[int, list[CountedPart]]
    budget: Budget
    number: int
    spilled: dict[int, SpilledSet] = field(default_factory=dict)

    @classmethod
    def of(cls, query: MeasureQuery, counted: Iterable[int], budget: Budget, number: int) -> QueryStates:
        """No states yet of the query with this number, whose sets may go to disk if they are only counted."""
        frames: list[list[StateFrame]] = [[] for _ in range(1 + sum(state.is_set for state in query.states))]
        found = cls(frames, {each: [] for each in counted}, budget, number)
        budget.spills.update({(number, each): partial(found.spill, each) for each in found.counted})
        return found

    def add(self, partials: Sequence[StateFrame]) -> None:
        """Take in the frames of a batch."""
        for number, made in enumerate(partials):
            self.take(number, made)

    def take(self, number: int, made: StateFrame) -> None:
        """Take in one frame; KpiError E823 where states outgrow the memory that they may take."""
        if number in self.spilled:
            self.spilled[number].add([made])
            return
        kept, place = self.frames[number], (self.number, number)
        kept.append(made)
        fits = self.budget.add(place, made)
        if number in self.spilled or len(kept) < 2:
            return
        if not fits or sum(map(len, kept)) > max(_MERGE_AT, 3 * len(kept[0])):
            kept[:] = [merge_frames(kept)]
            if not self.budget.replace(place, kept[0]):
                raise self.budget.exceeded(place)

    def spill(self, number: int) -> None:
        """Move a set that is only counted to disk."""
        self.spilled[number] = SpilledSet()
        self.spilled[number].add(self.frames[number])
        self.frames[number] = []

    def take_counted(self, number: int, part: CountedPart) -> None:
        """Take in cells of a set that are counted."""
        self.counted[number].append(part)

    def merged(self) -> list[StateFrame]:
        """The frames of the whole source. The parts are given up one after the other, to make room for the whole."""
        whole = []
        for number in range(len(self.frames)):
            parts, self.frames[number] = self.frames[number], []
            if number in self.spilled:
                whole.append(merge_counted([*self.counted.pop(number), self.spilled.pop(number).counted()]))
            elif number in self.counted:
                whole.append(merge_counted([*self.counted.pop(number), *map(CountedPart.of, parts)]))
            else:
                whole.append(merge_frames(parts))
        return whole
