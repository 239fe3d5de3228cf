"""Aggregates of rows: which rows are in a window and a group, and what their aggregate is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kpi_engine.ir import tree

from .aggregates import aggregate
from .context import Context
from .events import is_followed
from .local_time import FINER, SMALLEST, Mark
from .measures import Measure, read_measure
from .model import Source, word
from .period_text import read_instant
from .problems import MeaninglessError
from .snapshots import Snapshots
from .tables import Moment, Row
from .windows import Window
from .world import PER, World

ZERO_OUTSIDE = ("rows", "count", "count distinct", "sum")
Bounds = tuple[Mark | None, Mark]


@dataclass(frozen=True)
class Entry:
    """A row that passes all filters: its time, its group, and the values that are aggregated."""

    row: Row
    moment: Moment | None
    group: tuple[Any, ...]
    values: tuple[Any, ...]


class Measuring:
    """The aggregates of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calendar = world.calendar
        self._snapshots = Snapshots(world)
        self._measures: dict[int, Measure] = {}
        self._prepared: dict[tuple[object, ...], list[Entry]] = {}
        self._within: dict[tuple[object, ...], list[Entry]] = {}
        self._first: dict[str, Mark | None] = {}
        self._grouped: dict[tuple[object, ...], bool] = {}

    def measure(self, call: tree.Call) -> Measure:
        """An aggregate with its names looked up."""
        if id(call) not in self._measures:
            self._measures[id(call)] = read_measure(self._world, call)
        return self._measures[id(call)]

    def value(self, call: tree.Call, context: Context, group: Mapping[str, Any]) -> Any:
        """The value of an aggregate for one group."""
        measure = self.measure(call)
        nothing = 0 if measure.function in ZERO_OUTSIDE else None
        if context.empty:
            return nothing
        bounds = self.bounds(measure, context)
        if bounds is None or not self._is_counted(measure, bounds, context, group):
            return nothing if context.before else None
        entries = self.entries(call, context, group)
        return aggregate(measure.function, [entry.values for entry in entries], measure.parameter)

    def entries(self, call: tree.Call, context: Context, group: Mapping[str, Any]) -> list[Entry]:
        """The rows inside the window and the group; those without an id of a key are in no group."""
        names = context.dimensions
        found = self.entries_of_all(call, context, context.filters, names)
        wanted = [(place, group[name]) for place, name in enumerate(names) if name in group]
        return [entry for entry in found if all(entry.group[place] == value for place, value in wanted)]

    def entries_of_every_group(self, call: tree.Call, context: Context) -> list[Entry]:
        """The rows inside the window with their whole group; where a `total` has dropped some of it, those of the whole
        filter."""
        if not self.has_groups(call, context):
            return []
        filters = context.filters if context.dimensions == context.every_dimension else context.every_filter
        return self.entries_of_all(call, context, filters, context.every_dimension)

    def entries_of_group(self, call: tree.Call, context: Context, group: Mapping[str, Any]) -> list[Entry]:
        """Of these the rows of one group."""
        wanted = [(place, group[name]) for place, name in enumerate(context.every_dimension) if name in group]
        entries = self.entries_of_every_group(call, context)
        return [entry for entry in entries if all(entry.group[place] == value for place, value in wanted)]

    def entries_of_all(
        self, call: tree.Call, context: Context, filters: tuple[tree.Expr, ...], dimensions: tuple[str, ...]
    ) -> list[Entry]:
        """The rows inside the window, of all groups."""
        measure = self.measure(call)
        bounds = self.bounds(measure, context)
        if bounds is None:
            return []
        chosen = tuple((name, id(condition)) for name, condition in context.chosen)
        key = (id(call), tuple(id(each) for each in filters), dimensions, chosen)
        if key not in self._prepared:
            entries = self._prepare(measure, filters, dimensions)
            self._prepared[key] = [entry for entry in entries if self._is_chosen(entry, dimensions, context)]
        if (key, bounds) not in self._within:
            inside = self._inside(measure, bounds)
            self._within[key, bounds] = [entry for entry in self._prepared[key] if inside(entry)]
        return self._within[key, bounds]

    def _prepare(self, measure: Measure, filters: tuple[tree.Expr, ...], dimensions: tuple[str, ...]) -> Any:
        world, base = self._world, measure.base
        alive = measure.at is not None and "lifetime" in world.model.sources[base].properties
        keys = [place for place, name in enumerate(dimensions) if name.startswith(PER)]
        for row in world.rows(base):
            moment = world.time(base, row) if measure.dated_by is None else world.path(measure.dated_by, base, row)
            if moment is None and not alive:
                continue
            kept = all(world.on_row(each, base, row, dimensions=True) is True for each in filters)
            kept = kept and all(world.on_row(each, base, row) is True for each in measure.where)
            if not kept or (measure.followed and not is_followed(world, base, row, measure.followed)):
                continue
            group = tuple(world.dimension(name, base, row) for name in dimensions)
            if all(group[place] is not None for place in keys):
                yield Entry(row, moment, group, tuple(world.on_row(each, base, row) for each in measure.arguments))

    def _is_chosen(self, entry: Entry, dimensions: tuple[str, ...], context: Context) -> bool:
        """Whether the ids of a row satisfy the conditions on their keys' own columns."""
        ids = dict(zip(dimensions, entry.group, strict=True))
        return all(self._world.passes(name, condition, ids[name]) for name, condition in context.chosen if name in ids)

    def check(self, call: tree.Call, context: Context) -> None:
        """Every name must mean something, also where there is no row to look it up on."""
        measure = self.measure(call)
        self._check(measure, context.filters, context.dimensions)

    def has_groups(self, call: tree.Call, context: Context) -> bool:
        """Whether its rows have all that a `total` around them drops."""
        measure = self.measure(call)
        key = measure.base, tuple(id(each) for each in context.every_filter), context.every_dimension
        if key not in self._grouped:
            try:
                self._check(Measure("rows", measure.base, (), None), context.every_filter, context.every_dimension)
            except MeaninglessError:
                self._grouped[key] = False
            else:
                self._grouped[key] = True
        return self._grouped[key]

    def _check(self, measure: Measure, filters: tuple[tree.Expr, ...], dimensions: tuple[str, ...]) -> None:
        for each in filters:
            self._world.on_row(each, measure.base, None, dimensions=True)
        for each in (*measure.where, *measure.arguments):
            self._world.on_row(each, measure.base, None)
        for name in dimensions:
            self._world.dimension(name, measure.base, None)
        for link in measure.followed:
            if link.condition is not None:
                self._world.on_row(link.condition, link.target.text, None)

    # ------------------------------------------------------------------------------------------------------- windows

    def covered(self, base: str, window: Window | None) -> Bounds | None:
        """The bounds of a window that touches the source's coverage; None for any other."""
        return self._known(base, None if window is None else window.bounds(self._calendar))

    def bounds(self, measure: Measure, context: Context) -> Bounds | None:
        """What a measure sees of its window, inside of the source's coverage; of coarse rows whole periods."""
        window = None if context.window is None else context.window.bounds(self._calendar)
        coarse = self._world.model.sources[measure.base].words("grain")
        if coarse and self.first(measure.base) is not None:
            adds_up = measure.function in ("rows", "count", "count distinct", "sum")
            window = self._whole(measure, coarse[0], window, context) if adds_up else self._touched(coarse[0], window)
        return self._known(measure.base, window)

    def _touched(self, grain: str, window: Bounds | None) -> Bounds | None:
        """The whole periods that a window touches."""
        if window is None:
            return None
        start, end = window
        last = self._calendar.period(grain, self._calendar.at(end.instant - SMALLEST))
        return None if start is None else self._calendar.period(grain, start).start, last.end

    def _whole(self, measure: Measure, grain: str, window: Bounds | None, context: Context) -> Bounds | None:
        """The periods whose rows are added up. The watermark cuts none of them, and whoever asks must not."""
        if context.window is not None and context.grain is not None and context.grain not in FINER[grain]:
            raise MeaninglessError(f"rows for a {grain} are not added up by {context.grain}")
        first = self.first(measure.base)
        assert first is not None
        asked = window if context.uncut is None else context.uncut.bounds(self._calendar)
        whole = self._touched(grain, asked)
        if asked is None or whole is None or asked[1] <= first:
            return whole
        if asked[0] is not None and asked[0] > first and asked[0] != whole[0]:
            raise MeaninglessError(f"a window begins inside a {grain}")
        if asked[1] not in (whole[1], context.running):
            raise MeaninglessError(f"a window ends inside a {grain}")
        return whole

    def _known(self, base: str, bounds: Bounds | None) -> Bounds | None:
        first = self.first(base)
        if bounds is None or first is None:
            return None
        start, end = bounds
        if end <= first or (start is not None and start >= self._world.watermarks[base]):
            return None
        return bounds

    def first(self, base: str) -> Mark | None:
        """Where the coverage of a source begins: `starts:`, or else its first row."""
        if base not in self._first:
            starts = self._world.model.sources[base].properties.get("starts")
            said = None if starts is None else read_instant(self._calendar, word(starts))
            self._first[base] = self.first_row(base) if said is None else said
        return self._first[base]

    def first_row(self, base: str) -> Mark | None:
        """The time of the first row of a source."""
        source = self._world.model.sources[base]
        if "time" not in source.properties:
            return None
        moments = [moment for row in self._world.rows(base) if (moment := self._world.time(base, row)) is not None]
        if "lifetime" not in source.properties:  # before 1900 there are no periods, and only lives may begin
            oldest = self._calendar.at_day(date(1900, 1, 1))
            moments = [moment for moment in moments if not oldest.after(moment)]
        first = min(map(self._calendar.at_moment, moments), default=None)
        if first is not None and "grain" in source.properties:
            first = self._calendar.period(source.words("grain")[0], first).start
        return first

    def _is_counted(self, measure: Measure, bounds: Bounds, context: Context, group: Mapping[str, Any]) -> bool:
        """Whether somebody counted in a window: there must be a snapshot of those whom group and filter mean."""
        source = self._world.model.sources[measure.base]
        return "snapshot" not in source.properties or self._snapshots.exist(measure, bounds, context, group)

    def _inside(self, measure: Measure, bounds: Bounds) -> Callable[[Entry], bool]:
        """Which rows are in a window."""
        start, end = bounds
        source = self._world.model.sources[measure.base]
        if measure.at is not None and "lifetime" in source.properties:
            return self._is_alive(source, end if measure.at == "end" else start)
        if measure.at is not None:
            picked = self._snapshots.picked(source, bounds, measure.at)
            return lambda entry: picked(entry.row)
        return lambda entry: (
            entry.moment is not None and end.after(entry.moment) and (start is None or not start.after(entry.moment))
        )

    def _is_alive(self, source: Source, point: Mark | None) -> Callable[[Entry], bool]:
        """Begun before an instant and not ended before it; before all history nothing is."""

        def alive(entry: Entry) -> bool:
            if point is None:
                return False
            begin, end = [self._world.column(name, source.name, entry.row) for name in source.words("lifetime")]
            return point.after(begin) and (end is None or not point.after(end))

        return alive
