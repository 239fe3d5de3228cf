"""Whether a metric's values add up over periods and groups, and whether they depend on the grain they are asked by."""

from __future__ import annotations

from collections.abc import Mapping

from kpi_engine.ir.catalog import Metric
from kpi_engine.ir.expression import (
    Apply,
    Constant,
    Expression,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
    Total,
    Window,
)
from kpi_engine.resolve.forms import own_nodes

_AGGREGATES = {
    "avg": "it is an average",
    "weighted_avg": "it is an average",
    "min": "it is an extreme value",
    "max": "it is an extreme value",
    "percentile": "it is a percentile",
    "stddev": "it is a spread",
    "variance": "it is a spread",
}
_WINDOWS = {
    "previous": "it looks at another period",
    "rolling": "its windows overlap",
    "todate": "its windows overlap",
    "cumulative": "its windows overlap",
    "before": "its windows overlap",
}


def why_not_additive(metrics: Mapping[str, Metric], root: Expression) -> str:
    """Why values of parts do not add up to the value of the whole; empty if they do.

    `metrics` are those that the formula refers to.

    >>> from kpi_engine.ir.types import COUNT
    >>> why_not_additive({}, Measure("count", "orders", (), COUNT))
    ''
    """
    reasons: dict[int, str] = {}
    for node in own_nodes(root):
        if isinstance(node, MetricReference):
            reasons[id(node)] = metrics[node.name].not_additive_because
        else:
            reasons[id(node)] = _reason(node, reasons)
    return reasons[id(root)]


def _reason(node: Expression, known: dict[int, str]) -> str:
    match node:
        case Measure():
            return _of_measure(node)
        case Window(kind=kind):
            return _WINDOWS[kind]
        case Restrict(body=body):
            return known[id(body)]
        case Total():
            return "it repeats a total"
        case KeyedAggregate(function=function, having=having):
            if function in ("sum", "count") and having is None:
                return "groups that lie in two parts count in both"
            return "groups are chosen anew in each period" if having is not None else _AGGREGATES.get(function, "")
        case Apply():
            return _of_operation(node, known)
    return ""


def _of_measure(measure: Measure) -> str:
    if measure.distinct:
        return "it counts distinct values, which may lie in two parts"
    if measure.at is not None:
        return "it is a state at one instant"
    if measure.followed:
        return ""
    return _AGGREGATES.get(measure.function, "")


def _of_operation(node: Apply, known: dict[int, str]) -> str:
    inside = [known[id(argument)] for argument in node.arguments]
    constants = [isinstance(argument, Constant) for argument in node.arguments]
    match node.operation:
        case "add" | "subtract" if any(constants):
            return "it has a constant part"
        case "add" | "subtract" | "negate":
            return next(filter(None, inside), "")
        case "multiply" if any(constants):
            return next(filter(None, inside), "")
        case "divide" if constants[1]:
            return inside[0]
        case "divide":
            return "it is a ratio"
        case "multiply":
            return "it is a product of metrics"
    return f"`{node.operation}` is computed from the whole"


def is_grain_dependent(metrics: Mapping[str, Metric], root: Expression) -> bool:
    """Whether months do not make up a year: previous, before, having or distinct counts are inside."""
    return any(
        (isinstance(node, Window) and node.kind in ("previous", "before"))
        or (isinstance(node, KeyedAggregate) and node.having is not None)
        or (isinstance(node, Measure) and node.distinct)
        or (isinstance(node, MetricReference) and metrics[node.name].grain_dependent)
        for node in own_nodes(root)
    )


def needs_grain(root: Expression) -> Window | None:
    """A `previous` without a length that no grain of a `per` gives a period to; None if there is none."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case Window(kind="previous", duration=None):
                return node
            case Window(body=body) | Restrict(body=body) | Total(body=body) | MetricReference(body=body):
                waiting.append(body)
            case Apply(arguments=arguments):
                waiting.extend(arguments)
            case KeyedAggregate(grain=None):
                waiting.extend(part for part in (node.body, node.having) if part is not None)
    return None
