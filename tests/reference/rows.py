"""One row at a time: columns, paths along `->`, dimensions, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from kpi_engine.ir import tree

from . import functions
from .local_time import LocalCalendar, length
from .model import Column, Entity, MeaninglessError, Model, Source, paths, word
from .period_text import read_period
from .values import (
    Value,
    arithmetic,
    compare,
    conjunction,
    disjunction,
    membership,
    negation,
    negative,
    quotient,
    stored,
)

Cells = Mapping[str, Value]
Step = tuple[str, Column]


def evaluate(node: tree.Expr, calendar: LocalCalendar, inside: Callable[[tree.Expr], Any], *, on_rows: bool) -> Any:
    """The value of an expression that is neither a name nor a call; `inside` gives the values of its parts."""
    match node:
        case tree.Number(value=value, text=text):
            return int(value) if value == int(value) and "." not in text else Fraction(value)
        case tree.Percent(value=value):
            return Fraction(value)
        case tree.DurationLiteral(amount=amount, unit=unit):
            return length(Fraction(amount), unit) // length(Fraction(1, 1_000_000), "second")
        case tree.PeriodLiteral(text=text):
            return read_period(calendar, text)
        case tree.Text(value=value) | tree.Boolean(value=value):
            return value
        case tree.Null():
            return None
        case tree.Group(body=body, clauses=()):
            return inside(body)
        case tree.Unary(operator="not", operand=operand):
            return negation(inside(operand))
        case tree.Unary(operator=sign, operand=operand):
            return negative(inside(operand)) if sign == "-" else inside(operand)
        case tree.Binary(operator="/", left=left, right=right):
            return _divided(inside(left), inside(right), right, on_rows)
        case tree.Binary(operator=sign, left=left, right=right):
            return arithmetic(sign, inside(left), inside(right))
        case tree.Compare(operator=sign, left=left, right=right):
            values = [inside(left), inside(right)]
            return compare(sign, *_years_read((left, right), values, calendar))
        case tree.Logical(operator=word, operands=operands):
            return (conjunction if word == "and" else disjunction)([inside(each) for each in operands])
        case tree.In(operand=operand, items=items, negated=negated):
            return membership(inside(operand), [inside(item) for item in items.items], negated)
        case tree.IsNull(operand=operand, negated=negated):
            return (inside(operand) is not None) == negated
        case tree.Case(arms=arms, default=default):
            values = [(inside(arm.condition), inside(arm.value)) for arm in arms]
            otherwise = None if default is None else inside(default)
            return next((value for condition, value in values if condition is True), otherwise)
    raise MeaninglessError(f"the reference does not know {type(node).__name__} here")


def _years_read(nodes: Sequence[tree.Expr], values: Sequence[Any], calendar: LocalCalendar) -> list[Any]:
    """The values compared; beside a date or an instant a bare number is a year."""
    if not any(isinstance(value, date) for value in values):
        return list(values)
    pairs = zip(nodes, values, strict=True)
    return [read_period(calendar, node.text) if isinstance(node, tree.Number) else value for node, value in pairs]


def _divided(left: Any, right: Any, divisor: tree.Expr, on_rows: bool) -> Value:
    """In rows exact / a literal power of ten stays exact; every other quotient is a float64."""
    literal = isinstance(divisor, tree.Number) and str(divisor.value.normalize().as_tuple().digits) == "(1,)"
    if on_rows and literal and isinstance(left, int | Fraction):
        return Fraction(left) / Fraction(right)
    return quotient(left, right)


def call_function(node: tree.Call, calendar: LocalCalendar, value: Callable[[tree.Expr], Any]) -> Any:
    """A call of a row function whose arguments are evaluated by `value`."""
    name = node.function.text
    if not functions.knows(name):
        raise MeaninglessError(f"the reference does not know {name}()")
    nodes = [argument.value for argument in node.arguments]
    if name in ("bucket", "part"):
        return functions.call(name, [value(nodes[0]), word(nodes[1])], calendar)
    if name == "date_add":
        return functions.call(name, [value(nodes[0]), _signed_duration(nodes[1])], calendar)
    return functions.call(name, [value(each) for each in nodes], calendar)


def _signed_duration(node: tree.Expr) -> tuple[Fraction, str]:
    match node:
        case tree.Unary(operator="-", operand=tree.DurationLiteral(amount=amount, unit=unit)):
            return -Fraction(amount), unit
        case tree.DurationLiteral(amount=amount, unit=unit):
            return Fraction(amount), unit
    raise MeaninglessError("date_add takes a duration as written")


@dataclass
class World:
    """The model with its rows. `cells` are the rows of each source after its own `where:`."""

    model: Model
    tables: Mapping[str, Sequence[Mapping[str, object]]]
    cells: dict[str, list[Cells]] = field(default_factory=dict)
    _found: dict[tuple[str, str], dict[Value, list[Cells]]] = field(default_factory=dict)

    @property
    def calendar(self) -> LocalCalendar:
        """The project's calendar."""
        return self.model.calendar

    def rows(self, name: str) -> list[Cells]:
        """The rows of a source that pass its own `where:`."""
        if name not in self.cells:
            source = self.model.sources[name]
            zone = LocalCalendar(source.words("timezone")[0]) if "timezone" in source.properties else self.calendar
            rows = [self._stored(source, row, zone) for row in self.tables[name]]
            own = source.properties.get("where")
            self.cells[name] = [row for row in rows if own is None or self.on_row(own, name, row) is True]
        return self.cells[name]

    def _stored(self, source: Source, row: Mapping[str, object], zone: LocalCalendar) -> Cells:
        cells = {name: stored(value, zone) for name, value in row.items()}
        for column in source.columns.values():
            if column.computed is None:
                cells[column.name] = _declared(column, cells.get(column.stored_as))
        return cells

    # --------------------------------------------------------------------------------------------- columns and paths

    def on_row(self, node: tree.Expr, base: str, row: Cells | None, *, dimensions: bool = False) -> Any:
        """The value of an expression on one row of `base`; with `dimensions` a bare name may be one."""

        def inside(part: tree.Expr) -> Any:
            match part:
                case tree.Path() if dimensions and part.text in self.model.dimensions:
                    return self.dimension(part.text, base, row)
                case tree.Path():
                    return self.path(part, base, row)
                case tree.Call():
                    return call_function(part, self.calendar, inside)
            return evaluate(part, self.calendar, inside, on_rows=True)

        return inside(node)

    def column(self, name: str, base: str, row: Cells | None) -> Any:
        """The value of a column of `base`; null of no row."""
        if row is None:
            return None
        declared = self.model.sources[base].columns.get(name)
        if declared is not None and declared.computed is not None:
            return self.on_row(declared.computed, base, row)
        return row.get(name)

    def path(self, path: tree.Path, base: str, row: Cells | None) -> Any:
        """The value of a name on a row: its own column, or one that references lead to."""
        if path.text == "time" and "time" not in self.model.sources[base].columns and not _has(row, "time"):
            return self.time(base, row)
        *steps, last = [part.text for part in path.parts]
        for step in self.steps(base, steps):
            base, row = self.follow(step, row)
        return self.column(last, base, row)

    def steps(self, base: str, words: Sequence[str]) -> list[Step]:
        """The references that a dotted path goes along, each with the source that it starts from."""
        found: list[Step] = []
        here = base
        for number, name in enumerate(words):
            step = self._own_reference(here, name)
            if step is not None:
                chain = [step]
            else:
                thing = self.model.thing(name)
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
        for column in self.model.sources[base].columns.values():
            if column.target is not None and name in (column.name, column.alias):
                return base, column
        return None

    def chains(self, base: str, wanted: str, seen: tuple[str, ...] = ()) -> list[list[Step]]:
        """All chains of references from one source to another."""
        found: list[list[Step]] = []
        for column in self.model.sources[base].columns.values():
            target = self.target((base, column)) if column.target is not None else None
            if target is None or target.name in (base, *seen):
                continue
            if target.name == wanted:
                found.append([(base, column)])
            elif isinstance(target, Source):
                found += [[(base, column), *rest] for rest in self.chains(target.name, wanted, (*seen, base))]
        return found

    def target(self, step: Step) -> Source | Entity:
        """What a reference leads to."""
        _, column = step
        thing = self.model.thing(column.target or "")
        if thing is None:
            raise MeaninglessError(f"no source or entity named {column.target}")
        return thing

    def follow(self, step: Step, row: Cells | None) -> tuple[str, Cells | None]:
        """The row that a reference means; none if nothing matches."""
        base, column = step
        target = self.target(step)
        assert isinstance(target, Source)
        key = column.target_column or target.words("key")[0]
        value = self.column(column.name, base, row)
        if value is None:
            return target.name, None
        if (target.name, key) not in self._found:
            index = self._found.setdefault((target.name, key), {})
            for other in self.rows(target.name):
                index.setdefault(self.column(key, target.name, other), []).append(other)
        matches = self._found[target.name, key].get(value, [])
        if len(matches) > 1:
            raise MeaninglessError(f"{len(matches)} rows of {target.name} for {value!r}")
        return target.name, matches[0] if matches else None

    def time(self, base: str, row: Cells | None) -> datetime | date | None:
        """The time of a row by its source's `time:`."""
        node = self.model.sources[base].properties.get("time")
        if node is None:
            raise MeaninglessError(f"{base} has no time")
        assert isinstance(node, tree.Path)
        moment: datetime | date | None = self.path(node, base, row)
        return moment

    # ---------------------------------------------------------------------------------------------------- dimensions

    def dimension(self, name: str, base: str, row: Cells | None) -> Any:
        """The value of a dimension on a row of `base`: of the row itself, else of the one row that it leads to."""
        values = self.model.dimensions.get(name)
        if values is None:
            return self.column(name, base, row)
        homes = [(self.home(value), value) for value in values]
        for home, value in homes:
            if home in (base, None):
                return self.on_row(value, base, row)
        for home, value in homes:
            assert home is not None
            chains = self.chains(base, home)
            if len(chains) > 1:
                raise MeaninglessError(f"several chains from {base} to {home}")
            if chains:
                for step in chains[0]:
                    _, row = self.follow(step, row)
                return self.on_row(value, home, row)
        raise MeaninglessError(f"{base} has no dimension {name}")

    def home(self, node: tree.Expr) -> str | None:
        """The source on whose rows an expression stands; None if it names nothing but `time`."""
        heads = [thing.name for path in paths(node) if len(path.parts) > 1 and (thing := self._head(path))]
        return self.common_base(heads) if heads else None

    def _head(self, path: tree.Path) -> Source | None:
        thing = self.model.thing(path.parts[0].text)
        return thing if isinstance(thing, Source) else None

    def heads(self, nodes: Sequence[tree.Expr]) -> list[str]:
        """The sources that the dotted names of some expressions begin with."""
        return [
            thing.name
            for node in nodes
            for path in paths(node)
            if len(path.parts) > 1 and (thing := self._head(path)) is not None
        ]

    def common_base(self, sources: Sequence[str]) -> str:
        """The one source from which all the others are reached."""
        distinct = list(dict.fromkeys(sources))
        bases = [base for base in distinct if all(other == base or self.chains(base, other) for other in distinct)]
        if len(bases) != 1:
            raise MeaninglessError(f"no one base source among {distinct}")
        return bases[0]


def _has(row: Cells | None, name: str) -> bool:
    return row is not None and name in row


def _declared(column: Column, value: Value) -> Value:
    """A stored value as its declared type reads it: a float as a decimal is the shortest that stands for it."""
    if isinstance(value, float) and column.type in ("decimal", "currency"):
        return Fraction(repr(value))
    return value
