"""References: which chains of `->` there are, and the row that a reference means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kpi_engine.ir import tree

from .events import latest_before
from .local_time import LocalCalendar
from .model import Column, Entity, Source
from .problems import MeaninglessError

if TYPE_CHECKING:
    from .tables import Moment, Row
    from .world import Anchor, World

Step = tuple[str, Column]
"""A reference, with the source whose column it is."""


class Links:
    """The references of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._model = world.model
        self._found: dict[tuple[str, str], dict[Any, list[Row]]] = {}

    def steps(self, base: str, words: Sequence[str]) -> list[Step]:
        """The references that a dotted path goes along, each with the source that it starts from."""
        found: list[Step] = []
        here = base
        for number, name in enumerate(words):
            step = self._own_reference(here, name)
            if step is not None:
                chain = [step]
            else:
                thing = self._model.thing(name)
                if thing is None:
                    raise MeaninglessError(f"no source named {name}")
                if number == 0 and thing.name == base:
                    continue
                chains = self.chains(here, thing.name)
                if len(chains) != 1:
                    raise MeaninglessError(f"{len(chains)} chains from {here} to {name}")
                chain = chains[0]
            found += chain
            here = self.target(chain[-1]).name
        return found

    def _own_reference(self, base: str, name: str) -> Step | None:
        for column in self._model.sources[base].columns.values():
            if column.target is not None and name in (column.name, column.alias):
                return base, column
        return None

    def chains(self, base: str, wanted: str, seen: tuple[str, ...] = ()) -> list[list[Step]]:
        """All chains of references from one source to another."""
        found: list[list[Step]] = []
        if base not in self._model.sources:
            return found
        for column in self._model.sources[base].columns.values():
            target = self.target((base, column)) if column.target is not None else None
            if target is None or target.name in (base, *seen):
                continue
            if target.name == wanted:
                found.append([(base, column)])
            elif isinstance(target, Source):
                found += [[(base, column), *rest] for rest in self.chains(target.name, wanted, (*seen, base))]
        return found

    def common_base(self, sources: Sequence[str]) -> str:
        """The one source from which all the others are reached."""
        distinct = list(dict.fromkeys(sources))
        bases = [base for base in distinct if all(other == base or self.chains(base, other) for other in distinct)]
        if len(bases) != 1:
            raise MeaninglessError(f"no one base source among {distinct}")
        return bases[0]

    def target(self, step: Step) -> Source | Entity:
        """What a reference leads to."""
        thing = self._model.thing(step[1].target or "")
        if thing is None:
            raise MeaninglessError(f"no source or entity named {step[1].target}")
        return thing

    def follow(self, step: Step, row: Row | None, anchor: Anchor) -> tuple[str, Row | None]:
        """The row that a reference means; none if nothing matches. `anchor` is the row that says the time."""
        target = self.target(step)
        assert isinstance(target, Source)
        if row is None:
            return target.name, None
        found = self._matching(target, step, row, anchor)
        if len(found) > 1:
            raise MeaninglessError(f"{len(found)} rows of {target.name} for one reference")
        return target.name, found[0] if found else None

    def _matching(self, target: Source, step: Step, row: Row, anchor: Anchor) -> list[Row]:
        base, column = step
        if column.parent:
            assert row.origin is not None
            if self._model.sources[base].elements is not None:
                return [row.origin]
            source = self._model.sources[base]
            return self._matching(target, (source.base, self._model.sources[source.base].columns[column.name]),
                                  row.origin, anchor)  # fmt: skip
        if column.inherited and column.computed is not None:
            assert row.origin is not None
            source = self._model.sources[base]
            return self._matching(target, (source.base, self._model.sources[source.base].columns[column.name]),
                                  row.origin, anchor)  # fmt: skip
        if is_last(column):
            assert isinstance(column.computed, tree.Call)
            last = latest_before(self._world, column.computed, base, row)
            return [] if last is None else [last]
        value = self._world.column(column.name, base, row)
        if value is None:
            return []
        key = column.target_column or _reference_key(target)
        found = self._index(target, key).get(value, [])
        if "snapshot" not in target.properties and "versions" not in target.properties:
            return found
        moment = self._world.time(*anchor)
        if moment is None:
            return []
        if "versions" in target.properties:
            return [other for other in found if self._holds(target, other, moment)]
        day = day_of(self._world.calendar, moment)
        times = [(other, self._world.time(target.name, other)) for other in found]
        return [other for other, time in times if time is not None and day_of(self._world.calendar, time) == day]

    def _index(self, target: Source, key: str) -> dict[Any, list[Row]]:
        if (target.name, key) not in self._found:
            index = self._found.setdefault((target.name, key), {})
            for other in self._world.rows(target.name):
                index.setdefault(self._world.column(key, target.name, other), []).append(other)
        return self._found[target.name, key]

    def _holds(self, target: Source, version: Row, moment: Moment) -> bool:
        """Whether a version holds at a moment: from <= moment < to, where null is open."""
        begin, end = [self._world.column(name, target.name, version) for name in target.words("versions")]
        calendar = self._world.calendar
        if begin is not None and _before(calendar, moment, begin):
            return False
        return end is None or _before(calendar, moment, end)


def is_last(column: Column) -> bool:
    """Whether a reference is `last(S on K ...)`."""
    return isinstance(column.computed, tree.Call) and column.computed.function.text == "last"


def _reference_key(target: Source) -> str:
    """The column of a source that references to it hold; the time of a snapshot is not in it."""
    time = target.properties.get("time")
    outside = time.text if "snapshot" in target.properties and isinstance(time, tree.Path) else None
    keys = [name for name in target.words("key") if name != outside]
    if len(keys) != 1:
        raise MeaninglessError(f"a reference to {target.name} needs a key of one column")
    return keys[0]


def _before(calendar: LocalCalendar, moment: Moment, other: Moment) -> bool:
    """Whether a moment is before another; beside a date an instant is its local date."""
    if isinstance(moment, datetime) == isinstance(other, datetime):
        return moment < other
    return day_of(calendar, moment) < day_of(calendar, other)


def day_of(calendar: LocalCalendar, moment: Moment) -> date:
    """The local date of a moment."""
    return calendar.to_wall(moment).date() if isinstance(moment, datetime) else moment
