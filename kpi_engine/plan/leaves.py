"""The book of leaves: each different measure-in-context once, with the measure query that feeds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Apply, Expression, Field
from kpi_engine.ir.plan import FinishKind, KeyColumn, Leaf, MeasureQuery, Nested, SnapshotPick, StateRequest
from kpi_engine.ir.types import COUNT, Type


@dataclass(frozen=True, slots=True)
class LeafRequest:
    """A measure in its context: all that `Leaf` and `MeasureQuery` need.

    `cuts` are edges beside those of the windows, `own` keys beside those of the answer. `text` is for `explain` alone.
    """

    source: str
    time: str | None
    keys: tuple[KeyColumn, ...]
    state: StateRequest
    finish: FinishKind
    windows: tuple[Interval | None, ...]
    type: Type
    parameter: str = ""
    outside_is_zero: bool = False
    shows_groups: bool = True
    makes_cells: bool = True
    own: tuple[KeyColumn, ...] = ()
    until: str | None = None
    cuts: tuple[Bound, ...] = ()
    pick: SnapshotPick | None = None
    text: str = field(compare=False, default="")


class LeafBook:
    """Collects the leaves and nested aggregates of one level; equal ones are shared.

    Books of inner levels number their leaves and collect their measure queries together with the outermost one.
    """

    def __init__(self, outer: LeafBook | None = None) -> None:
        self._root: LeafBook = self if outer is None else outer._root
        self._names: dict[LeafRequest, str] = {}
        self._nested: dict[Nested, Nested] = {}
        self._queries: dict[MeasureQuery, int] = {}
        self._notes: dict[str, None] = {}
        self._count = 0

    def note(self, sentence: str) -> None:
        """Keep a sentence for the reader of the answer, once."""
        self._root._notes[sentence] = None

    def notes(self) -> tuple[str, ...]:
        """The sentences of all levels."""
        return tuple(self._root._notes)

    def inner(self) -> LeafBook:
        """A book for the inside of a nested aggregate."""
        return LeafBook(self)

    def add(self, request: LeafRequest) -> Field:
        """The leaf that answers a request, as a field that arithmetic above can read."""
        name = self._names.get(request)
        if name is None:
            name = self._names[request] = self._next("m")
        return Field(name, request.type)

    def add_nested(self, nested: Nested) -> Field:
        """A nested aggregate (its name is given here), as a field."""
        shape = _with_places_for_names(nested)
        known = self._nested.get(shape)
        if known is None:
            known = self._nested[shape] = replace(nested, name=self._next("n"))
        return Field(known.name, known.type)

    def rows_of(self, field: Field) -> Field:
        """How many rows (or groups with rows) the leaf or nested aggregate behind a field looks at."""
        for nested in self._nested.values():
            if nested.name == field.column:
                return self.add_nested(_counted(nested))
        request = next(request for request, name in self._names.items() if name == field.column)
        state = StateRequest("count", None, request.state.filter)
        return self.add(replace(request, state=state, finish="rows", type=COUNT, parameter="", shows_groups=False))

    def looks_at_rows(self, field: Field) -> bool:
        """Whether a field is a value of rows, and no count of what there is whatever a question filters."""
        return all(request.makes_cells for request, name in self._names.items() if name == field.column)

    def show_groups(self, request: LeafRequest, keys: tuple[KeyColumn, ...], filter: Expression | None) -> None:
        """Add a count of rows by all `keys`, for a measure that dropped some: groups with rows become rows."""
        state = StateRequest("count", None, filter)
        self.add(replace(request, keys=keys, state=state, finish="rows", type=COUNT, shows_groups=True, parameter=""))

    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves of this level."""
        return tuple(self._leaf(request, name) for request, name in self._names.items())

    def nested(self) -> tuple[Nested, ...]:
        """The nested aggregates of this level."""
        return tuple(self._nested.values())

    def queries(self) -> tuple[MeasureQuery, ...]:
        """The measure queries of all levels: one for each combination of source, keys, time, state and windows."""
        return tuple(self._root._queries)

    def _next(self, prefix: str) -> str:
        self._root._count += 1
        return f"{prefix}{self._root._count}"

    def _leaf(self, request: LeafRequest, name: str) -> Leaf:
        queries = self._root._queries
        return Leaf(
            name=name,
            query=queries.setdefault(_query(request), len(queries)),
            state=0,
            finish=request.finish,
            keys=tuple(key.name for key in request.keys),
            windows=request.windows,
            type=request.type,
            parameter=request.parameter,
            outside_is_zero=request.outside_is_zero,
            shows_groups=request.shows_groups,
            makes_cells=request.makes_cells,
            pick=request.pick,
            own=tuple(key.name for key in request.own),
            text=request.text,
        )


def _counted(nested: Nested) -> Nested:
    """A nested aggregate that counts the groups and frames with rows."""
    return replace(
        nested,
        name="",
        body=None,
        having=None,
        state="count",
        finish="rows",
        type=COUNT,
        parameter="",
        required=(),
        every_frame=False,
        everyone="",
        shows_groups=False,
    )


def _with_places_for_names(nested: Nested) -> Nested:
    """A nested aggregate in which everything inside is called by its place, so that equal ones are equal."""
    inside = [*(leaf.name for leaf in nested.leaves), *(each.name for each in nested.inner)]
    names = {name: f"{place}" for place, name in enumerate(inside)}
    return replace(
        nested,
        leaves=tuple(_renamed_leaf(leaf, names) for leaf in nested.leaves),
        inner=tuple(replace(_with_places_for_names(each), name=names[each.name]) for each in nested.inner),
        body=None if nested.body is None else _renamed(nested.body, names),
        having=None if nested.having is None else _renamed(nested.having, names),
        required=tuple(names[name] for name in nested.required),
        everyone=names.get(nested.everyone, ""),
    )


def _renamed_leaf(leaf: Leaf, names: Mapping[str, str]) -> Leaf:
    pick = None if leaf.pick is None else replace(leaf.pick, presence=names[leaf.pick.presence])
    return replace(leaf, name=names[leaf.name], pick=pick)


def _renamed(node: Expression, names: Mapping[str, str]) -> Expression:
    """Arithmetic over leaves with other names for these."""
    match node:
        case Field():
            return replace(node, column=names[node.column])
        case Apply():
            return replace(node, arguments=tuple(_renamed(each, names) for each in node.arguments))
    return node


def _query(request: LeafRequest) -> MeasureQuery:
    windows = [window for window in request.windows if window is not None]
    edges: set[Bound] = {window.end for window in windows}.union(request.cuts)
    edges.update(window.start for window in windows if window.start is not None)
    unbounded = any(window.start is None for window in windows)
    return MeasureQuery(
        source=request.source,
        keys=request.keys + request.own,
        time=request.time,
        edges=tuple(sorted(edges)),
        states=(request.state,),
        complete_from=None if unbounded or not edges else min(edges),
        until=request.until,
    )
