"""Which stored columns, whole sources and keyed tables a set of row expressions needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from kpi_engine.ir.catalog import Catalog, Derived
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import (
    Apply,
    ChildAggregate,
    Constant,
    EventTest,
    Expression,
    Field,
    Followed,
    LastBefore,
    Step,
)
from kpi_engine.ir.parents import EVERY_ELEMENT, leads_to_parent, list_column, parent_column
from kpi_engine.ir.plan import ExtentRequest, MeasureQuery, Preparation
from kpi_engine.ir.types import NULL


@dataclass(slots=True)
class Needs:
    """Gathered needs.

    `columns`: stored columns by source; `whole`: sources of which all rows are prepared; `dated`: those of them whose
    rows need their time; `keyed`: the owner and the aggregate of each keyed table; `grains`: declared grains of whose
    periods rows are asked.
    """

    columns: dict[str, dict[str, None]] = field(default_factory=dict)
    whole: dict[str, None] = field(default_factory=dict)
    dated: dict[str, None] = field(default_factory=dict)
    keyed: dict[tuple[str, Expression], None] = field(default_factory=dict)
    grains: dict[str, None] = field(default_factory=dict)

    def preparations(self) -> tuple[Preparation, ...]:
        """The whole sources as plan nodes, in a stable order."""
        return tuple(Preparation(name, tuple(sorted(self.columns[name]))) for name in sorted(self.whole))


def extent_requests(catalog: Catalog, names: Iterable[str]) -> tuple[ExtentRequest, ...]:
    """What it takes to find the first and last row in time of sources; those without a time are left out."""
    requests = []
    for name in names:
        time = catalog.sources[name].time
        if time is not None:
            needs = Needs()
            gather_source(catalog, name, time, needs, repeated=True)
            columns = tuple(sorted(needs.columns[name]))
            requests.append(ExtentRequest(name, time, columns, needs.preparations(), tuple(needs.grains)))
    return tuple(requests)


def merged_preparations(requests: Iterable[ExtentRequest]) -> tuple[Preparation, ...]:
    """One preparation a source, with the columns that any of some requests takes."""
    columns: dict[str, dict[str, None]] = {}
    for request in requests:
        for each in request.prepared:
            columns.setdefault(each.source, {}).update(dict.fromkeys(each.columns))
    return tuple(Preparation(name, tuple(sorted(found))) for name, found in sorted(columns.items()))


def gather_query(catalog: Catalog, query: MeasureQuery, needs: Needs) -> None:
    """Add what a measure query needs of its source: expressions, time, and the source's own filter."""
    parts: list[Expression | None] = [key.expression for key in query.keys]
    parts += [part for state in query.states for part in (state.argument, state.filter)]
    for part in (*parts, query.filter):
        if part is not None:
            gather(catalog, query.source, part, needs)
    gather_source(catalog, query.source, query.time, needs)


def gather_source(catalog: Catalog, name: str, time: str | None, needs: Needs, *, repeated: bool = False) -> None:
    """Add what every reading of a source needs: its time column, its lifetime, its own filter.

    Without equal rows it takes all columns to tell them; where rows may be `repeated`, as for the first and the last
    time, it does not.
    """
    source = catalog.sources[name]
    needs.columns.setdefault(name, {})
    for column in (time, *(source.lifetime or ())):
        if column is not None:
            _own(catalog, name, column, needs)
    if source.where is not None:
        gather(catalog, name, source.where, needs)
    if source.distinct and not repeated:
        for column in source.columns.values():
            if column.computed is None:
                _own(catalog, name, column.name, needs)
    if source.latest_by is not None:
        for each in (*source.key, source.latest_by):
            _own(catalog, name, each, needs)
    if source.derived is not None and source.derived.kind == "unnest":
        _whole(catalog, source.derived.base, needs)
        _list(catalog, source.derived.base, list_column(name, EVERY_ELEMENT), needs)
    elif source.derived is not None:
        _base(catalog, source.derived, needs)


def _base(catalog: Catalog, derived: Derived, needs: Needs) -> None:
    """Rows of the base of a derived source, with what makes the derived ones of them."""
    _whole(catalog, derived.base, needs)
    if derived.where is not None:
        gather(catalog, derived.base, derived.where, needs)
    for column in (*derived.keys, derived.column):
        if column is not None:
            _own(catalog, derived.base, column, needs)


