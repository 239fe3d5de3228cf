"""`= != < <= > >=`, `in`, `is null`: operands of one type and unit, periods lowered to their bounds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.expression import Apply, Constant, Expression
from kpi_engine.ir.types import BOOLEAN, Kind
from kpi_engine.kernels.calendar import CalendarError, parse_period
from kpi_engine.resolve.binder import Binder, is_unknown, refuse
from kpi_engine.resolve.literals import adapted, core, period_text
from kpi_engine.resolve.periods import FLIPPED, compare_with_period
from kpi_engine.resolve.problems import gather, problem
from kpi_engine.resolve.units import MOMENTS, TypeMismatchError, check_comparable, spoken

_OPERATION = {
    "=": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}


def bind_compare(binder: Binder, node: tree.Compare) -> Expression:
    """One comparison."""
    for side in (node.left, node.right):
        if isinstance(core(side), tree.Null):
            raise problem("E325", "a comparison with null is never true", node.span, _null_help(node))
    left_text, right_text = period_text(node.left), period_text(node.right)
    if left_text and right_text:
        raise problem("E335", "two periods are compared", node.span, "compare a date with a period")
    if right_text:
        return _with_period(binder, node, node.operator, node.left, node.right, right_text)
    if left_text:
        return _with_period(binder, node, FLIPPED[node.operator], node.right, node.left, left_text)
    left, right = gather([partial(_side, binder, side) for side in (node.left, node.right)])
    year = None if left is None or right is None else _year_beside(node, left, right)
    if year is not None:
        operator, moment, literal, text = year
        return compare_with_period(binder.world.calendar, operator, moment, text, literal.span)
    return _compared(binder, node, left, right)


def _side(binder: Binder, node: tree.Expr) -> Expression | None:
    """One side; None for points, whose value depends on the other."""
    return None if isinstance(core(node), tree.Points) else binder.bind(node)


def _compared(binder: Binder, node: tree.Compare, left: Expression | None, right: Expression | None) -> Expression:
    if left is None or right is None:
        from kpi_engine.resolve.arithmetic import points_value

        left = points_value(binder, node.left, right) if left is None else left
        right = points_value(binder, node.right, left) if right is None else right
    _check_percent(binder, node.right, left)
    _check_percent(binder, node.left, right)
    left, right = adapted(left, node.left, right.type), adapted(right, node.right, left.type)
    _check_text_date(binder, node.left, left, right)
    _check_text_date(binder, node.right, right, left)
    if {binder.form(left), binder.form(right)} == {"percent", "points"}:
        notes = [*binder.notes(left), *binder.notes(right)]
        raise problem(
            "E328",
            "a percentage and points are different things",
            node.operator_span,
            "give both one `unit:`",
            notes,
        )
    try:
        check_comparable(node.operator, left.type, right.type)
    except TypeMismatchError as error:
        place = tree.Null(span=node.operator_span if node.operator_span.end else node.span)
        raise refuse(error, binder, place, left, right) from error
    return Apply(_OPERATION[node.operator], (left, right), BOOLEAN, node.span)


def _with_period(
    binder: Binder, node: tree.Compare, operator: str, other: tree.Expr, literal: tree.Expr, text: str
) -> Expression:
    moment = binder.bind(other)
    if moment.type.kind not in MOMENTS and not is_unknown(moment):
        help = "a period is compared with a date or a timestamp"
        if moment.type.kind is Kind.TEXT:
            help = f"read the text as a date: `date({' '.join(other.span.text.split())})`"
        raise problem("E335", f"cannot compare {spoken(moment.type)} with a period", literal.span, help)
    return compare_with_period(binder.world.calendar, operator, moment, text, literal.span)


def _year_beside(
    node: tree.Compare, left: Expression, right: Expression
) -> tuple[str, Expression, tree.Expr, str] | None:
    """`ordered_at >= 2027`: the operator, the moment, the literal and its text."""
    text = period_text(node.right, left.type)
    if text:
        return node.operator, left, node.right, text
    text = period_text(node.left, right.type)
    if text:
        return FLIPPED[node.operator], right, node.left, text
    return None


def _null_help(node: tree.Compare) -> str:
    other = node.left if isinstance(core(node.right), tree.Null) else node.right
    text = " ".join(other.span.text.split())
    word = "is not null" if node.operator == "!=" else "is null"
    return f"write `{text} {word}`" if text else f"write `... {word}`"


def _check_percent(binder: Binder, literal: tree.Expr, other: Expression) -> None:
    number = core(literal)
    if isinstance(number, tree.Number) and number.value not in (0, 1) and binder.form(other) == "percent":
        raise problem(
            "E326",
            "a percentage is compared with a bare number",
            literal.span,
            f"write `{number.value.normalize():f}%`, or the fraction with its percent sign",
            binder.notes(other),
        )


def _check_text_date(binder: Binder, literal: tree.Expr, value: Expression, other: Expression) -> None:
    if other.type.kind not in MOMENTS or value.type.kind is not Kind.TEXT:
        return
    text = value.value if isinstance(value, Constant) else None
    name = " ".join(other.span.text.split())
    message = f"`{name}` is a {other.type.kind.value}, and this is a text"
    help = f"write `date({' '.join(literal.span.text.split())})`"
    if isinstance(text, str):
        help = "write a day without quotes, such as 2027-03-15"
        stripped = text.strip().replace("/", "-")[:10]
        with suppress(CalendarError):
            help = f"write it without quotes: {parse_period(binder.world.calendar, stripped).label}"
    raise problem("E322", message, literal.span, help)


def bind_in(binder: Binder, node: tree.In) -> Expression:
    """`x in [..]`, `x not in [..]`: a list of literals, or of periods beside a date."""
    if not node.items.items:
        raise problem("E350", "this list is empty", node.items.span, 'write its values, such as ["a", "b"]')
    operand = binder.bind(node.operand)
    items = node.items.items
    if any(period_text(item, operand.type) for item in items) and (operand.type.kind in MOMENTS or is_unknown(operand)):
        return _in_periods(binder, node, operand)
    bound = gather([partial(_item, binder, item, operand) for item in items])
    operation = "not_in" if node.negated else "in"
    return Apply(operation, (operand, *bound), BOOLEAN, node.span)


def _item(binder: Binder, node: tree.Expr, operand: Expression) -> Expression:
    if period_text(node):
        raise problem("E335", f"cannot compare {spoken(operand.type)} with a period", node.span)
    value = adapted(binder.bind(node), node, operand.type)
    if not isinstance(value, Constant):
        raise problem("E350", "a list holds literals", node.span, "compare with `=` and join with `or` instead")
    _check_percent(binder, node, operand)
    _check_text_date(binder, node, value, operand)
    try:
        check_comparable("=", operand.type, value.type)
    except TypeMismatchError as error:
        raise refuse(error, binder, node, operand) from error
    return replace(value, span=node.span)


def _in_periods(binder: Binder, node: tree.In, operand: Expression) -> Expression:
    parts: list[Expression] = []
    for item in node.items.items:
        text = period_text(item, operand.type)
        if text is None:
            raise problem("E335", "this list holds periods, and this is none", item.span, "write 2027-03")
        operator = "!=" if node.negated else "="
        parts.append(compare_with_period(binder.world.calendar, operator, operand, text, item.span))
    if len(parts) == 1:
        return parts[0]
    return Apply("and" if node.negated else "or", tuple(parts), BOOLEAN, node.span)


def bind_is_null(binder: Binder, node: tree.IsNull) -> Expression:
    """`x is null`, `x is not null`."""
    operand = binder.bind(node.operand)
    return Apply("is_not_null" if node.negated else "is_null", (operand,), BOOLEAN, node.span)
