"""The partial frames of one measure query, gathered over a scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING

from kpi_engine.execute.spill import Budget, SpilledSet
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.kernels.frames import StateFrame, disjoint, frame_bytes, merge_frames, share_buckets
from kpi_engine.kernels.pieces import Pieces, Unread

if TYPE_CHECKING:
    from kpi_engine.kernels.counted import CountedPart, Partial

_MERGE_AT = 1 << 22
"""Merge partial frames when they hold this many states together, so that memory follows states and not rows."""


@dataclass(slots=True)
class QueryStates:
    """Partial frames of one measure query, by frame: the plain one first, then one for each set.

    Of the sets in `counted`, by the number of their frame, only the number of values in each cell is wanted: `made` has
    the parts that were made of rows, and `counted` those that were kept since. Frames and parts that have cells in
    common are merged when there are more than `merge_at` states in them.
    """

    frames: list[list[StateFrame]]
    unread: list[list[Unread]]
    counted: dict[int, list[CountedPart]]
    budget: Budget
    number: int
    made: dict[int, list[CountedPart]]
    merge_at: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    """By frame how many states its parts hold, so that none is looked at again for each further one."""
    spilled: dict[int, SpilledSet] = field(default_factory=dict)

    @classmethod
    def of(cls, query: MeasureQuery, counted: Iterable[int], budget: Budget, number: int) -> QueryStates:
        """No states yet of the query with this number, whose sets may go to disk if they are only counted."""
        count = 1 + sum(state.is_set for state in query.states)
        frames: list[list[StateFrame]] = [[] for _ in range(count)]
        kept: dict[int, list[CountedPart]] = {each: [] for each in counted}
        made: dict[int, list[CountedPart]] = {each: [] for each in kept}
        found = cls(frames, [[] for _ in range(count)], kept, budget, number, made)
        budget.spills.update({(number, each): partial(found.spill, each) for each in found.counted})
        return found

    def add(self, partials: Sequence[Partial]) -> None:
        """Take in what a batch gives."""
        for number, made in enumerate(partials):
            self.take(number, made)

    def take(self, number: int, made: Partial) -> None:
        """Take in one frame; KpiError E823 where states outgrow the memory that they may take."""
        if not isinstance(made, StateFrame) or number in self.counted:
            from kpi_engine.kernels.counted import CountedPart

            self._take_part(number, CountedPart.of(made) if isinstance(made, StateFrame) else made)
            return
        kept, place = self.frames[number], (self.number, number)
        kept.append(made)
        fits, size = self.budget.add(place, frame_bytes(made)), self.held.get(number, 0) + len(made)
        self.held[number] = size
        if len(kept) < 2 or (fits and size <= self.merge_at.get(number, _MERGE_AT)):
            return
        if fits and not share_buckets(kept):
            self.merge_at[number] = 2 * size
            return
        kept[:] = [merge_frames(kept)]
        self.held[number] = len(kept[0])
        self.merge_at[number] = max(_MERGE_AT, 3 * len(kept[0]))
        if not self.budget.replace(place, frame_bytes(kept[0])):
            raise self.budget.exceeded(place)

    def _take_part(self, number: int, part: CountedPart) -> None:
        """Take in a part of a set that is only counted."""
        if number in self.spilled:
            self.spilled[number].add([part.whole()])
            return
        kept, place = self.made[number], (self.number, number)
        kept.append(part)
        self.budget.add(place, part.nbytes)
        if number not in self.spilled and sum(each.items for each in kept) > self.merge_at.get(number, _MERGE_AT):
            from kpi_engine.kernels.counted import united_parts

            kept[:] = united_parts(kept)
            self.merge_at[number] = max(_MERGE_AT, 2 * sum(each.items for each in kept))
            self.budget.replace(place, sum(each.nbytes for each in kept))

    def spill(self, number: int) -> None:
        """Move a set that is only counted to disk."""
        self.spilled[number] = SpilledSet()
        parts, self.made[number] = self.made[number], []
        while parts:
            self.spilled[number].add([parts.pop().whole()])

    def take_unread(self, number: int, part: Unread) -> None:
        """Take in states of a frame that are read when they are looked at."""
        self.unread[number].append(Unread(part.low, part.high, partial(self._read, number, part), part.without))

    def _read(self, number: int, part: Unread) -> Sequence[StateFrame]:
        place = (self.number, number)
        if not self.budget.add(place, sum(map(frame_bytes, part.frames))):
            raise self.budget.exceeded(place)
        return part.frames

    def take_counted(self, number: int, part: CountedPart) -> None:
        """Take in cells of a set that are counted."""
        self.counted[number].append(part)

    def merged(self) -> list[Pieces]:
        """The frames of the whole source. The parts are given up one after the other, to make room for the whole."""
        whole: list[Pieces] = []
        for number in range(len(self.frames)):
            parts, self.frames[number] = self.frames[number], []
            if number in self.counted:
                self.budget.release((self.number, number))
            if number in self.spilled:
                whole.append(_together([*self.counted.pop(number), self.spilled.pop(number).counted()]))
            elif number in self.counted:
                whole.append(_together([*self.counted.pop(number), *self.made.pop(number)]))
            else:
                whole.append(Pieces(disjoint(parts) if len(parts) > 1 else parts, self.unread[number]))
        return whole


def _together(parts: Sequence[CountedPart]) -> Pieces:
    from kpi_engine.kernels.counted import merge_counted

    return Pieces([merge_counted(parts)])
