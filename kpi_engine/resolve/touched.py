"""Which sources an expression reads, so that what uses a broken one can be left out with it."""

from __future__ import annotations

from kpi_engine.ir.expression import Expression, Field, KeyedAggregate, Measure, Restrict
from kpi_engine.resolve.forms import own_nodes
from kpi_engine.resolve.problems import BindError
from kpi_engine.resolve.world import World


def touched_sources(root: Expression) -> set[str]:
    """Sources (and entities) whose rows or columns an expression reads, but for those inside the metrics it names."""
    found: set[str] = set()
    for node in own_nodes(root):
        match node:
            case Measure():
                found.add(node.source)
                found.update(link.target for link in node.followed)
            case Field():
                found.update(step.target for step in node.steps)
            case KeyedAggregate():
                found.update(node.keys)
                found.update(step.target for _, ids in node.by_source for each in ids for step in each.steps)
            case Restrict():
                found.update(base for conjunct in node.conjuncts for base, _ in conjunct.by_source)
    return found


def refuse_broken_sources(world: World, root: Expression, *others: str) -> None:
    """A failure that blames the first broken source that an expression reads, if there is one."""
    for name in sorted({*touched_sources(root), *others}):
        for kind in ("source", "entity"):
            if world.deferred.is_broken((kind, name)):
                raise BindError(blocked=[(kind, name)])
