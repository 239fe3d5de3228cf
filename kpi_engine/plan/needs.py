"""Which stored columns and lookups a set of row expressions needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import Expression, Field, Step, walk
from kpi_engine.ir.plan import ExtentRequest, Lookup, MeasureQuery


@dataclass(slots=True)
class Needs:
    """Gathered needs: stored columns by source, and columns read through each lookup."""

    columns: dict[str, dict[str, None]] = field(default_factory=dict)
    lookups: dict[tuple[str, str], None] = field(default_factory=dict)

    def lookup_list(self) -> tuple[Lookup, ...]:
        """The lookups as plan nodes, in a stable order."""
        return tuple(Lookup(target, key, tuple(sorted(self.columns[target]))) for target, key in sorted(self.lookups))


def extent_requests(catalog: Catalog, names: Iterable[str]) -> tuple[ExtentRequest, ...]:
    """What it takes to find the first and last row in time of sources; those without a time are left out."""
    requests = []
    for name in names:
        time = catalog.sources[name].time
        if time is not None:
            needs = Needs()
            gather_source(catalog, name, time, needs)
            requests.append(ExtentRequest(name, time, tuple(sorted(needs.columns[name])), needs.lookup_list()))
    return tuple(requests)


def gather(catalog: Catalog, source: str, expressions: Iterable[Expression], needs: Needs) -> None:
    """Add what `expressions`, evaluated on rows of `source`, need."""
    columns = needs.columns.setdefault(source, {})
    for expression in expressions:
        for node in walk(expression):
            if isinstance(node, Field):
                if node.steps:
                    _through(catalog, node.steps, node.column, needs)
                else:
                    _own(catalog, source, node.column, columns, needs)


def query_expressions(query: MeasureQuery) -> list[Expression]:
    """All row expressions of a measure query."""
    found: list[Expression] = [key.expression for key in query.keys]
    found += [part for state in query.states for part in (state.argument, state.filter) if part is not None]
    if query.filter is not None:
        found.append(query.filter)
    return found


def gather_query(catalog: Catalog, query: MeasureQuery, needs: Needs) -> None:
    """Add what a measure query needs of its source: expressions, time, and the source's own filter."""
    gather(catalog, query.source, query_expressions(query), needs)
    gather_source(catalog, query.source, query.time, needs)


def gather_source(catalog: Catalog, name: str, time: str | None, needs: Needs) -> None:
    """Add what every reading of a source needs: its time column and its own filter."""
    source = catalog.sources[name]
    columns = needs.columns.setdefault(name, {})
    if time is not None:
        _own(catalog, name, time, columns, needs)
    for column in source.lifetime or ():
        _own(catalog, name, column, columns, needs)
    if source.where is not None:
        gather(catalog, name, (source.where,), needs)


def _own(catalog: Catalog, source: str, name: str, columns: dict[str, None], needs: Needs) -> None:
    column = catalog.sources[source].columns[name]
    if column.computed is not None:
        gather(catalog, source, (column.computed,), needs)
    else:
        columns[name] = None


def _through(catalog: Catalog, steps: tuple[Step, ...], column: str, needs: Needs) -> None:
    first, *rest = steps
    target = needs.columns.setdefault(first.target, {})
    _own(catalog, first.source, first.column, needs.columns.setdefault(first.source, {}), needs)
    if (first.target, first.target_column) not in needs.lookups:
        needs.lookups[first.target, first.target_column] = None
        _own(catalog, first.target, first.target_column, target, needs)
        gather_source(catalog, first.target, None, needs)
    if rest:
        _through(catalog, tuple(rest), column, needs)
    else:
        _own(catalog, first.target, column, target, needs)
