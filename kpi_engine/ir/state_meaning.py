"""What partial states of a measure query mean, so that kept ones are taken only for the same question."""

from __future__ import annotations

from dataclasses import dataclass

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import ChildAggregate, EventTest, Expression, Field, LastBefore
from kpi_engine.ir.fingerprint import Connections, Meaning, Meanings
from kpi_engine.ir.plan import MeasureQuery, StateRequest


@dataclass(frozen=True, slots=True)
class QueryMeaning:
    """What the states of a query mean.

    `source` is the meaning of the source; `cells` what all states share: keys, times, the rows that count; `states`
    one meaning a state. `looks_at` are sources whose rows are looked at besides; `dated`: what is found there depends
    on where they end.
    """

    source: Meaning
    cells: Meaning
    states: tuple[Meaning, ...]
    looks_at: frozenset[str]
    dated: bool


def query_meaning(catalog: Catalog, connections: Connections, query: MeasureQuery) -> QueryMeaning:
    """The meaning of a query's states, whatever its edges are."""
    own = _Seeing(catalog, connections)
    source = own.source(query.source)
    own.looks_at.discard(query.source)
    name = query.source
    cells = (
        tuple(own.row(key.expression, name) for key in query.keys),
        *(None if column is None else own.column(name, column) for column in (query.time, query.until)),
        None if query.filter is None else own.row(query.filter, name),
    )
    states = tuple(own.state(each, name) for each in query.states)
    return QueryMeaning(source, cells, states, frozenset(own.looks_at), own.dated)


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
