"""All that names can mean while definitions are bound: what is bound already, and what will be on first use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir.catalog import (
    CalendarSettings,
    Catalog,
    Column,
    Dimension,
    Entity,
    Metric,
    PathStep,
    Reference,
    Source,
    TableColumn,
)
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean, nearest
from kpi_engine.ir.expression import Field
from kpi_engine.ir.parents import parent_reference
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.ir.types import NULL
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.resolve.deferred import Deferred
from kpi_engine.resolve.names import Thing, Things
from kpi_engine.resolve.nested import has_parts, help_on_mixed
from kpi_engine.resolve.problems import BindError, article, listed, problem


@dataclass(frozen=True, slots=True)
class Size:
    """How large a metric is with everything that it refers to written out: metrics, nodes, and nodes in depth."""

    metrics: int
    nodes: int
    depth: int


@dataclass(frozen=True, slots=True)
class Unnested:
    """Of what list the rows of a source are the elements: the table's column and the path in it.

    `scalar`: elements are values and no structs. `stored` are the columns that elements hold, `names` also those that
    are computed from them.
    """

    physical: str
    path: tuple[PathStep, ...]
    scalar: bool
    stored: frozenset[str]
    names: frozenset[str]


class World:
    """Sources, entities, dimensions and metrics by name.

    The tables fill while definitions are bound; a name that is declared but not bound yet is bound when it is asked
    for. `unread` are sources whose table is out of reach, so that any column may exist; `damaged` are those with a
    property that could not be read, so that nothing can be said to be missing from them. `unreadable` are columns of
    tables with types that have no meaning here, by source and name.
    """

    def __init__(self, functions: FunctionRegistry, settings: CalendarSettings) -> None:
        self.functions = functions
        self.settings = settings
        self.calendar = calendar_of(settings)
        self.things = Things()
        self.sources: dict[str, Source] = {}
        self.columns: dict[str, dict[str, Column]] = {}
        self.entities: dict[str, Entity] = {}
        self.references: dict[str, dict[str, Reference]] = {}
        self.dimensions: dict[str, Dimension] = {}
        self.metrics: dict[str, Metric] = {}
        self.sizes: dict[str, Size] = {}
        self.deferred = Deferred()
        self.unread: set[str] = set()
        self.damaged: set[str] = set()
        self.unreadable: dict[str, dict[str, TableColumn]] = {}
        self.unverified: dict[str, dict[str, Column]] = {}
        self.unnested: dict[str, Unnested] = {}

    @classmethod
    def of_catalog(cls, catalog: Catalog, functions: FunctionRegistry) -> World:
        """The world of a finished catalogue: everything is bound."""
        world = cls(functions, catalog.calendar)
        for source in catalog.sources.values():
            world.things.add(Thing("source", source.name, source.span), source.singular)
            world.sources[source.name] = source
            world.set_columns(source.name, source.columns)
            parent = parent_reference(catalog.sources, source)
            if parent is not None:
                world.references[source.name][parent[0]] = parent[1]
        for entity in catalog.entities.values():
            world.things.add(Thing("entity", entity.name, entity.span), entity.plural)
            world.entities[entity.name] = entity
            world.set_columns(entity.name, entity.columns)
        for grain in catalog.grains.values():
            world.things.add(Thing("grain", grain.name, grain.span))
        world.dimensions.update(catalog.dimensions)
        world.metrics.update(catalog.metrics)
        return world

    def set_columns(self, owner: str, columns: Mapping[str, Column]) -> None:
        """Give a source or an entity its columns."""
        self.columns[owner] = dict(columns)
        self.references[owner] = {
            column.name: column.reference for column in columns.values() if column.reference is not None
        }

    # ------------------------------------------------------------------------------------------------------- columns

    def has_column(self, owner: str, name: str) -> bool:
        """Whether a column is known to exist (declared, or in the table)."""
        return name in self.columns[owner] or self.deferred.knows(("column", f"{owner}.{name}"))

    def column(self, owner: str, name: str, span: Span) -> Column:
        """A column of a source or an entity; of a table out of reach any name is one, of the type null."""
        self.deferred.require(("column", f"{owner}.{name}"), span)
        found = self.columns[owner].get(name)
        if found is not None:
            return found
        nested = self.unreadable.get(owner, {}).get(name)
        if nested is not None:
            help = _help_on_nested(name, nested)
            message = f"`{owner}.{name}` has the type {nested.physical}, which columns cannot have"
            raise problem("E682", message, span, help)
        if owner in self.unread:
            assumed = Column(name, NULL, physical=name, declared=False)
            self.unverified.setdefault(owner, {}).setdefault(name, assumed)
            return assumed
        raise problem("E203", f"`{owner}` has no column `{name}`", span, self._column_help(owner, name))

    def add_computed(self, owner: str, name: str, field: Field) -> str:
        """Make a dotted path a computed column of its own name, for places that hold the name of a column."""
        self.columns[owner].setdefault(name, Column(name, field.type, computed=field, declared=False, span=field.span))
        return name

    def refuse_damaged(self, source: str) -> None:
        """A failure that blames the source, if one of its properties could not be read."""
        if source in self.damaged:
            raise BindError(blocked=[("source", source)])

    def column_names(self, owner: str) -> list[str]:
        """The known columns that an author can name, bound or not."""
        prefix = f"{owner}."
        pending = [
            name.removeprefix(prefix)
            for kind, name in self.deferred.labels()
            if kind == "column" and name.startswith(prefix)
        ]
        return [name for name in dict.fromkeys([*self.columns[owner], *pending]) if "." not in name]

    def owners_of_column(self, name: str) -> list[str]:
        """Sources that are known to have a column of that name."""
        return [source for source in self.sources if self.has_column(source, name)]

    def _column_help(self, owner: str, name: str) -> str:
        close = did_you_mean(name, self.column_names(owner))
        if close:
            return close
        elsewhere = self.owners_of_column(name)
        if elsewhere:
            return f"{listed(elsewhere)} {'has' if len(elsewhere) == 1 else 'have'} one"
        names = self.column_names(owner)
        return f"it has {listed(names)}" if names else ""

    # --------------------------------------------------------------------------------------------- metrics, dimensions

    def has_metric(self, name: str) -> bool:
        """Whether a metric of that name is declared."""
        return name in self.metrics or self.deferred.knows(("metric", name))

    def metric(self, name: str, span: Span) -> Metric:
        """A metric that is declared."""
        self.deferred.require(("metric", name), span)
        return self.metrics[name]

    def metric_names(self) -> list[str]:
        """All declared metrics."""
        return self._names("metric", self.metrics)

    def has_dimension(self, name: str) -> bool:
        """Whether a dimension of that name is declared."""
        return name in self.dimensions or self.deferred.knows(("dimension", name))

    def dimension(self, name: str, span: Span) -> Dimension:
        """A dimension that is declared."""
        self.deferred.require(("dimension", name), span)
        return self.dimensions[name]

    def dimension_names(self) -> list[str]:
        """All declared dimensions."""
        return self._names("dimension", self.dimensions)

    def _names(self, kind: str, bound: Iterable[str]) -> list[str]:
        return list(dict.fromkeys([*bound, *(name for k, name in self.deferred.labels() if k == kind)]))

    # -------------------------------------------------------------------------------------------------------- things

    def thing(self, word: str, span: Span, kinds: tuple[str, ...] = ("source", "entity")) -> Thing:
        """What a word means, or E201 with the nearest word of a thing of these kinds."""
        found = self.things.find(word)
        if found is not None and found.kind in kinds:
            return found
        wanted = _either(kinds)
        if found is not None:
            help = f"`{word}` is {article(found.kind)}"
            raise problem("E201", f"no {wanted} named `{word}`", span, help)
        raise problem("E201", f"no {wanted} named `{word}`", span, self._thing_help(word, kinds))

    def _thing_help(self, word: str, kinds: tuple[str, ...]) -> str:
        if "entity" in kinds:
            targets = {found[word].target for found in self.references.values() if word in found}
            if len(targets) == 1:
                (target,) = targets
                return f"`{word}` is a column that refers to `{target}`: write `{target}`"
        close = self.things.nearest(word, kinds)
        if close:
            return f"did you mean `{close}`?"
        if self.has_metric(word):
            return f"`{word}` is a metric"
        owners = self.owners_of_column(word)
        if owners:
            return f"a column is written with its source: `{owners[0]}.{word}`"
        names = list(self.sources)
        if names and "source" in kinds:
            return f"there are {listed(names)}" if len(names) > 1 else f"there is {listed(names)}"
        return "" if names else "declare it: `source " + word + "` with its table and time"

    def value_help(self, name: str) -> str:
        """The nearest metric, then dimension or thing, to a name that is none of them."""
        close = nearest(name, self.metric_names())
        if close:
            return f"did you mean `{close[0]}`?"
        owners = self.owners_of_column(name)
        if owners:
            return f"`{owners[0]}` has a column `{name}`: write `sum({owners[0]}.{name})` to add it up"
        close = nearest(name, self.dimension_names())
        if close:
            return f"`{close[0]}` is a dimension, which splits metrics"
        return "write a metric that is defined, or an aggregate such as `count(orders)`"


def calendar_of(settings: CalendarSettings) -> Calendar:
    """The calendar that the settings describe."""
    return Calendar(settings.timezone, settings.week_starts, settings.fiscal_year_starts, settings.fiscal_year_named)


def _help_on_nested(name: str, column: TableColumn) -> str:
    if column.mixed:
        return help_on_mixed(name, column)
    if not has_parts(column):
        return "leave the column out, or write it in the file as a text or a number"
    match column.form:
        case "list":
            return f"make rows of its elements: `source ... = unnest(...{name})`"
        case "map":
            return f'declare the value of a key: `column c from "{name}[key]"`'
    part = column.parts[0].name if column.parts else "part"
    return f'declare a part of it: `column c: text from "{name}.{part}"`'


def _either(kinds: tuple[str, ...]) -> str:
    return " or ".join([", ".join(kinds[:-1]), kinds[-1]]) if len(kinds) > 1 else kinds[0]


def place_of(span: Span) -> str:
    """`file:line`, for a message that mentions a second place; empty if it was not written anywhere."""
    return "" if span is NOWHERE or not span.source.text else f"{span.source.name}:{span.line}"
