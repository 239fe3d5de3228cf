"""Which estimates an answer rests on: the sketches behind the leaves that a metric reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kpi_engine.ir.approximation import Approximation
from kpi_engine.ir.expression import Expression, Field, walk
from kpi_engine.ir.plan import Leaf, MeasureQuery, Nested, Plan


def estimates(expression: Expression, plan: Plan) -> tuple[Approximation, ...]:
    """The estimates in a metric's value, each once, in the order of the formula."""
    return tuple(dict.fromkeys(_of_expression(expression, plan.leaves, plan.nested, plan.queries)))


def _of_expression(
    expression: Expression, leaves: Sequence[Leaf], nested: Sequence[Nested], queries: Sequence[MeasureQuery]
) -> Iterator[Approximation]:
    leaf_of = {leaf.name: leaf for leaf in leaves}
    nested_of = {each.name: each for each in nested}
    for node in walk(expression):
        if not isinstance(node, Field):
            continue
        if node.column in leaf_of:
            leaf = leaf_of[node.column]
            kind = queries[leaf.query].states[leaf.state].kind
            if kind in ("hll", "kll"):
                yield Approximation("hll" if kind == "hll" else "kll", leaf.text)
        elif node.column in nested_of:
            inside = nested_of[node.column]
            for part in (inside.body, inside.having):
                if part is not None:
                    yield from _of_expression(part, inside.leaves, inside.inner, queries)
