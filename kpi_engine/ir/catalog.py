"""The catalogue: what the definitions mean. Sources, entities, dimensions and metrics with types, all names bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Literal

from kpi_engine.ir import tree
from kpi_engine.ir.approximation import Approximation
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import CalendarDuration, Constant, Expression
from kpi_engine.ir.packs import PackInfo
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.ir.types import Display, Type


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a physical table. `type` is None when the engine has no type for it; `physical` names its type.

    A nested column says its `form` and has `parts`: the fields of a struct, the element of a list, a map's key and
    value. A `mixed` column has plain values of several types, so that a declaration must say which one they are.
    """

    name: str
    type: Type | None
    physical: str
    form: Literal["struct", "list", "map"] | None = None
    parts: tuple[TableColumn, ...] = ()
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class PathStep:
    """A step into a nested value: to a field of a struct, to the value of a key, to each element of a list.

    The key is looked up in a map, or among the structs of a list by their field `key`. The step `row` stands for an
    element as such, whatever it is.
    """

    name: str
    kind: Literal["field", "key", "each", "row"] = "field"


def spelled(column: str, path: Sequence[PathStep]) -> str:
    """A part of a nested column as definitions write it.

    >>> spelled("params", [PathStep("page", "key"), PathStep("value")])
    'params[page].value'
    """
    shown = {"field": ".{}", "key": "[{}]", "each": "[]", "row": ""}
    return column + "".join(shown[step.kind].format(step.name) for step in path)


