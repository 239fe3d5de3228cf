"""Nulls that formulas leave out without saying so: in `!=` and `not in`, and in sums of several columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa

from kpi_engine.execute import Rows
from kpi_engine.inspect.condition_checks import ConditionWatch, Met
from kpi_engine.inspect.row_expressions import RowExpression, measures, row_expressions
from kpi_engine.inspect.wording import number, share, written
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import Apply, Expression, Field, Measure, walk
from kpi_engine.kernels.inspection import true_positions
from kpi_engine.kernels.logic import and_, is_null, not_

_NEGATIONS = ("not_equal", "not_in")
_ASKS_FOR_NULL = ("is_null", "is_not_null", "coalesce")
_ARITHMETIC = ("add", "subtract", "multiply", "negate")


def gap_watches(catalog: Catalog) -> Iterator[tuple[str, ConditionWatch]]:
    """What to look at, by source."""
    seen, summed = set(), set()
    for found in row_expressions(catalog):
        for node in _negations(found):
            if (found.source, node.span) not in seen:
                seen.add((found.source, node.span))
                yield found.source, _nulls(found.source, node)
    for measure in measures(catalog):
        parts = _parts(catalog, measure)
        sum_of = (measure.source, measure.function, measure.arguments, measure.where)
        if len(parts) > 1 and all(part.type.numeric for part in parts) and sum_of not in summed:
            summed.add(sum_of)
            yield measure.source, _partly_null(measure, parts)


def _negations(found: RowExpression) -> Iterator[Apply]:
    """`x != y` and `x not in [...]` about a column, where null is not spoken of beside it."""
    if found.before_filter:
        return
    nodes = [node for node in walk(found.expression) if isinstance(node, Apply)]
    spoken_of = {node.arguments[0] for node in nodes if node.operation in _ASKS_FOR_NULL}
    for node in nodes:
        operand = node.arguments[0] if node.arguments else None
        if node.operation in _NEGATIONS and isinstance(operand, Field) and operand not in spoken_of:
            yield node


def _nulls(source: str, node: Apply) -> ConditionWatch:
    operand = node.arguments[0]
    shown = written(operand)

    def say(met: Met) -> tuple[str, str]:
        message = (
            f"`{shown}` is null in {share(met.count, met.present)} of {source}: neither equal nor unequal to anything"
        )
        return message, f"such rows do not meet the condition; to keep them, add `or {shown} is null`"

    return ConditionWatch("W665", node.span, [operand], lambda rows: is_null(rows.array(operand)), say)


def _parts(catalog: Catalog, measure: Measure) -> tuple[Expression, ...]:
    """The columns that are added up to the argument of a sum or average; one if nothing is added."""
    if measure.function not in ("sum", "avg") or len(measure.arguments) != 1:
        return ()
    return tuple(dict.fromkeys(_leaves(catalog, measure.source, measure.arguments[0])))


def _leaves(catalog: Catalog, source: str, node: Expression) -> Iterator[Expression]:
    match node:
        case Field(steps=()):
            computed = catalog.sources[source].columns[node.column].computed
            if isinstance(computed, Apply) and computed.operation in _ARITHMETIC:
                yield from _leaves(catalog, source, computed)
            else:
                yield node
        case Field():
            yield node
        case Apply() if node.operation in _ARITHMETIC:
            for argument in node.arguments:
                yield from _leaves(catalog, source, argument)


def _partly_null(measure: Measure, parts: tuple[Expression, ...]) -> ConditionWatch:
    whole = measure.arguments[0]
    shown = written(whole)
    missing: Counter[Expression] = Counter()

    def lost(rows: Rows) -> pa.Array:
        absent = {part: is_null(rows.array(part)) for part in parts}
        found = and_(is_null(rows.array(whole)), not_(_all(absent.values())))
        if measure.where is not None:
            found = and_(found, rows.array(measure.where))
        for part, nulls in absent.items():
            missing[part] += true_positions(and_(found, nulls), 0)[0]
        return found

    def say(met: Met) -> tuple[str, str]:
        named = {part: written(part) for part in parts}
        counts = [f"`{named[part]}` in {number(count)}" for part, count in missing.most_common() if count]
        message = (
            f"{measure.function} leaves out {share(met.count, met.present)} of {measure.source}, in which "
            f"`{shown}` is null because a part of it is: {', '.join(counts)}"
        )
        return message, f"if a null means 0, write so: `coalesce({named[missing.most_common(1)[0][0]]}, 0)`"

    expressions = [whole, *parts, *(() if measure.where is None else (measure.where,))]
    return ConditionWatch("W666", measure.span, expressions, lost, say)


def _all(conditions: Iterable[pa.Array]) -> pa.Array:
    first, *rest = conditions
    for each in rest:
        first = and_(first, each)
    return first
