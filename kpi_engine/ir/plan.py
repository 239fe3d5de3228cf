"""The plan: measure queries that make partial states, leaves that read windows of them, arithmetic above.

    scans     one pass over a source for all measure queries asked of it
    queries   the narrow waist: (source, filter, keys, edges, states) -> partial states
    leaves    for each period of the answer a window of one state, finished to a value
    nested    aggregates over groups of keys, made of leaves with more keys
    outputs   metrics as arithmetic over leaves; a leaf is read as `Field(name)`

Below the waist nothing knows of windows, ratios, alignment or units; above it nothing knows of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Literal

from kpi_engine.ir.approximation import Approximation
from kpi_engine.ir.bounds import Bound, Interval, Period
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.question import Order
from kpi_engine.ir.types import COUNT, Display, Type

StateKind = Literal["count", "sum", "minimum", "maximum", "moments", "distinct", "values", "hll", "kll"]
"""What is kept for each key and bucket. `count`: rows; `sum`: an exact sum; `minimum`, `maximum`: a value;
`moments`: exact sums of values and of their squares; `distinct`: the set of values; `values`: the multiset of values;
`hll`, `kll`: sketches of these sets, which a distinct count and a percentile finish just so.
Every kind also keeps the number of rows and of non-null rows."""

ITEM_KINDS = frozenset({"distinct", "values", "hll", "kll"})
"""Kinds whose state is a set of values: their states carry the value as a key of its own."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A key of a measure query: a dimension's name, and its expression on the rows of the source."""

    name: str
    expression: Expression
    type: Type


@dataclass(frozen=True, slots=True)
class StateRequest:
    """One state: its kind, the value it is made of (None: rows), the rows that it takes (None: all of the query)."""

    kind: StateKind
    argument: Expression | None = None
    filter: Expression | None = None

    @property
    def is_set(self) -> bool:
        """Whether the state is a set of values, kept in a frame of its own."""
        return self.kind in ITEM_KINDS


@dataclass(frozen=True, slots=True)
class MeasureQuery:
    """States asked of the rows of one source, for each combination of keys and each bucket between two edges.

    `time` is the column that places a row in a bucket (None: all rows lie in bucket 0). Bucket 0 lies before the
    first edge, bucket i between edges i-1 and i, the last one after the last edge. `filter` holds for all states.
    `complete_from`: buckets before this edge are not read by any window, and rows there may be skipped (None: all
    history is read); rows from the last edge on are never read. `until` is the column that ends a row's lifetime:
    then a window's end t reads the rows with time < t and (until null or until >= t).
    """

    source: str
    keys: tuple[KeyColumn, ...]
    time: str | None
    edges: tuple[Bound, ...]
    states: tuple[StateRequest, ...]
    filter: Expression | None = None
    complete_from: Bound | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """A prepared input: all rows of a source with some stored columns, which other rows look at.

    References find a row by its unique key, `followed by` and `last` the next or latest one of an id.
    """

    source: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """A prepared input: a value for each id of `owner`, computed by a plan of its own over all time.

    For a column that aggregates child rows, and for columns of entities. `body` is the aggregate as bound.
    """

    owner: str
    body: Expression
    plan: Plan


