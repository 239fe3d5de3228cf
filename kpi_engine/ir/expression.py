"""Bound expressions: every name is looked up, every type known, every aggregate tied to its source.

Two levels share `Constant` and `Apply`. A *row* expression is evaluated on the rows of one base source; its leaves
are `Field`s. A *group* expression is evaluated on aligned results; its leaves are `Measure`s. All nodes are frozen
and hashable, so that equal parts of a question are computed once.

`Apply.operation` is the name of a function record, or one of the operators `OPERATORS`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.ir.types import Type

OPERATORS = frozenset(
    {
        *("add", "subtract", "multiply", "divide", "negate"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("and", "or", "not", "is_null", "is_not_null", "in", "not_in", "case"),
    }
)
"""Operations that the language writes with symbols or words. `and`, `or` take two or more arguments. `in`, `not_in`
take the operand and then the items. `case` takes condition, value, ..., default."""

Value = int | Decimal | Fraction | str | bool | datetime.date | datetime.datetime | None
"""What a constant holds: exact numbers as int or Decimal, durations as int microseconds, timestamps aware (UTC)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step along `->`: rows of `source` refer by `column` to `target_column` of `target`."""

    source: str
    column: str
    target: str
    target_column: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the base source, or of a source reached from it by `steps`."""

    column: str
    type: Type
    steps: tuple[Step, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. A calendar name or unit given to a function (`weekday`, `month`) is a text constant."""

    value: Value
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or function applied to arguments of its own level."""

    operation: str
    arguments: tuple[Expression, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CalendarDuration:
    """A length of time as written: calendar units keep their unit. `unit` is singular."""

    amount: Fraction
    unit: str


@dataclass(frozen=True, slots=True)
class Followed:
    """`[not] followed by target on keys where condition within d`, bound.

    `target_keys` and `condition` are bound on rows of `target`; `keys` on rows of the event before it: the measure's
    own source, or in a chain the target of the link before.
    """

    target: str
    keys: tuple[Field, ...]
    target_keys: tuple[Field, ...]
    condition: Expression | None
    within: CalendarDuration
    negated: bool


@dataclass(frozen=True, slots=True)
class EventTest:
    """A row condition: whether rows of `source` are followed by a chain of events, each bound on the one before."""

    source: str
    chain: tuple[Followed, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate over the rows of one source: the leaf of every metric.

    `function` is the aggregate's name (`count`, `sum`, `avg`, `min`, `max`, `percentile`, `weighted_avg`, `stddev`,
    `variance`, ...; `median` is percentile 50). `arguments` are row expressions: none for `count` of rows, the
    value, for `weighted_avg` value and weight. `parameters` are constants (the percentile). `where` is the filter
    written inside the aggregate. `dated_by` is another time column of the source. `key_source` names the entity or
    source whose ids a distinct count counts, if it does.
    """

    function: str
    source: str
    arguments: tuple[Expression, ...]
    type: Type
    parameters: tuple[Constant, ...] = ()
    where: Expression | None = None
    distinct: bool = False
    approximate: bool = False
    dated_by: str | None = None
    at: Literal["start", "end"] | None = None
    followed: tuple[Followed, ...] = ()
    key_source: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """A metric evaluated on another window: previous, rolling, todate, cumulative, before.

    `duration` is the shift of `previous` (None: one period) and the length of `rolling`; `grain` is that of `todate`.
    """

    kind: Literal["previous", "rolling", "todate", "cumulative", "before"]
    body: Expression
    duration: CalendarDuration | None
    grain: str | None
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One condition of a filter, bound for each base source that it applies to.

    A source that stands only where a `total` drops the condition may lack it.

    `dimensions` are the dimensions it names (directly, or by one of their columns); `only_dimensions` tells whether
    it names nothing else. `total` drops a conjunct that names only dropped dimensions; one that names dropped and
    other things is an error.
    """

    by_source: tuple[tuple[str, Expression], ...]
    dimensions: frozenset[str]
    only_dimensions: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def on(self, source: str) -> Expression:
        """The condition as bound on rows of `source` (which must be one of the base sources)."""
        return dict(self.by_source)[source]

    def reaches(self, source: str) -> bool:
        """Whether it is bound on rows of `source`."""
        return any(name == source for name, _ in self.by_source)


@dataclass(frozen=True, slots=True)
class Restrict:
    """`(body where c)`: the conditions are added to the filter of every measure in the body."""

    body: Expression
    conjuncts: tuple[Conjunct, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Total:
    """`total(body, dims)`: the body without these dimensions (empty: without any)."""

    body: Expression
    dimensions: tuple[str, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MetricReference:
    """Another metric by name, with its bound body."""

    name: str
    body: Expression
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class KeyedAggregate:
    """`function(body per keys having condition)`, `count(K having condition)`: an aggregate over groups of keys.

    `keys` are names of entities, keyed sources or calendar grains; `body` is None for `count(K ...)`; `all` asks for
    the full domain; `where` filters the key's own columns (bound on rows of the one key, or on an entity).
    `parameters` are constants (the percentile; `median` is percentile 50). `by_source` gives for each base source of
    body and condition one field a key that is not a grain, in the order of `keys`: the id of the group of a row.
    `grain` is the key that is a calendar grain, if one is: inside, it is the period.
    """

    function: str
    body: Expression | None
    keys: tuple[str, ...]
    all: bool
    having: Expression | None
    where: Expression | None
    type: Type
    parameters: tuple[Constant, ...] = ()
    by_source: tuple[tuple[str, tuple[Field, ...]], ...] = ()
    grain: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ChildAggregate:
    """A row expression that aggregates the rows of a child source which refer to this row.

    `link` is the step from the child to this source; the measure's rows are the child's.
    """

    measure: Measure
    link: Step
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LastBefore:
    """`last(S on K within d)`: a reference to the latest earlier row of `target` with the same keys."""

    target: str
    keys: tuple[Field, ...]
    target_keys: tuple[Field, ...]
    within: CalendarDuration | None
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expression = (
    Field
    | Constant
    | Apply
    | EventTest
    | Measure
    | Window
    | Restrict
    | Total
    | MetricReference
    | KeyedAggregate
    | ChildAggregate
    | LastBefore
)


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside a node, in the order written; conditions inside measures included."""
    match node:
        case Apply():
            return node.arguments
        case Measure():
            return (*node.arguments, *((node.where,) if node.where is not None else ()))
        case Window() | Restrict() | Total() | MetricReference():
            return (node.body,)
        case KeyedAggregate():
            return tuple(part for part in (node.body, node.having, node.where) if part is not None)
        case ChildAggregate():
            return (node.measure,)
        case _:
            return ()


def walk(node: Expression) -> Iterator[Expression]:
    """The node and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)