@dataclass(frozen=True, slots=True)
class TableSchema:
    """What a connector says of a table. In a `text` table every column is text until a declaration says more."""

    columns: tuple[TableColumn, ...]
    text: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """`-> target[.column] [as alias]`: rows refer to at most one row of the target (a source or an entity).

    `parent`: a row is an element of the target's row, which it refers to by no column. `inherited`: the reference is
    that of the row that holds the element.
    """

    target: str
    target_column: str
    alias: str | None = None
    to_entity: bool = False
    parent: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source: stored under `physical`, or `computed` from others of the same row and its references.

    A part of a nested column is stored under the name of the whole, with the `path` from there.
    """

    name: str
    type: Type
    physical: str = ""
    format: str | None = None
    computed: Expression | None = None
    reference: Reference | None = None
    declared: bool = True
    options: tuple[tuple[str, str], ...] = ()
    path: tuple[PathStep, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


OptionValue = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What a source says of its table before anything is known of the columns: enough to open it.

    `names` go to the connection verbatim; `options` are the file options as written.
    """

    source: str
    names: tuple[str, ...]
    connection: str = "default"
    options: tuple[tuple[str, OptionValue], ...] = ()
    timezone: str | None = None
    on_error: Literal["stop", "null"] = "stop"
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Derived:
    """How the rows of a derived source come from those of `base`.

    `filter`: rows for which `where` (bound on the base) is true. `latest`: of the rows with equal `keys` the one with
    the greatest time. `unnest`: one row for each element of the list in `column`, which refers to its parent by `link`
    (a column, or a word that is none). `pairs`: for each id in `keys` all
    ordered pairs of the values of `column`, at most `max_items` values for each id.
    """

    kind: Literal["filter", "latest", "unnest", "pairs"]
    base: str
    where: Expression | None = None
    keys: tuple[str, ...] = ()
    column: str | None = None
    max_items: int = 100
    link: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A table with meaning. `columns` keeps declared order, then the table's own.

    `time` is the declared time column (None: only looked up). A parent's time (`time: orders.ordered_at`) is a
    computed column of that dotted name, as is any other path where a plain name is stored. `options` are the file
    options as written (`delimiter`, `header`, `null_values`, ...). `starts` and `watermark` are texts of dates or
    instants as written.
    `lists` are columns that hold a list a row, which definitions cannot name: sources of their elements read them.
    `pack` is the pack that declares the source; `unmapped`: it has no table; `missing`: stored columns that it lacks.
    """

    name: str
    singular: str
    table: tuple[str, ...]
    columns: Mapping[str, Column]
    connection: str = "default"
    key: tuple[str, ...] = ()
    time: str | None = None
    timezone: str | None = None
    where: Expression | None = None
    starts: str | None = None
    watermark: str | None = None
    late: CalendarDuration | None = None
    counted_in: str | None = None
    lifetime: tuple[str, str] | None = None
    snapshot: str | None = None
    snapshot_by: tuple[str, ...] = ()
    versions: tuple[str, str] | None = None
    grain: str | None = None
    distinct: bool = False
    on_duplicate: str | None = None
    on_error: Literal["stop", "null"] = "stop"
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    derived: Derived | None = None
    lists: Mapping[str, Column] = field(default_factory=dict)
    description: str = ""
    owner: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    pack: str = ""
    unmapped: bool = False
    missing: frozenset[str] = frozenset()

    @property
    def latest_by(self) -> str | None:
        """The column that says which of several rows with one key counts (`on_duplicate: latest(column)`)."""
        text = self.on_duplicate or ""
        return text.removeprefix("latest(").removesuffix(")") if text.startswith("latest(") else None


@dataclass(frozen=True, slots=True)
class Entity:
    """Ids without a table of their own. `counted_in` is the source whose rows are counted, if it is known.

    A computed column of an entity holds an expression over measures: a metric of one id over all time.
    """

    name: str
    plural: str
    counted_in: str | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    description: str = ""
    owner: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Grain:
    """A declared grain: a table of periods, read like a source's.

    The column `time` of `table` holds the first day of each period, on which the one before it ends; `label` names
    the column with its name (None: it is called by its first day).
    """

    name: str
    table: Source
    time: str
    label: str | None = None
    description: str = ""
    owner: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A declared dimension: for each source of `values` its expression on that source's own rows.

    Other sources reach it along references; `resolve` binds it on a base source when a question asks.
    """

    name: str
    type: Type
    values: tuple[tuple[str, Expression], ...]
    every_source: tree.Expr | None = None
    """Set for dimensions over `time` alone, which every source has: bound anew on each base source."""
    description: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its formula bound and typed, how it is shown, and what is known of it."""

    name: str
    body: Expression
    type: Type
    display: Display
    sources: tuple[str, ...]
    uses: tuple[str, ...] = ()
    better: Literal["higher", "lower", "neither"] | None = None
    target: Constant | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    owner: str = ""
    format: str | None = None
    deprecated: str | None = None
    replaced_by: str | None = None
    since: str | None = None
    additive: bool = False
    not_additive_because: str = ""
    grain_dependent: bool = False
    estimates: tuple[Approximation, ...] = ()
    """Aggregates inside that may be estimated, and how far they may then be off."""
    declaration: tree.Metric | tree.Override | None = field(default=None, compare=False, repr=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    pack: str = ""
    """The pack that it comes from."""
    lacks: tuple[str, ...] = ()
    """Sources of packs without a table, and columns that tables lack, without which it cannot be computed."""
    needs: tuple[str, ...] = ()
    """The columns that would have to be mapped for it, as `source.column`: of what it lacks, only what it reads."""


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """The project's calendar: zone, first day of the week, first month of the fiscal year, currency."""

    timezone: str = "UTC"
    week_starts: Literal["monday", "sunday", "saturday"] = "monday"
    fiscal_year_starts: int = 1
    fiscal_year_named: Literal["start", "end"] = "end"
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything defined, by name, in the order written. `goals` and `alerts` are bound but judged elsewhere."""

    calendar: CalendarSettings
    sources: Mapping[str, Source]
    entities: Mapping[str, Entity]
    dimensions: Mapping[str, Dimension]
    metrics: Mapping[str, Metric]
    goals: Mapping[str, tree.Goal] = field(default_factory=dict)
    alerts: Mapping[str, tree.Alert] = field(default_factory=dict)
    grains: Mapping[str, Grain] = field(default_factory=dict)
    packs: Mapping[str, PackInfo] = field(default_factory=dict)


GRAINS = ("hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")
"""The calendar grains, finest first."""

MICROSECONDS: Mapping[str, int] = {
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
"""Elapsed microseconds of the units that have a fixed length."""


def elapsed(duration: CalendarDuration) -> Fraction:
    """Microseconds of a duration of fixed length; KeyError for months and longer.

    >>> elapsed(CalendarDuration(Fraction(2), "hour"))
    Fraction(7200000000, 1)
    """
    return duration.amount * MICROSECONDS[duration.unit]


def have_same_rows(catalog: Catalog, one: str, other: str) -> bool:
    """Whether rows of two sources may be the same ones: of one table and key, perhaps filtered or the latest of ids."""
    first, second = (_holder(catalog, name) for name in (one, other))
    if first.name == second.name:
        return True
    same_table = bool(first.table) and (first.connection, first.table) == (second.connection, second.table)
    return same_table and _stored_key(first) == _stored_key(second)


def _holder(catalog: Catalog, name: str) -> Source:
    """The source whose rows a source chooses from."""
    source = catalog.sources[name]
    while source.derived is not None and source.derived.kind in ("filter", "latest"):
        source = catalog.sources[source.derived.base]
    return source


def _stored_key(source: Source) -> tuple[str, ...]:
    """The columns of the table that the key is made of."""
    return tuple(source.columns[name].physical for name in source.key)
