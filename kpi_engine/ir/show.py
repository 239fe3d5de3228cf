"""Bound expressions as text: stable, in the language's own notation, references as full paths."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.expression import (
    Apply,
    CalendarDuration,
    ChildAggregate,
    Constant,
    EventTest,
    Expression,
    Field,
    KeyedAggregate,
    LastBefore,
    Measure,
    MetricReference,
    Restrict,
    Total,
    Window,
)

_SYMBOLS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "equal": "=",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "and": "and",
    "or": "or",
}


def show_expression(node: Expression) -> str:
    """One line of text for an expression.

    >>> from kpi_engine.ir.types import INTEGER
    >>> show_expression(Apply("divide", (Field("m1", INTEGER), Constant(2, INTEGER)), INTEGER))
    '(m1 / 2)'
    """
    match node:
        case Field():
            return ".".join([*(step.column for step in node.steps), node.column])
        case Constant():
            return _constant(node)
        case Apply() if node.operation in _SYMBOLS:
            return f"({f' {_SYMBOLS[node.operation]} '.join(map(show_expression, node.arguments))})"
        case Apply():
            return _call(node.operation, *map(show_expression, node.arguments))
        case EventTest():
            return " ".join(_followed(each.target, each.negated, each.within) for each in node.chain)
        case Measure():
            return _measure(node)
        case Window():
            details = [show_duration(node.duration)] if node.duration else [node.grain] if node.grain else []
            return _call(node.kind, show_expression(node.body), *details)
        case Restrict():
            conditions = " and ".join(show_expression(each.by_source[0][1]) for each in node.conjuncts)
            return f"({show_expression(node.body)} where {conditions})"
        case Total():
            return _call("total", show_expression(node.body), *node.dimensions)
        case MetricReference():
            return node.name
        case KeyedAggregate():
            return _keyed(node)
        case ChildAggregate():
            return show_expression(node.measure)
        case LastBefore():
            within = f" within {show_duration(node.within)}" if node.within else ""
            return f"last({node.target} on {', '.join(map(show_expression, node.keys))}{within})"


def show_duration(duration: CalendarDuration) -> str:
    """A duration as it is written.

    >>> from fractions import Fraction
    >>> show_duration(CalendarDuration(Fraction(7), "day"))
    '7 days'
    """
    amount = duration.amount
    shown = str(amount.numerator) if amount.denominator == 1 else str(float(amount))
    return f"{shown} {duration.unit}{'' if amount == 1 else 's'}"


def _constant(node: Constant) -> str:
    match node.value:
        case None:
            return "null"
        case bool():
            return "true" if node.value else "false"
        case str():
            return f'"{node.value}"'
        case datetime.datetime():
            return node.value.isoformat()
    return str(node.value)


def _call(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(arguments)})"


def _measure(node: Measure) -> str:
    value = ", ".join([*map(show_expression, node.arguments), *map(_constant, node.parameters)])
    words = [
        "approx" if node.approximate else "",
        "distinct" if node.distinct else "",
        f"{node.source}: {value}" if value else node.source,
        f"at {node.at}" if node.at else "",
        f"where {show_expression(node.where)}" if node.where is not None else "",
        f"dated by {node.dated_by}" if node.dated_by else "",
        *(_followed(each.target, each.negated, each.within) for each in node.followed),
    ]
    return f"{node.function}({' '.join(word for word in words if word)})"


def _followed(target: str, negated: bool, within: CalendarDuration) -> str:
    return f"{'not ' if negated else ''}followed by {target} within {show_duration(within)}"


def _keyed(node: KeyedAggregate) -> str:
    keys = ", ".join(node.keys)
    everything = "all " if node.all else ""
    having = f" having {show_expression(node.having)}" if node.having is not None else ""
    where = f" where {show_expression(node.where)}" if node.where is not None else ""
    if node.body is None:
        return f"{node.function}({everything}{keys}{where}{having})"
    return f"{node.function}({show_expression(node.body)} per {everything}{keys}{having})"


def show_metric(catalog: Catalog, name: str) -> str:
    """A metric of the catalogue and those that it is made of: formula, type, sources, additivity."""
    return "\n".join(_metric_lines(catalog.metrics[name], catalog, set()))


def _metric_lines(metric: Metric, catalog: Catalog, seen: set[str]) -> Iterator[str]:
    seen.add(metric.name)
    yield f"metric {metric.name}: {metric.type}, shown as {metric.display}"
    yield f"  = {show_expression(metric.body)}"
    yield f"  sources {', '.join(metric.sources)}"
    yield from (f"  estimate {estimate}" for estimate in metric.estimates)
    yield "  additive" if metric.additive else f"  not additive: {metric.not_additive_because}"
    if metric.grain_dependent:
        yield "  depends on the grain: values of shorter periods do not add up to those of longer ones"
    for used in metric.uses:
        if used not in seen and used in catalog.metrics:
            yield from _metric_lines(catalog.metrics[used], catalog, seen)
