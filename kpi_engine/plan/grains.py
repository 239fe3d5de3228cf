"""Which declared grains a question needs: their tables are read before it is planned."""

from __future__ import annotations

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import (
    EventTest,
    Expression,
    KeyedAggregate,
    Measure,
    Restrict,
    Window,
    walk,
)
from kpi_engine.ir.question import BoundQuestion
from kpi_engine.ir.types import BOOLEAN
from kpi_engine.plan.needs import Needs, gather, gather_source
from kpi_engine.plan.nesting import conditions_on_key


def grains_of_question(catalog: Catalog, question: BoundQuestion) -> tuple[str, ...]:
    """The declared grains that the question's periods, windows, groups, sources and rows name, in declared order."""
    needs = Needs()
    found: set[str] = set(question.grains)
    for metric in question.metrics:
        _of_metric(catalog, metric.body, needs, found)
    for dimension in question.dimensions:
        for source, value in dimension.by_source:
            gather(catalog, source, value, needs)
    for conjunct in question.where:
        for source, condition in conjunct.by_source:
            gather(catalog, source, condition, needs)
    done: set[Expression] = set()
    while pending := [body for _, body in needs.keyed if body not in done]:
        for body in pending:
            done.add(body)
            _of_metric(catalog, body, needs, found)
    for name in needs.columns:
        found.update(filter(None, (catalog.sources[name].grain, catalog.sources[name].snapshot)))
    found.update(needs.grains)
    return tuple(name for name in catalog.grains if name in found)


def _of_metric(catalog: Catalog, root: Expression, needs: Needs, found: set[str]) -> None:
    for node in walk(root):
        match node:
            case Window(duration=duration, grain=grain):
                found.update(filter(None, (grain, None if duration is None else duration.unit)))
            case KeyedAggregate():
                _of_keyed(catalog, node, needs)
                found.update(filter(None, (node.grain,)))
            case Restrict(conjuncts=conjuncts):
                for source, condition in (pair for conjunct in conjuncts for pair in conjunct.by_source):
                    gather(catalog, source, condition, needs)
            case Measure():
                _of_measure(catalog, node, needs)


def _of_keyed(catalog: Catalog, node: KeyedAggregate, needs: Needs) -> None:
    for source, condition in conditions_on_key(catalog, node):
        gather(catalog, source, condition, needs)
    for source, fields in node.by_source:
        for each in fields:
            gather(catalog, source, each, needs)


def _of_measure(catalog: Catalog, node: Measure, needs: Needs) -> None:
    parts = [*node.arguments, node.where]
    if node.followed:
        parts.append(EventTest(node.source, node.followed, BOOLEAN))
    for part in parts:
        if part is not None:
            gather(catalog, node.source, part, needs)
    for time in (node.dated_by, catalog.sources[node.source].time):
        gather_source(catalog, node.source, time, needs)
