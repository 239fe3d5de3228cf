"""The partial frames of one measure query, gathered over a scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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

    @classmethod
    def of(cls, query: MeasureQuery, counted: Iterable[int] = ()) -> QueryStates:
        """No states yet."""
        return cls([[] for _ in range(1 + sum(state.is_set for state in query.states))], {each: [] for each in counted})

    def add(self, partials: Sequence[StateFrame]) -> None:
        """Take in the frames of a batch."""
        for number, partial in enumerate(partials):
            self.take(number, partial)

    def take(self, number: int, partial: StateFrame) -> None:
        """Take in one frame."""
        kept = self.frames[number]
        kept.append(partial)
        if len(kept) > 1 and sum(map(len, kept)) > max(_MERGE_AT, 3 * len(kept[0])):
            kept[:] = [merge_frames(kept)]

    def take_counted(self, number: int, part: CountedPart) -> None:
        """Take in cells of a set that are counted."""
        self.counted[number].append(part)

    def merged(self) -> list[StateFrame]:
        """The frames of the whole source. The parts are given up one after the other, to make room for the whole."""
        whole = []
        for number in range(len(self.frames)):
            parts, self.frames[number] = self.frames[number], []
            if number in self.counted:
                whole.append(merge_counted([*self.counted.pop(number), *map(CountedPart.of, parts)]))
            else:
                whole.append(merge_frames(parts))
        return whole
