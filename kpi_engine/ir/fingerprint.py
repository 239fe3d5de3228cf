"""What definitions mean, apart from how they are written: equal meanings have equal fingerprints.

A meaning is made of nested tuples of texts and numbers. It rests on stored columns, tables, options, units and the
calendar, and not on names, spelling, order of `and`, descriptions or how values are shown: so renaming a column, a
source or a metric that is used keeps it, and so does formatting.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from kpi_engine.ir.catalog import Catalog, Column, Dimension, Source, spelled
from kpi_engine.ir.digest import sha256_of
from kpi_engine.ir.expression import (
    Apply,
    CalendarDuration,
    ChildAggregate,
    Constant,
    EventTest,
    Expression,
    Field,
    Followed,
    KeyedAggregate,
    LastBefore,
    Measure,
    MetricReference,
    Restrict,
    Step,
    Total,
    Window,
)
from kpi_engine.ir.types import Type

Meaning = tuple[object, ...]
Connections = Mapping[str, object]
"""What connections add to the tables read through them, by name: their connector and options."""

_ANY_ORDER = frozenset({"add", "multiply", "equal", "not_equal"})
_FLAT = frozenset({"and", "or"})
_MIRRORED = {"greater": "less", "greater_equal": "less_equal"}


def fingerprint(meaning: Meaning) -> str:
    """A short text that is equal for equal meanings.

    >>> fingerprint(("number", "1")) == fingerprint(("number", "1"))
    True
    """
    return sha256_of(repr(meaning).encode()).hexdigest()[:16]


def metric_fingerprint(catalog: Catalog, name: str, connections: Connections | None = None) -> str:
    """The fingerprint of a metric: its formula, everything that it is made of, and the calendar."""
    return fingerprint(Meanings(catalog, connections or {}).metric(name))


class Meanings:
    """The meanings of what a catalogue defines, down to stored columns and tables."""

    def __init__(self, catalog: Catalog, connections: Connections) -> None:
        self.catalog = catalog
        self.connections = connections
        self._inside: list[tuple[str, ...]] = []

    # Definitions -----------------------------------------------------------------------------------------------------

    def metric(self, name: str) -> Meaning:
        """A metric on its own: with the calendar that cuts its periods."""
        return ("metric", self.group(self.catalog.metrics[name].body), self.calendar())

    def calendar(self) -> Meaning:
        """The calendar, without the currency, which is the type of columns."""
        settings = self.catalog.calendar
        return (settings.timezone, settings.week_starts, settings.fiscal_year_starts, settings.fiscal_year_named)

    def dimension(self, name: str) -> Meaning:
        """A dimension: its value on the rows of each source."""
        return self.of_dimension(self.catalog.dimensions[name])

    def of_dimension(self, dimension: Dimension) -> Meaning:
        """The same for the dimension itself."""
        values = [("on", self.source(name), self.row(value, name)) for name, value in dimension.values]
        return ("dimension", repr(dimension.every_source), *_sorted(values))

    def source(self, name: str) -> Meaning:
        """A table with the properties that say which rows it has, when they lie, and which row a reference means."""
        key = ("source", name)
        if key in self._inside:
            return ("source", self.catalog.sources[name].table)
        self._inside.append(key)
        try:
            return self.of_source(self.catalog.sources[name])
        finally:
            self._inside.pop()

    def of_source(self, source: Source) -> Meaning:
        """The same for the source itself."""

        def columns(names: Iterable[str] | None) -> Meaning | None:
            return None if names is None else tuple(self.column(source.name, each) for each in names)

        derived = source.derived
        made = None
        if derived is not None:
            where = None if derived.where is None else self.row(derived.where, derived.base)
            keys = tuple(self.column(derived.base, each) for each in derived.keys)
            lists = self.catalog.sources[derived.base].lists
            value = None if derived.column is None else self.column(derived.base, derived.column)
            if derived.column is not None and derived.column in lists:
                value = self.of_column(derived.base, lists[derived.column])
            made = (derived.kind, self.source(derived.base), where, keys, value, derived.max_items)
        return (
            "source",
            () if made else (source.table, self.connections.get(source.connection)),
            tuple(sorted((name, repr(value)) for name, value in source.options.items())),
            *(source.timezone, source.starts, source.watermark, source.grain, source.distinct, source.on_error),
            None if source.time is None else self.column(source.name, source.time),
            None if source.where is None else self.row(source.where, source.name),
            None if source.late is None else self.duration(source.late),
            columns(source.lifetime),
            *(source.snapshot, columns(source.snapshot_by), columns(source.versions)),
            None if source.latest_by is None else (columns(source.key), self.column(source.name, source.latest_by)),
            made,
        )

    def grain(self, name: str | None) -> object:
        """A grain: of the calendar by its name, a declared one by the table of its periods."""
        declared = None if name is None else self.catalog.grains.get(name)
        if declared is None:
            return name
        table = declared.table
        stored = [table.columns[each].physical or each for each in (declared.time, declared.label) if each is not None]
        options = tuple(sorted((option, repr(value)) for option, value in table.options.items()))
        return ("grain", table.table, self.connections.get(table.connection), options, *stored)

    def duration(self, duration: CalendarDuration) -> Meaning:
        """A length of time; its unit may be a declared grain."""
        return (str(duration.amount), self.grain(duration.unit))

    def column(self, source: str, name: str) -> Meaning:
        """A column: what is stored, and as which type it is read; or the computation."""
        column = self.catalog.sources[source].columns.get(name)
        if column is None:
            return ("column", name)
        key = ("column", source, name)
        if key in self._inside:
            return ("column", column.physical or name)
        self._inside.append(key)
        try:
            return self.of_column(source, column)
        finally:
            self._inside.pop()

    def of_column(self, source: str, column: Column) -> Meaning:
        """The same for the column itself."""
        if column.computed is not None:
            return self.row(column.computed, source)
        stored = spelled(column.physical or column.name, column.path)
        return ("stored", stored, _type(column.type), column.format, column.options)

    # Expressions -----------------------------------------------------------------------------------------------------

    def row(self, node: Expression, source: str) -> Meaning:
        """An expression on rows of a source."""
        match node:
            case Field():
                return self._field(node, source)
            case Constant():
                return _constant(node)
            case Apply():
                return _applied(node, [self.row(each, source) for each in node.arguments])
            case EventTest():
                return ("events", self._chain(node.chain, node.source))
            case ChildAggregate():
                return ("children", self.group(node.measure), self._step(node.link))
            case LastBefore():
                keys = tuple(self.row(each, source) for each in node.keys)
                others = tuple(self.row(each, node.target) for each in node.target_keys)
                within = None if node.within is None else self.duration(node.within)
                return ("last", self.source(node.target), keys, others, within)
        return self.group(node)

    def group(self, node: Expression) -> Meaning:
        """An expression on results."""
        match node:
            case Constant():
                return _constant(node)
            case Apply():
                return _applied(node, [self.group(each) for each in node.arguments])
            case Measure():
                return self._measure(node)
            case MetricReference():
                return self.reference(node)
            case Window():
                length = None if node.duration is None else self.duration(node.duration)
                return (node.kind, self.group(node.body), length, self.grain(node.grain))
            case Restrict():
                conditions = [self._conditions(each.by_source) for each in node.conjuncts]
                return ("where", self.group(node.body), *_sorted(conditions))
            case Total():
                dropped = [
                    self.dimension(each) if each in self.catalog.dimensions else ("column", each)
                    for each in node.dimensions
                ]
                return ("total", self.group(node.body), *_sorted(dropped))
            case KeyedAggregate():
                return self._keyed(node)
        raise AssertionError(f"{type(node).__name__} has no meaning here")

    def reference(self, node: MetricReference) -> Meaning:
        """A metric that is used: its formula."""
        return self.group(node.body)

    def _field(self, node: Field, source: str) -> Meaning:
        if not node.steps and source in self.catalog.sources:
            return self.column(source, node.column)
        target = node.steps[-1].target if node.steps else source
        steps = tuple(self._step(each) for each in node.steps)
        if target in self.catalog.entities:
            body = self.catalog.entities[target].columns[node.column].computed
            return ("through", steps, None if body is None else self.group(body))
        return ("through", steps, self.column(target, node.column))

    def _step(self, step: Step) -> Meaning:
        here = self.column(step.source, step.column)
        if step.target in self.catalog.entities:
            return (here, "entity")
        return (here, self.source(step.target), self.column(step.target, step.target_column))

    def _measure(self, node: Measure) -> Meaning:
        return (
            node.function,
            self.source(node.source),
            tuple(self.row(each, node.source) for each in node.arguments),
            tuple(_constant(each) for each in node.parameters),
            None if node.where is None else self.row(node.where, node.source),
            *(node.distinct, node.approximate, node.at),
            None if node.dated_by is None else self.column(node.source, node.dated_by),
            self._chain(node.followed, node.source),
        )

    def _chain(self, chain: tuple[Followed, ...], source: str) -> Meaning:
        links: list[Meaning] = []
        for link in chain:
            keys = tuple(self.row(each, source) for each in link.keys)
            others = tuple(self.row(each, link.target) for each in link.target_keys)
            condition = None if link.condition is None else self.row(link.condition, link.target)
            links.append((self.source(link.target), keys, others, condition, self.duration(link.within), link.negated))
            source = link.target
        return tuple(links)

    def _conditions(self, by_source: tuple[tuple[str, Expression], ...]) -> Meaning:
        return _sorted([(self.source(name), self.row(condition, name)) for name, condition in by_source])

    def _keyed(self, node: KeyedAggregate) -> Meaning:
        ids = [(self.source(name), tuple(self.row(each, name) for each in fields)) for name, fields in node.by_source]
        first = node.keys[0] if node.keys else ""
        domain = self.source(first) if (node.all or node.where is not None) and first in self.catalog.sources else None
        return (
            "per",
            node.function,
            None if node.body is None else self.group(node.body),
            None if node.having is None else self.group(node.having),
            None if node.where is None else self.row(node.where, first),
            tuple(_constant(each) for each in node.parameters),
            *(self.grain(node.grain), node.all, domain),
            _sorted(ids),
        )


def _applied(node: Apply, arguments: list[Meaning]) -> Meaning:
    """An operation; where the order means nothing, the arguments are sorted."""
    operation = node.operation
    if operation in _MIRRORED:
        return (_MIRRORED[operation], *reversed(arguments))
    if operation in _FLAT:
        flat = [part for each in arguments for part in (each[1:] if each[0] == operation else (each,))]
        return (operation, *sorted(flat, key=repr))
    if operation in _ANY_ORDER:
        return (operation, *_sorted(arguments))
    if operation in ("in", "not_in"):
        return (operation, arguments[0], *_sorted(arguments[1:]))
    return (operation, *arguments)


def _sorted(parts: Iterable[Meaning]) -> Meaning:
    return tuple(sorted(parts, key=repr))


def _constant(node: Constant) -> Meaning:
    match node.value:
        case bool() | None:
            return ("constant", repr(node.value))
        case int() | Decimal() | Fraction():
            return ("number", str(Fraction(node.value)), node.type.unit.powers)
        case datetime.date():
            return ("time", node.value.isoformat())
    return ("text", node.value)


def _type(type: Type) -> Meaning:
    return (type.kind.value, type.unit.powers)