def gather(catalog: Catalog, source: str, expression: Expression, needs: Needs) -> None:
    """Add what an expression on rows of `source` needs."""
    match expression:
        case Field(steps=()):
            _own(catalog, source, expression.column, needs)
        case Field() if leads_to_parent(catalog.sources, expression.steps[0]):
            gather_source(catalog, source, None, needs)
            _parent(catalog, source, expression, needs)
        case Field():
            _through(catalog, expression.steps, expression.column, needs)
        case Apply():
            for argument in expression.arguments:
                gather(catalog, source, argument, needs)
                if isinstance(argument, Constant) and argument.value in catalog.grains:
                    needs.grains[str(argument.value)] = None
        case EventTest():
            _events(catalog, source, expression.chain, needs)
        case LastBefore():
            for key in expression.keys:
                gather(catalog, source, key, needs)
            gather_source(catalog, source, catalog.sources[source].time, needs)
            _whole(catalog, expression.target, needs)
            for key in expression.target_keys:
                gather(catalog, expression.target, key, needs)
            for column in catalog.sources[expression.target].key:
                _own(catalog, expression.target, column, needs)
        case ChildAggregate():
            _own(catalog, expression.link.target, expression.link.target_column, needs)
            needs.keyed[expression.link.target, expression] = None


def _events(catalog: Catalog, source: str, chain: tuple[Followed, ...], needs: Needs) -> None:
    """Rows of each event in the chain, with their keys, times and conditions."""
    gather_source(catalog, source, catalog.sources[source].time, needs)
    for link in chain:
        for key in link.keys:
            gather(catalog, source, key, needs)
        _whole(catalog, link.target, needs)
        for key in link.target_keys:
            gather(catalog, link.target, key, needs)
        if link.condition is not None:
            gather(catalog, link.target, link.condition, needs)
            if source == link.target:
                gather(catalog, source, link.condition, needs)
        source = link.target


def _whole(catalog: Catalog, name: str, needs: Needs) -> None:
    """All rows of a source, dated."""
    if name not in needs.dated:
        needs.dated[name] = needs.whole[name] = None
        gather_source(catalog, name, catalog.sources[name].time, needs)


def _list(catalog: Catalog, source: str, name: str, needs: Needs) -> None:
    """A column of lists, which elements are made of."""
    needs.columns.setdefault(source, {})[name] = None
    derived = catalog.sources[source].derived
    if derived is not None:
        _list(catalog, derived.base, list_column(source, name) if derived.kind == "unnest" else name, needs)


def _parent(catalog: Catalog, source: str, field: Field, needs: Needs) -> None:
    """A path from an element over the row that holds it: a column of the element, and what the row needs for it."""
    needs.columns.setdefault(source, {})[parent_column(field)] = None
    derived = catalog.sources[source].derived
    assert derived is not None
    if derived.kind == "unnest":
        gather(catalog, derived.base, Field(field.column, field.type, field.steps[1:]), needs)
    else:
        _parent(catalog, derived.base, field, needs)


def _own(catalog: Catalog, source: str, name: str, needs: Needs) -> None:
    owner = catalog.sources[source]
    column = owner.columns[name]
    if column.computed is not None:
        gather(catalog, source, column.computed, needs)
        return
    needs.columns.setdefault(source, {})[name] = None
    if owner.derived is not None and list_column(source, name) in catalog.sources[owner.derived.base].lists:
        _list(catalog, owner.derived.base, list_column(source, name), needs)
    elif owner.derived is not None and name in catalog.sources[owner.derived.base].columns:
        _own(catalog, owner.derived.base, name, needs)


def _through(catalog: Catalog, steps: tuple[Step, ...], column: str, needs: Needs) -> None:
    """A column at the end of references: the rows of each source on the way."""
    first, *rest = steps
    _own(catalog, first.source, first.column, needs)
    entity = catalog.entities.get(first.target)
    if entity is not None:
        body = entity.columns[column].computed
        assert body is not None
        needs.keyed[first.target, body] = None
        return
    target = catalog.sources[first.target]
    if first.target not in needs.whole:
        needs.whole[first.target] = None
        gather_source(catalog, first.target, target.time if target.snapshot is not None else None, needs)
    _own(catalog, first.target, first.target_column, needs)
    for each in target.versions or ():
        _own(catalog, first.target, each, needs)
    targets = [found for step in steps if (found := catalog.sources.get(step.target)) is not None]
    if any(each.snapshot is not None or each.versions is not None for each in targets):
        gather_source(catalog, first.source, catalog.sources[first.source].time, needs)
    if rest:
        gather(catalog, first.target, Field(column, NULL, tuple(rest)), needs)
    else:
        _own(catalog, first.target, column, needs)
