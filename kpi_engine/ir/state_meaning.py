"""What partial states of a measure query mean, so that kept ones are taken only for the same question."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import ChildAggregate, EventTest, Expression, Field, LastBefore
from kpi_engine.ir.fingerprint import Connections, Meaning, Meanings
from kpi_engine.ir.plan import MeasureQuery, StateRequest


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of a query means. `looks_at` are sources whose rows are looked at besides; `dated`: what is found
    there depends on where they end."""

    meaning: Meaning
    looks_at: frozenset[str]
    dated: bool


@dataclass(frozen=True, slots=True)
class QueryMeaning:
    """What the states of a query mean: the source, what all states share (keys, times, the rows that count), and each
    state."""

    source: Meaning
    cells: Part
    states: tuple[Part, ...]


def query_meaning(catalog: Catalog, connections: Connections, query: MeasureQuery) -> QueryMeaning:
    """The meaning of a query's states, whatever its edges are."""
    name = query.source

    def seen(make: Callable[[_Seeing], Meaning]) -> Part:
        own = _Seeing(catalog, connections)
        meaning = make(own)
        return Part(meaning, frozenset(own.looks_at), own.dated)

    source = seen(lambda own: own.source(name))
    cells = seen(
        lambda own: (
            tuple(own.row(key.expression, name) for key in query.keys),
            *(None if column is None else own.column(name, column) for column in (query.time, query.until)),
            None if query.filter is None else own.row(query.filter, name),
        )
    )
    looks_at = cells.looks_at | (source.looks_at - {name})
    return QueryMeaning(
        source.meaning,
        Part(cells.meaning, looks_at, cells.dated or source.dated),
        tuple(seen(partial(_Seeing.state, request=each, source=name)) for each in query.states),
    )


class _Seeing(Meanings):
    """Meanings, and the sources that they rest on."""

    def __init__(self, catalog: Catalog, connections: Connections) -> None:
        super().__init__(catalog, connections)
        self.looks_at: set[str] = set()
        self.dated = False

    def state(self, request: StateRequest, source: str) -> Meaning:
        parts = (request.argument, request.filter)
        return (request.kind, *(None if each is None else self.row(each, source) for each in parts))

    def source(self, name: str) -> Meaning:
        self.looks_at.add(name)
        self.dated = self.dated or self.catalog.sources[name].derived is not None
        return super().source(name)

    def row(self, node: Expression, source: str) -> Meaning:
        through = isinstance(node, Field) and any(step.target in self.catalog.entities for step in node.steps)
        self.dated = self.dated or through or isinstance(node, EventTest | LastBefore | ChildAggregate)
        return super().row(node, source)
