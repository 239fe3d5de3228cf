"""Which aggregates of a metric may be estimated: those with `approx`, where a sketch can stand for their state."""

from __future__ import annotations

from kpi_engine.ir.approximation import Approximation, SketchKind
from kpi_engine.ir.expression import Expression, Measure, MetricReference
from kpi_engine.resolve.forms import own_nodes
from kpi_engine.resolve.world import World


def estimates_in(world: World, root: Expression) -> tuple[Approximation, ...]:
    """The estimates that a formula permits, each once, with those of the metrics that it refers to."""
    found: dict[Approximation, None] = {}
    for node in own_nodes(root):
        match node:
            case Measure(approximate=True) if not _counts_lives(world, node):
                kind: SketchKind = "hll" if node.function == "count" else "kll"
                found[Approximation(kind, " ".join(node.span.text.split()))] = None
            case MetricReference(name=name):
                found.update(dict.fromkeys(world.metrics[name].estimates))
    return tuple(found)


def _counts_lives(world: World, measure: Measure) -> bool:
    """Whether an aggregate looks at what is alive at an instant, which is always exact."""
    source = world.sources.get(measure.source)
    return measure.at is not None and source is not None and source.lifetime is not None
