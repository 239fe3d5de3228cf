"""What the definitions declare, still as trees: sources, entities, dimensions, metrics, the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from kpi_engine.ir import tree
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file

from .local_time import MONTH_NAMES, LocalCalendar
from .problems import MeaninglessError


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
    inherited: bool = False
    parent: bool = False
    """Whether it is what elements of lists have for the row that they are elements of."""


@dataclass
class Source:
    """A source with its declared columns.

    A derived one has a formula, and is made of the rows of `base`: filtered, the latest of each `per`, pairs of the
    `item`s of each `per`, or the `elements` of a list.
    """

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    properties: dict[str, tree.Expr] = field(default_factory=dict)
    singular: str = ""
    formula: tree.Expr | None = None
    base: str = ""
    item: str | None = None
    per: tuple[str, ...] = ()
    elements: str | None = None

    def words(self, key: str) -> list[str]:
        """The words of a property: `key: a` or `key: [a, b]`, or texts."""
        value = self.properties.get(key)
        items = value.items if isinstance(value, tree.ListItems) else (value,) if value is not None else ()
        return [word(item) for item in items]


@dataclass
class Entity:
    """An entity: ids without a table. Its columns are metrics of one id."""

    name: str
    plural: str
    counted_in: str | None
    columns: dict[str, Column] = field(default_factory=dict)


@dataclass
class Model:
    """Everything declared."""

    calendar: LocalCalendar
    sources: dict[str, Source]
    entities: dict[str, Entity]
    dimensions: dict[str, tuple[tree.Expr, ...]]
    metrics: dict[str, tree.Expr]

    def link(self, source: Source, name: str) -> Column:
        """The one column of a source that refers to a thing."""
        thing = self.thing(name)
        found = [
            column
            for column in source.columns.values()
            if column.target is not None and thing is not None and self.thing(column.target) is thing
        ]
        if len(found) != 1:
            raise MeaninglessError(f"{source.name} has {len(found)} columns that refer to {name}")
        return found[0]

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
    for source in model.sources.values():
        _inherit(model, source)
    return model


def _add(model: Model, node: tree.AnyDeclaration) -> None:
    properties = {each.key.text: each.value for each in node.properties}
    match node:
        case tree.CalendarDeclaration():
            model.calendar = _calendar(properties)
        case tree.Source(name=name, value=value):
            columns = {column.name.text: _column(column) for column in node.columns}
            singular = word(properties["singular"]) if "singular" in properties else name.text.removesuffix("s")
            model.sources[name.text] = Source(name.text, columns, properties, singular, value)
        case tree.Entity(name=name):
            plural = word(properties["plural"]) if "plural" in properties else f"{name.text}s"
            counted_in = word(properties["counted_in"]) if "counted_in" in properties else None
            columns = {column.name.text: _column(column) for column in node.columns}
            model.entities[name.text] = Entity(name.text, plural, counted_in, columns)
        case tree.Dimension(name=name, values=values):
            model.dimensions[name.text] = values
        case tree.Metric(name=name, value=value):
            model.metrics[name.text] = value
        case _:
            raise MeaninglessError(f"the reference does not know {type(node).__name__}")


TAKEN_OVER = ("time", "timezone", "starts", "watermark", "late")
TAKEN_OVER_WHOLE = (*TAKEN_OVER, "key", "lifetime", "snapshot", "versions", "grain")
"""What a derived source takes over from its base; one whose rows are rows of the base takes over more."""


def _inherit(model: Model, source: Source) -> None:
    """Give a derived source what it has from its base."""
    if source.formula is None or source.base:
        return
    match source.formula:
        case tree.Call(
            function=tree.Path(text="unnest"), arguments=(tree.Argument(value=tree.Path(parts=(head, *rest))),)
        ):
            _inherit_elements(model, source, head.text, ".".join(part.text for part in rest))
            return
        case tree.Group(body=tree.Path(parts=(head,)), clauses=(tree.Where(),)):
            item, keys = None, ()
        case tree.Call(
            arguments=(tree.Argument(value=tree.Path(parts=(head, *rest)), clauses=(tree.Per(keys=keys),)),)
        ):
            item = rest[0].text if rest else None
        case _:
            raise MeaninglessError(f"{source.name} is derived in no known way")
    base = model.thing(head.text)
    if not isinstance(base, Source):
        raise MeaninglessError(f"no source named {head.text}")
    _inherit(model, base)
    source.base, source.item = base.name, item
    source.per = tuple(model.link(base, key.text).name for key in keys)
    words = TAKEN_OVER_WHOLE if item is None else TAKEN_OVER
    source.properties = {key: base.properties[key] for key in words if key in base.properties} | source.properties
    names = base.columns if item is None else source.per
    source.columns = {name: replace(base.columns[name], inherited=True) for name in names} | source.columns
    if item is not None and item in base.columns:
        for role in ("item", "other"):
            source.columns[role] = replace(base.columns[item], name=role, alias=role, computed=None, stored_as=role)


def _inherit_elements(model: Model, source: Source, parent: str, path: str) -> None:
    """Elements have the time of their row, and refer to it."""
    base = model.thing(parent)
    if not isinstance(base, Source):
        raise MeaninglessError(f"no source named {parent}")
    _inherit(model, base)
    source.base, source.elements = base.name, path
    taken = {key: base.properties[key] for key in TAKEN_OVER if key != "time" and key in base.properties}
    if "time" in base.properties and "time" not in source.properties:
        taken["time"] = tree.Path((tree.Name(base.name), *_parts(base.properties["time"])))
    source.properties = taken | source.properties
    link = Column(base.name, base.name, alias=base.singular, inherited=True, parent=True)
    source.columns = {base.name: link} | source.columns


def _parts(node: tree.Expr) -> tuple[tree.Name, ...]:
    assert isinstance(node, tree.Path)
    return node.parts


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
