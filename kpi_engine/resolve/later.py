"""Constructs that are bound and checked but not evaluated by this version, found in bound expressions."""

from __future__ import annotations

from kpi_engine.ir.catalog import GRAINS, Source
from kpi_engine.ir.expression import (
    Apply,
    Expression,
    Field,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
    Window,
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
        case KeyedAggregate(function=function) if function in ("first", "last"):
            return [(f"{function}(... per ...)", node.span)]
        case Measure():
            return _of_measure(world, node)
        case Restrict(conjuncts=conjuncts):
            bound = [pair for conjunct in conjuncts for pair in conjunct.by_source]
            return [found for base, condition in bound for found in later_on(world, base, condition)]
        case MetricReference(name=name):
            return list(world.metrics[name].later)
        case Apply(operation="nonempty"):
            return [("nonempty", node.span)]
        case Window(duration=duration, grain=grain):
            units = [grain] if grain is not None else [duration.unit] if duration is not None else []
            declared = [unit for unit in units if world.things.find(unit) is not None and unit not in GRAINS]
            return [(f"grain {unit}", node.span) for unit in declared]
        case Field():
            return _of_field(world, node)
    return []


def _of_measure(world: World, measure: Measure) -> list[Construct]:
    found: list[Construct] = []
    if measure.approximate:
        found.append(("approx", measure.span))
    source = world.sources.get(measure.source)
    found.extend(() if source is None else source.later)
    times = [measure.dated_by or (source.time if source is not None else None)]
    read = [Field(time, DATE, span=measure.span) for time in times if time is not None]
    for part in (*measure.arguments, *([measure.where] if measure.where is not None else []), *read):
        found.extend(later_on(world, measure.source, part))
    return found


def _of_field(world: World, field: Field) -> list[Construct]:
    found: list[Construct] = []
    for step in field.steps:
        target = world.sources.get(step.target)
        if target is None:
            continue
        found.extend(target.later)
        link = world.columns[step.source].get(step.column)
        if link is not None and link.computed is not None:
            found.extend((name, field.span) for name, _ in later_in(world, link.computed))
    owner = field.steps[-1].target if field.steps else None
    column = world.columns.get(owner, {}).get(field.column) if owner is not None else None
    if column is not None and column.computed is not None:
        found.extend((name, field.span) for name, _ in later_in(world, column.computed))
    return found


def later_on(world: World, base: str, root: Expression) -> tuple[Construct, ...]:
    """The constructs in a row expression on rows of `base`, with those of the base's own computed columns."""
    found = dict(later_in(world, root))
    for node in nodes(root):
        if isinstance(node, Field) and not node.steps:
            column = world.columns.get(base, {}).get(node.column)
            if column is not None and column.computed is not None:
                for name, _ in later_on(world, base, column.computed):
                    found.setdefault(name, node.span)
    return tuple(found.items())


def later_of_source(source: Source, places: dict[str, Span]) -> tuple[Construct, ...]:
    """The constructs in a source's own declaration; `places` are those of its properties."""
    stated = {
        "snapshot_by": bool(source.snapshot_by),
        "grain": source.grain is not None,
    }
    found = [(f"{name}:", places.get(name, source.span)) for name, given in stated.items() if given]
    if source.derived is not None and source.derived.kind == "unnest":
        found.insert(0, ("unnest", source.span))
    return tuple(found)
