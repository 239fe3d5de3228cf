"""All expressions of a catalogue that are computed on rows, each with the source whose rows they are."""

from __future__ import annotations

from collections.abc import Iterator

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import (
    Apply,
    ChildAggregate,
    Constant,
    EventTest,
    Expression,
    Field,
    Followed,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
    children,
)
from kpi_engine.ir.parents import leads_to_parent


@dataclass(frozen=True, slots=True)
class RowExpression:
    """An expression on rows of `source`. `before_filter`: on all its rows, also those that its `where:` leaves out."""

    source: str
    expression: Expression
    before_filter: bool = False


def row_expressions(catalog: Catalog) -> Iterator[RowExpression]:
    """Conditions and values of metrics, columns, dimensions and sources; those of a used metric stand with itself."""
    for source in catalog.sources.values():
        if source.where is not None:
            yield from _on_rows(RowExpression(source.name, source.where, before_filter=True))
        if source.derived is not None and source.derived.where is not None:
            yield from _on_rows(RowExpression(source.derived.base, source.derived.where))
        for column in source.columns.values():
            if column.computed is not None:
                yield from _on_rows(RowExpression(source.name, column.computed))
    for dimension in catalog.dimensions.values():
        for name, value in dimension.values:
            yield from _on_rows(RowExpression(name, value))
    for entity in catalog.entities.values():
        for column in entity.columns.values():
            if column.computed is not None:
                yield from _of_group(column.computed, catalog)
    for metric in catalog.metrics.values():
        yield from _of_group(metric.body, catalog)


def measures(catalog: Catalog) -> Iterator[Measure]:
    """The aggregates of all metrics, those of a used metric once."""
    for metric in catalog.metrics.values():
        pending: list[Expression] = [metric.body]
        while pending:
            node = pending.pop()
            if isinstance(node, Measure):
                yield node
            if not isinstance(node, MetricReference):
                pending.extend(children(node))


def _of_group(node: Expression, catalog: Catalog) -> Iterator[RowExpression]:
    match node:
        case MetricReference():
            return
        case Measure():
            yield from _of_measure(node)
            return
        case Restrict():
            for conjunct in node.conjuncts:
                for name, condition in conjunct.by_source:
                    yield from _on_rows(RowExpression(name, condition))
        case KeyedAggregate() if node.where is not None and node.keys[0] in catalog.sources:
            yield from _on_rows(RowExpression(node.keys[0], node.where))
            for part in (node.body, node.having):
                if part is not None:
                    yield from _of_group(part, catalog)
            return
    for child in children(node):
        yield from _of_group(child, catalog)


def _of_measure(measure: Measure) -> Iterator[RowExpression]:
    for argument in measure.arguments:
        yield from _on_rows(RowExpression(measure.source, argument))
    if measure.where is not None:
        yield from _on_rows(RowExpression(measure.source, measure.where))
    yield from _of_chain(measure.followed)


def _of_chain(chain: tuple[Followed, ...]) -> Iterator[RowExpression]:
    for link in chain:
        if link.condition is not None:
            yield from _on_rows(RowExpression(link.target, link.condition))


def _on_rows(found: RowExpression) -> Iterator[RowExpression]:
    """The expression itself, and what it computes on rows of other sources."""
    yield found
    pending = [found.expression]
    while pending:
        node = pending.pop()
        match node:
            case ChildAggregate():
                yield from _of_measure(node.measure)
            case EventTest():
                yield from _of_chain(node.chain)
            case Apply():
                pending.extend(node.arguments)


def is_plain(catalog: Catalog, source: str, expression: Expression) -> bool:
    """Whether an expression looks at nothing but its own row and the rows that it refers to.

    Child rows, events and columns of entities take plans of their own.
    """
    return _is_plain(catalog, source, expression, frozenset())


def _is_plain(catalog: Catalog, source: str, node: Expression, within: frozenset[str]) -> bool:
    match node:
        case Constant():
            return True
        case Apply():
            return all(_is_plain(catalog, source, argument, within) for argument in node.arguments)
        case Field(steps=()):
            computed = catalog.sources[source].columns[node.column].computed
            return computed is None or _is_plain(catalog, source, computed, within)
        case Field(steps=(first, *rest)) if leads_to_parent(catalog.sources, first):
            return _is_plain(catalog, first.target, Field(node.column, node.type, tuple(rest)), within)
        case Field():
            first, *rest = node.steps
            if first.target not in catalog.sources:
                return False
            return (
                _is_plain(catalog, source, Field(first.column, node.type), within)
                and has_plain_rows(catalog, first.target, within)
                and _is_plain(catalog, first.target, Field(node.column, node.type, tuple(rest)), within)
            )
    return False


def has_plain_rows(catalog: Catalog, name: str, within: frozenset[str] = frozenset()) -> bool:
    """Whether the rows of a source can be told without plans of their own."""
    source = catalog.sources[name]
    if name in within:
        return True
    within = within | {name}
    if source.where is not None and not _is_plain(catalog, name, source.where, within):
        return False
    if source.derived is None:
        return True
    where = source.derived.where
    base = source.derived.base
    return has_plain_rows(catalog, base, within) and (where is None or _is_plain(catalog, base, where, within))