@dataclass(frozen=True, slots=True)
class ExtentRequest:
    """Asks for the first and last `time` of a source; `columns` are the stored columns that it and `where` take.

    `grains` are the declared grains whose periods they name.
    """

    source: str
    time: str
    columns: tuple[str, ...]
    prepared: tuple[Preparation, ...] = ()
    grains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over a source. `queries` are positions in `Plan.queries`; `columns` are the stored columns read;
    `predicates` may rule fragments out and are applied again on rows. `placing`: columns of times of which nothing is
    looked at but the buckets that they place rows in."""

    source: str
    queries: tuple[int, ...]
    columns: tuple[str, ...] = ()
    predicates: tuple[Expression, ...] = ()
    start: tuple[str, Bound] | None = None
    end: tuple[str, Bound] | None = None
    placing: tuple[str, ...] = ()


def only_placing(scans: Iterable[Scan]) -> tuple[str, ...]:
    """The columns that no scan of some that are made one looks at but to place rows in buckets."""
    scans = list(scans)
    looked_at = {column for scan in scans for column in scan.columns if column not in scan.placing}
    return tuple(sorted({column for scan in scans for column in scan.placing} - looked_at))


FinishKind = Literal[
    "rows",
    "count",
    "sum",
    "avg",
    "minimum",
    "maximum",
    "first",
    "last",
    "variance",
    "stddev",
    "distinct",
    "percentile",
]
"""How a state becomes a value. `first` and `last` take the value of the first or last bucket with a row."""


@dataclass(frozen=True, slots=True)
class SnapshotPick:
    """Which snapshots of a window count: the `first` or the `last` one, or `any` if there is one.

    `presence` names the leaf of the same level that counts all rows of the source, whatever the question filters: it
    knows which snapshots there are, and is read for nothing else. `grain` is how often they are taken. Where the
    leaf has `own` keys, each of their values has its own first or last snapshot, and those of the presence.
    """

    point: Literal["first", "last", "any"]
    presence: str
    grain: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One measure in one context: which state, over which window for each period, finished how.

    `keys` are the dimensions kept (a `total` drops some). `windows` has one entry a period; None where the window
    is empty or lies outside the source's coverage, where the value is `outside` (null, or 0 under `before`). Where a
    window holds no rows a count or sum is 0 and everything else null.
    `shows_groups`: whether groups with rows in these windows become rows of the answer. `makes_cells`: whether they
    are groups that an aggregate over keys looks at. `own` are keys of the query after `keys`: see `SnapshotPick`.
    `item_key` is a further key of the query, whose values are the items of a set: the leaf counts those that have rows
    of the state.
    """

    name: str
    query: int
    state: int
    finish: FinishKind
    keys: tuple[str, ...]
    windows: tuple[Interval | None, ...]
    type: Type
    parameter: str = ""
    outside_is_zero: bool = False
    shows_groups: bool = True
    makes_cells: bool = True
    pick: SnapshotPick | None = None
    own: tuple[str, ...] = ()
    item_key: str = ""
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Nested:
    """An aggregate over groups of keys: `agg(E per K having c)`.

    `body` and `having` are arithmetic over `leaves` and `inner`, whose keys are `keys` and then `own` (the K), and
    whose windows are `frames` many: those of the answer's periods, or the buckets of a grain. Each (group, frame)
    for which `having` is true is one row of a state of `state` kind, which `finish` makes a value for each period
    from the frames in `windows`.

    Looked at are groups and frames with a row of one of `required` (empty: of any leaf). `every_frame` asks for all
    frames of each group, `everyone` names a leaf whose groups are all looked at in all frames.
    """

    name: str
    keys: tuple[str, ...]
    own: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    inner: tuple[Nested, ...]
    frames: int
    body: Expression | None
    having: Expression | None
    state: StateKind
    finish: FinishKind
    windows: tuple[tuple[int, int] | None, ...]
    type: Type
    parameter: str = ""
    required: tuple[str, ...] = ()
    every_frame: bool = False
    everyone: str = ""
    outside_is_zero: bool = False
    shows_groups: bool = True
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """A column beside a metric's own, on request: a `value` over leaves, the `rows` of leaves, or `complete`."""

    name: str
    kind: Literal["value", "rows", "complete"]
    expression: Expression | None = None
    type: Type = COUNT
    display: Display = field(default_factory=Display)
    leaves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One metric of the answer: arithmetic over leaves, and how it is shown. `detail` are columns that follow it."""

    name: str
    expression: Expression
    type: Type
    display: Display
    description: str = ""
    complete: tuple[bool, ...] = ()
    """For each period whether its windows were whole."""
    estimates: tuple[Approximation, ...] = ()
    detail: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that execution needs; plain data, printed by `kpi explain --at plan`."""

    grain: str | None
    periods: tuple[Period, ...]
    dimensions: tuple[tuple[str, Type], ...]
    queries: tuple[MeasureQuery, ...]
    leaves: tuple[Leaf, ...]
    outputs: tuple[Output, ...]
    nested: tuple[Nested, ...] = ()
    scans: tuple[Scan, ...] = ()
    prepared: tuple[Preparation, ...] = ()
    keyed: tuple[KeyedTable, ...] = ()
    as_of: Bound | None = None
    opens: Bound | None = None
    closes: Bound | None = None
    watermarks: tuple[tuple[str, Bound], ...] = ()
    skip_empty: bool = False
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    notes: tuple[str, ...] = ()
    further: tuple[Plan, ...] = ()
    """One for each further grain: periods and leaves of their own, over the queries and scans of this plan."""

    @property
    def by_hour(self) -> bool:
        """Whether the period column holds instants: hours are among the grains."""
        return "hour" in (self.grain, *(each.grain for each in self.further))


def all_leaves(plan: Plan) -> Iterator[Leaf]:
    """Every leaf of a plan, those inside nested aggregates and of further grains included."""
    yield from plan.leaves
    for nested in plan.nested:
        yield from _leaves_inside(nested)
    for each in plan.further:
        yield from all_leaves(each)


def _leaves_inside(nested: Nested) -> Iterator[Leaf]:
    yield from nested.leaves
    for each in nested.inner:
        yield from _leaves_inside(each)
