"""Constructs that are bound and checked but not evaluated by this version, found in bound expressions."""

from __future__ import annotations

from kpi_engine.ir.expression import (
    Expression,
    Field,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
)
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import DATE
from kpi_engine.resolve.forms import nodes, own_nodes
from kpi_engine.resolve.world import World

Construct = tuple[str, Span]


def later_in(world: World, root: Expression) -> tuple[Construct, ...]:
    """The constructs inside an expression, in the columns that it reads and in its sources, each once."""
    found: dict[str, Span] = {}
    for node in own_nodes(root):
        for name, span in _of_node(world, node):
            found.setdefault(name, span)
    return tuple(found.items())


def _of_node(world: World, node: Expression) -> list[Construct]:
    match node:
        case KeyedAggregate(where=where, keys=(key,)) if where is not None:
            return list(later_on(world, key, where))
        case Measure():
            return _of_measure(world, node)
        case Restrict(conjuncts=conjuncts):
            bound = [pair for conjunct in conjuncts for pair in conjunct.by_source]
            return [found for base, condition in bound for found in later_on(world, base, condition)]
        case MetricReference(name=name):
            return list(world.metrics[name].later)
        case Field():
            return _of_field(world, node)
    return []


def _of_measure(world: World, measure: Measure) -> list[Construct]:
    found: list[Construct] = []
    source = world.sources.get(measure.source)
    found.extend(() if source is None else source.later)
    times = [measure.dated_by or (source.time if source is not None else None)]
    read = [Field(time, DATE, span=measure.span) for time in times if time is not None]
    for part in (*measure.arguments, *([measure.where] if measure.where is not None else []), *read):
        found.extend(later_on(world, measure.source, part))
    for link in measure.followed:
        if link.condition is not None:
            found.extend(later_on(world, link.target, link.condition))
    return found


def _of_field(world: World, field: Field) -> list[Construct]:
    """The constructs on the way to a column that is reached by references, and in that column."""
    found: list[Construct] = []
    for number, step in enumerate(field.steps):
        if number:
            found.extend(_of_column(world, step.source, step.column, field.span))
        target = world.sources.get(step.target)
        found.extend(() if target is None else target.later)
    if field.steps:
        found.extend(_of_column(world, field.steps[-1].target, field.column, field.span))
    return found


def _of_column(world: World, owner: str, name: str, span: Span) -> list[Construct]:
    column = world.columns.get(owner, {}).get(name)
    if column is None:
        return []
    return [] if column.computed is None else [(each, span) for each, _ in later_on(world, owner, column.computed)]


def later_on(world: World, base: str, root: Expression) -> tuple[Construct, ...]:
    """The constructs in a row expression on rows of `base`, with those of the base's own columns."""
    found = dict(later_in(world, root))
    for node in nodes(root):
        if isinstance(node, Field):
            name = node.steps[0].column if node.steps else node.column
            for construct, span in _of_column(world, base, name, node.span):
                found.setdefault(construct, span)
    return tuple(found.items())
