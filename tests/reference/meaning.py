"""What a metric means: a function of (window, filter, group), evaluated from its tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from kpi_engine.ir import tree

from .aggregates import aggregate
from .local_time import LocalCalendar, Mark, Span
from .model import Entity, MeaninglessError, Source, conjuncts, duration, paths, word
from .rows import World, call_function, evaluate
from .values import arithmetic, quotient

AGGREGATES = ("count", "sum", "avg", "min", "max", "median", "percentile", "weighted_avg", "stddev", "variance")
WINDOWS = ("previous", "change", "growth", "rolling", "todate", "cumulative", "before")
ZERO_OUTSIDE = ("rows", "count", "count distinct", "sum")


@dataclass(frozen=True)
class Window:
    """A window: the uncut period that it comes from, where that has been moved to, and the cuts of the period."""

    period: Span
    moved: Span
    opens: Mark | None = None
    closes: Mark | None = None
    endless: bool = False

    def bounds(self, calendar: LocalCalendar) -> tuple[Mark | None, Mark] | None:
        """[start, end), start None for the beginning of all history; None if nothing is left."""
        start, end = self.moved.start, self.moved.end
        if self.opens is not None and self.opens > self.period.start:
            start = calendar.cut_like(self.period, self.opens, self.moved)
        if self.closes is not None and self.closes < self.period.end:
            end = calendar.cut_like(self.period, self.closes, self.moved)
        if self.endless:
            return None, end
        return (start, end) if start < end else None


@dataclass(frozen=True)
class Context:
    """What surrounds an expression. `every_*` are those that no `total` has dropped."""

    window: Window | None
    filters: tuple[tree.Expr, ...]
    dimensions: tuple[str, ...]
    every_filter: tuple[tree.Expr, ...]
    every_dimension: tuple[str, ...]
    before: bool = False


@dataclass(frozen=True)
class Measure:
    """An aggregate of the rows of one source."""

    function: str
    base: str
    arguments: tuple[tree.Expr, ...]
    where: tuple[tree.Expr, ...]
    dated_by: tree.Path | None
    parameter: Fraction | None


Measured = Callable[[tree.Call, Context], Any]


class Meaning:
    """Metrics over a world. Coverage is known of every source: its first mark, and its watermark."""

    def __init__(self, world: World, first: dict[str, Mark | None], watermarks: dict[str, Mark]) -> None:
        self.world = world
        self.calendar = world.calendar
        self._first = first
        self._watermarks = watermarks
        self._measures: dict[int, Measure] = {}
        self._prepared: dict[tuple[object, ...], list[tuple[Any, tuple[Any, ...], tuple[Any, ...]]]] = {}

    # ------------------------------------------------------------------------------------------------------- metrics

    def value(self, node: tree.Expr, context: Context, measured: Measured) -> Any:
        """The value of a metric's expression; `measured` gives that of an aggregate in its context."""

        def inside(part: tree.Expr, within: Context = context) -> Any:
            return self.value(part, within, measured)

        match node:
            case tree.Group(body=body, clauses=clauses) if clauses:
                found = tuple(part for clause in clauses for part in conjuncts(_where(clause)))
                return inside(body, _restricted(context, found))
            case tree.Call(function=tree.Path(text=name)) if name in AGGREGATES:
                return measured(node, context)
            case tree.Call(function=tree.Path(text=name)) if name in WINDOWS or name == "total":
                return self._on_window(name, node, context, inside)
            case tree.Call():
                return call_function(node, self.calendar, inside)
            case tree.Path(text=name):
                return inside(self.world.model.metrics[name])
        return evaluate(node, self.calendar, inside, on_rows=False)

    def _on_window(self, name: str, node: tree.Call, context: Context, inside: Callable[..., Any]) -> Any:
        body, *rest = [argument.value for argument in node.arguments]
        match name:
            case "total":
                return inside(body, self._without(context, body, [word(each) for each in rest]))
            case "change":
                return arithmetic("-", inside(body), inside(body, self._moved(context, "previous", rest)))
            case "growth":
                ratio = quotient(inside(body), inside(body, self._moved(context, "previous", rest)))
                return arithmetic("-", ratio, 1)
        return inside(body, self._moved(context, name, rest))

    def _moved(self, context: Context, name: str, rest: list[tree.Expr]) -> Context:
        before = context.before or name == "before"
        if context.window is None:
            return replace(context, before=before)
        return replace(context, window=self._window(context.window, name, rest), before=before)

    def _window(self, window: Window, name: str, rest: list[tree.Expr]) -> Window | None:
        calendar = self.calendar
        if name == "previous":
            if rest:
                amount, unit = duration(rest[0])
                return replace(window, moved=calendar.shifted(window.moved, -amount, unit))
            if window.moved.grain is None:
                raise MeaninglessError("previous without a length needs a grain")
            return replace(window, moved=calendar.before(window.moved))
        bounds = window.bounds(calendar)
        if bounds is None:
            return None
        start, end = bounds
        match name:
            case "rolling":
                amount, unit = duration(rest[0])
                return _free(calendar.moved(end, -amount, unit), end)
            case "todate":
                return _free(calendar.todate_start(word(rest[0]), end), end)
            case "cumulative":
                return replace(_free(end, end), endless=True)
        return None if start is None else replace(_free(start, start), endless=True)

    def _without(self, context: Context, body: tree.Expr, names: list[str]) -> Context:
        """Inside a `total`: without these dimensions (none: all), and without the conditions on them alone."""
        bases = self.bases(body)
        kept: list[tree.Expr] = []
        for condition in context.filters:
            found = [self._named(condition, base) for base in bases]
            named = set().union(*(each for each, _ in found))
            alone = all(only for _, only in found)
            dropped = named & set(names) if names else named
            if dropped and (dropped != named or not alone):
                raise MeaninglessError("a condition mixes dropped dimensions and others")
            if not dropped:
                kept.append(condition)
        dimensions = tuple(each for each in context.dimensions if names and each not in names)
        return replace(context, filters=tuple(kept), dimensions=dimensions)

    def _named(self, condition: tree.Expr, base: str) -> tuple[set[str], bool]:
        """The dimensions that a condition names, by name or by column, and whether it names nothing else."""
        named: set[str] = set()
        only = True
        for path in paths(condition):
            found = self._dimensions_of(path, base)
            named |= found
            only = only and bool(found)
        return named, only

    def _dimensions_of(self, path: tree.Path, base: str) -> set[str]:
        world = self.world
        if path.text in world.model.dimensions:
            return {path.text}
        meant = world.steps(base, [part.text for part in path.parts[:-1]]), path.parts[-1].text
        found = set()
        for name, values in world.model.dimensions.items():
            for value in values:
                home = world.home(value)
                if not isinstance(value, tree.Path) or home is None:
                    continue
                chains = [[]] if home == base else world.chains(base, home)
                inner = world.steps(home, [part.text for part in value.parts[:-1]])
                if any((chain + inner, value.parts[-1].text) == meant for chain in chains):
                    found.add(name)
        return found

    def bases(self, node: tree.Expr) -> list[str]:
        """The base sources of all aggregates of an expression."""
        found: list[str] = []

        def noted(call: tree.Call, _: Context) -> None:
            found.append(self.measure(call).base)

        self.value(node, Context(None, (), (), (), ()), noted)
        return list(dict.fromkeys(found))

    # ------------------------------------------------------------------------------------------------------ measures

    def measure(self, call: tree.Call) -> Measure:
        """An aggregate with its names looked up."""
        if id(call) not in self._measures:
            self._measures[id(call)] = self._read(call)
        return self._measures[id(call)]

    def _read(self, call: tree.Call) -> Measure:
        name = call.function.text
        first = call.arguments[0]
        clauses = [clause for argument in call.arguments for clause in argument.clauses]
        where = tuple(clause.condition for clause in clauses if isinstance(clause, tree.Where))
        dated = next((clause.column for clause in clauses if isinstance(clause, tree.DatedBy)), None)
        if len(where) + (dated is not None) < len(clauses):
            raise MeaninglessError("the reference knows the clauses `where` and `dated by` alone")
        if name == "count":
            thing = self.world.model.thing(first.value.text) if isinstance(first.value, tree.Path) else None
            if thing is not None and "distinct" in first.modifiers:
                base, column = self._counting(thing)
                return Measure("count distinct", base, (column,), where, dated, None)
            if isinstance(thing, Source):
                return Measure("rows", thing.name, (), where, dated, None)
            name = "count distinct" if "distinct" in first.modifiers else "count"
        arguments = [first.value]
        parameter: Fraction | None = None
        if name == "weighted_avg":
            arguments.append(call.arguments[1].value)
        elif name in ("median", "percentile"):
            parameter = Fraction(50) if name == "median" else _number(call.arguments[1].value)
            name = "percentile"
        base = self.world.common_base(self.world.heads([*arguments, *where]))
        return Measure(name, base, tuple(arguments), where, dated, parameter)

    def _counting(self, thing: Source | Entity) -> tuple[str, tree.Expr]:
        """Where ids of a thing are counted: in `counted_in:`, else in the only source that refers to it."""
        model = self.world.model
        owners = [
            (source.name, column.name)
            for source in model.sources.values()
            for column in source.columns.values()
            if column.target is not None and self.world.target((source.name, column)).name == thing.name
        ]
        said = thing.counted_in if isinstance(thing, Entity) else next(iter(thing.words("counted_in")), None)
        if said is not None:
            counted = model.thing(said)
            owners = [owner for owner in owners if counted is not None and owner[0] == counted.name]
        if len(owners) != 1:
            raise MeaninglessError(f"{thing.name} can be counted in {len(owners)} places")
        return owners[0][0], tree.Path((tree.Name(owners[0][1]),))

    def prepared(
        self, call: tree.Call, filters: tuple[tree.Expr, ...], dimensions: tuple[str, ...]
    ) -> list[tuple[Any, tuple[Any, ...], tuple[Any, ...]]]:
        """(time, group, arguments) of every row that passes the filters and has a time."""
        key = (id(call), tuple(id(each) for each in filters), dimensions)
        if key not in self._prepared:
            self._prepared[key] = list(self._prepare(self.measure(call), filters, dimensions))
        return self._prepared[key]

    def _prepare(self, measure: Measure, filters: tuple[tree.Expr, ...], dimensions: tuple[str, ...]) -> Any:
        world, base = self.world, measure.base
        for row in world.rows(base):
            moment = world.time(base, row) if measure.dated_by is None else world.path(measure.dated_by, base, row)
            if moment is None:
                continue
            kept = all(world.on_row(each, base, row, dimensions=True) is True for each in filters)
            if kept and all(world.on_row(each, base, row) is True for each in measure.where):
                group = tuple(world.dimension(name, base, row) for name in dimensions)
                yield moment, group, tuple(world.on_row(each, base, row) for each in measure.arguments)

    def covered(self, base: str, window: Window | None) -> tuple[Mark | None, Mark] | None:
        """The bounds of a window that touches the source's coverage; None for any other."""
        bounds = None if window is None else window.bounds(self.calendar)
        first = self._first[base]
        if bounds is None or first is None:
            return None
        start, end = bounds
        if end <= first or (start is not None and start >= self._watermarks[base]):
            return None
        return bounds

    def rows_in(
        self, call: tree.Call, context: Context, filters: tuple[tree.Expr, ...], dimensions: tuple[str, ...]
    ) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """(group, arguments) of the rows inside the context's window."""
        bounds = self.covered(self.measure(call).base, context.window)
        if bounds is None:
            return []
        start, end = bounds
        return [
            (group, arguments)
            for moment, group, arguments in self.prepared(call, filters, dimensions)
            if end.after(moment) and (start is None or not start.after(moment))
        ]

    def measured(self, call: tree.Call, context: Context, group: dict[str, Any]) -> Any:
        """The value of an aggregate for one group."""
        measure = self.measure(call)
        if self.covered(measure.base, context.window) is None:
            return 0 if context.before and measure.function in ZERO_OUTSIDE else None
        return aggregate(measure.function, self.rows_of(call, context, group), measure.parameter)

    def rows_of(self, call: tree.Call, context: Context, group: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The arguments of an aggregate's rows inside its window and group."""
        wanted = tuple(group[name] for name in context.dimensions)
        rows = self.rows_in(call, context, context.filters, context.dimensions)
        return [arguments for key, arguments in rows if key == wanted]


def _free(start: Mark, end: Mark) -> Window:
    span = Span(start, end)
    return Window(span, span)


def _restricted(context: Context, found: tuple[tree.Expr, ...]) -> Context:
    return replace(context, filters=context.filters + found, every_filter=context.every_filter + found)


def _where(clause: tree.Clause) -> tree.Expr:
    if not isinstance(clause, tree.Where):
        raise MeaninglessError("only `where` stands in brackets")
    return clause.condition


def _number(node: tree.Expr) -> Fraction:
    assert isinstance(node, tree.Number)
    return Fraction(node.value)
