"""Which snapshots of a source a window holds, and whose: with `snapshot_by` everybody's own last or first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kpi_engine.ir import tree

from .context import Context
from .local_time import Mark
from .measures import Measure
from .model import Source, paths
from .tables import Row
from .world import World

Bounds = tuple[Mark | None, Mark]


class Snapshots:
    """The snapshots of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def picked(self, source: Source, bounds: Bounds, point: str) -> Callable[[Row], bool]:
        """Whether a row belongs to the last, or the first, snapshot of its owner in a window, whatever filters say."""
        calendar, world = self._world.calendar, self._world
        marks: dict[Any, list[Mark]] = {}
        for row in self._inside(source, bounds):
            moment = world.time(source.name, row)
            assert moment is not None
            marks.setdefault(self._owner(source, row), []).append(calendar.at_moment(moment))
        choose = max if point == "end" else min
        (grain,) = source.words("snapshot")
        spans = {owner: calendar.period(grain, choose(found)) for owner, found in marks.items()}

        inside = {id(row) for row in self._inside(source, bounds)}

        def is_picked(row: Row) -> bool:
            moment, span = world.time(source.name, row), spans.get(self._owner(source, row))
            return span is not None and moment is not None and span.holds(moment) and id(row) in inside

        return is_picked

    def exist(self, measure: Measure, bounds: Bounds, context: Context, group: Mapping[str, Any]) -> bool:
        """Whether one of those counted in a window whom the group and the conditions mean, as far as these say."""
        world = self._world
        source = world.model.sources[measure.base]
        around = [each for each in context.filters if self._says_whose(source, each, dimensions=True)]
        own = [each for each in measure.where if self._says_whose(source, each, dimensions=False)]
        names = [name for name in context.dimensions if name in group and self._splits_owners(source, name)]
        return any(
            all(world.on_row(each, source.name, row, dimensions=True) is True for each in around)
            and all(world.on_row(each, source.name, row) is True for each in own)
            and all(world.dimension(name, source.name, row) == group[name] for name in names)
            for row in self._inside(source, bounds)
        )

    def _inside(self, source: Source, bounds: Bounds) -> list[Row]:
        start, end = bounds
        moments = [(row, self._world.time(source.name, row)) for row in self._world.known_rows(source.name)]
        return [
            row
            for row, moment in moments
            if moment is not None and end.after(moment) and (start is None or not start.after(moment))
        ]

    def _owner(self, source: Source, row: Row) -> tuple[Any, ...]:
        return tuple(self._world.column(name, source.name, row) for name in source.words("snapshot_by"))

    # --------------------------------------------------------------------------- what follows from the owner alone

    def _splits_owners(self, source: Source, name: str) -> bool:
        """Whether the owner of a row alone says its value of a dimension, or its id of a key."""
        world = self._world
        if not source.words("snapshot_by"):
            return False
        if name.startswith("per "):
            thing = world.model.thing(name.removeprefix("per "))
            assert thing is not None
            chains = world.links.chains(source.name, thing.name)
            direct = [chain for chain in chains if len(chain) == 1] or chains
            if not direct:
                return all(self._is_owners(source, each) for each in source.words("key"))
            return self._is_owners(source, direct[0][0][1].name)
        values = world.model.dimensions.get(name)
        if values is None:
            return self._is_owners(source, name)
        for value in values:
            home = world.home(value)
            chains = [[]] if home == source.name else world.links.chains(source.name, home or "")
            if chains and not chains[0]:
                return self._says_whose(source, value, dimensions=False)
            if chains:
                return self._is_owners(source, chains[0][0][1].name)
        return False

    def _says_whose(self, source: Source, node: tree.Expr, *, dimensions: bool) -> bool:
        """Whether an expression names something, and only what the owner of a row says."""
        found = list(paths(node))
        return bool(source.words("snapshot_by")) and bool(found) and all(self._named(source, each, dimensions)
                                                                        for each in found)  # fmt: skip

    def _named(self, source: Source, path: tree.Path, dimensions: bool) -> bool:
        if dimensions and path.text in self._world.model.dimensions:
            return self._splits_owners(source, path.text)
        *heads, last = [part.text for part in path.parts]
        steps = self._world.links.steps(source.name, heads)
        targets = [self._world.links.target(step) for step in steps]
        dated = any(isinstance(each, Source) and {"versions", "snapshot"} & set(each.properties) for each in targets)
        return not dated and self._is_owners(source, steps[0][1].name if steps else last)

    def _is_owners(self, source: Source, column: str) -> bool:
        if column in source.words("snapshot_by"):
            return True
        declared = source.columns.get(column)
        computed = None if declared is None else declared.computed
        return computed is not None and self._says_whose(source, computed, dimensions=False)
