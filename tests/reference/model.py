"""What the definitions declare, still as trees: sources, entities, dimensions, metrics, the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from kpi_engine.ir import tree
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file

from .local_time import MONTH_NAMES, LocalCalendar


class MeaninglessError(Exception):
    """A question or definition that has no meaning."""


@dataclass
class Column:
    """A column of a source: stored, or computed; `target` names what it refers to."""

    name: str
    target: str | None = None
    target_column: str | None = None
    alias: str | None = None
    computed: tree.Expr | None = None
    stored_as: str = ""
    type: str | None = None


@dataclass
class Source:
    """A source with its declared columns."""

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    properties: dict[str, tree.Expr] = field(default_factory=dict)
    singular: str = ""

    def words(self, key: str) -> list[str]:
        """The words of a property: `key: a` or `key: [a, b]`, or texts."""
        value = self.properties.get(key)
        items = value.items if isinstance(value, tree.ListItems) else (value,) if value is not None else ()
        return [word(item) for item in items]


@dataclass
class Entity:
    """An entity: ids without a table."""

    name: str
    plural: str
    counted_in: str | None


@dataclass
class Model:
    """Everything declared."""

    calendar: LocalCalendar
    sources: dict[str, Source]
    entities: dict[str, Entity]
    dimensions: dict[str, tuple[tree.Expr, ...]]
    metrics: dict[str, tree.Expr]

    def thing(self, name: str) -> Source | Entity | None:
        """The source or entity that answers to a name: its own, its singular or its plural."""
        for source in self.sources.values():
            if name in (source.name, source.singular):
                return source
        for entity in self.entities.values():
            if name in (entity.name, entity.plural):
                return entity
        return None


def word(node: tree.Expr) -> str:
    """A bare word or a text."""
    match node:
        case tree.Path():
            return node.text
        case tree.Text(value=value):
            return value
        case tree.PeriodLiteral(text=text):
            return text
    raise MeaninglessError(f"not a word: {node}")


def read_model(text: str) -> Model:
    """The model of a text of definitions."""
    file, problems = parse_file(SourceText("definitions.kpi", text))
    if problems:
        raise MeaninglessError("\n".join(f"{problem.code}: {problem.message}" for problem in problems))
    model = Model(LocalCalendar(), {}, {}, {}, {})
    for declaration in file.declarations:
        _add(model, declaration)
    return model


def _add(model: Model, node: tree.AnyDeclaration) -> None:
    properties = {each.key.text: each.value for each in node.properties}
    match node:
        case tree.CalendarDeclaration():
            model.calendar = _calendar(properties)
        case tree.Source(name=name, value=None):
            columns = {column.name.text: _column(column) for column in node.columns}
            singular = word(properties["singular"]) if "singular" in properties else name.text.removesuffix("s")
            model.sources[name.text] = Source(name.text, columns, properties, singular)
        case tree.Entity(name=name):
            plural = word(properties["plural"]) if "plural" in properties else f"{name.text}s"
            counted_in = word(properties["counted_in"]) if "counted_in" in properties else None
            model.entities[name.text] = Entity(name.text, plural, counted_in)
        case tree.Dimension(name=name, values=values):
            model.dimensions[name.text] = values
        case tree.Metric(name=name, value=value):
            model.metrics[name.text] = value
        case _:
            raise MeaninglessError(f"the reference does not know {type(node).__name__}")


def _calendar(properties: dict[str, tree.Expr]) -> LocalCalendar:
    found = {key: word(value) for key, value in properties.items()}
    return LocalCalendar(
        found.get("timezone", "UTC"),
        found.get("week_starts", "monday"),
        MONTH_NAMES.index(found.get("fiscal_year_starts", "january")) + 1,
        found.get("fiscal_year_named", "end"),
    )


def _column(node: tree.Column) -> Column:
    parts = [part.text for part in node.target.parts] if node.target is not None else []
    origin = node.origin
    return Column(
        node.name.text,
        parts[0] if parts else None,
        parts[1] if len(parts) > 1 else None,
        node.alias.text if node.alias is not None else None,
        None if isinstance(origin, tree.StoredAs) else origin,
        origin.name.value if isinstance(origin, tree.StoredAs) else node.name.text,
        node.type.name.text if node.type is not None else None,
    )


# ------------------------------------------------------------------------------------------------ looking at trees


def children(node: tree.Expr) -> tuple[tree.Expr, ...]:
    """The expressions directly inside one, without the arguments' clauses."""
    match node:
        case tree.Unary(operand=operand) | tree.IsNull(operand=operand):
            return (operand,)
        case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
            return (left, right)
        case tree.Logical(operands=operands):
            return operands
        case tree.In(operand=operand, items=items):
            return (operand, *items.items)
        case tree.Case(arms=arms, default=default):
            inside = tuple(part for arm in arms for part in (arm.condition, arm.value))
            return inside if default is None else (*inside, default)
        case tree.Call(arguments=arguments):
            return tuple(argument.value for argument in arguments)
        case tree.Group(body=body):
            return (body,)
    return ()


def paths(node: tree.Expr) -> Iterator[tree.Path]:
    """All names inside a row expression."""
    if isinstance(node, tree.Path):
        yield node
    for child in children(node):
        yield from paths(child)


def conjuncts(node: tree.Expr) -> list[tree.Expr]:
    """The operands of top-level `and`s."""
    match node:
        case tree.Group(body=body, clauses=()) if isinstance(body, tree.Logical | tree.Group):
            return conjuncts(body)
        case tree.Logical(operator="and", operands=operands):
            return [part for each in operands for part in conjuncts(each)]
    return [node]


def duration(node: tree.Expr) -> tuple[Fraction, str]:
    """A length of time as written: `7 days`, or one of a grain."""
    match node:
        case tree.DurationLiteral(amount=amount, unit=unit):
            return Fraction(amount), unit
        case tree.Path():
            return Fraction(1), node.text
    raise MeaninglessError(f"not a length of time: {node}")
