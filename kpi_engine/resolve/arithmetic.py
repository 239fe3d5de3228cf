"""Signs and chains of `+ - * /`, with units checked at each operator."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.expression import Apply, Constant, Expression
from kpi_engine.ir.types import DECIMAL, Kind, Type
from kpi_engine.resolve.binder import Binder, is_unknown, refuse
from kpi_engine.resolve.literals import adapted, core, is_negative, negated
from kpi_engine.resolve.problems import gather, problem
from kpi_engine.resolve.units import (
    MOMENTS,
    TypeMismatchError,
    is_power_of_ten,
    product_type,
    quotient_type,
    spoken,
    sum_type,
)

_OPERATION = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


def bind_sign(binder: Binder, node: tree.Unary) -> Expression:
    """`-x` or `+x`; a signed literal is one constant."""
    bound = binder.bind(node.operand)
    if not bound.type.numeric and not is_unknown(bound):
        raise problem("E324", f"`{node.operator}` takes a number, but this is {spoken(bound.type)}", node.operand.span)
    if node.operator == "+":
        return bound
    if isinstance(bound, Constant) and bound.type.numeric:
        return negated(bound, node)
    return Apply("negate", (bound,), bound.type, node.span)


def bind_chain(binder: Binder, node: tree.Binary) -> Expression:
    """A chain of operators, folded from the left without recursion along it."""
    spine: list[tree.Binary] = []
    first: tree.Expr = node
    while isinstance(first, tree.Binary):
        spine.append(first)
        first = first.left
    spine.reverse()
    nodes = [first, *(each.right for each in spine)]
    operands = gather([partial(_operand, binder, each) for each in nodes])
    value = operands[0]
    for each, operand in zip(spine, operands[1:], strict=True):
        value = _combine(binder, each, value, each.left, operand)
    assert value is not None
    return value


def _operand(binder: Binder, node: tree.Expr) -> Expression | None:
    """An operand; None for points, whose value depends on what they meet."""
    return None if isinstance(core(node), tree.Points) else binder.bind(node)


def points_value(binder: Binder, node: tree.Expr, other: Expression | None) -> Constant:
    """`n points` beside another value: n/100 of a percent metric, n of a plain number."""
    points = core(node)
    assert isinstance(points, tree.Points)
    amount = -points.value if is_negative(node) else points.value
    if other is None:
        raise problem("E327", "points have no meaning of their own", node.span, "compare a metric with them")
    if binder.form(other) == "percent":
        return Constant(amount / 100, DECIMAL, node.span)
    return Constant(check_points(amount, other.type, node), DECIMAL, node.span)


def check_points(amount: Decimal, type: Type, node: tree.Expr) -> Decimal:
    """The number of points beside a value that is not a percentage, or E327."""
    if not type.numeric or not type.unit.is_none:
        raise problem("E327", f"points do not fit {spoken(type)}", node.span, "points measure plain numbers")
    if type.nature == "ratio":
        raise problem(
            "E327",
            "points of a ratio are ambiguous",
            node.span,
            "give the metric `unit: percent`, or write the fraction, such as 0.02",
        )
    return amount


def _combine(
    binder: Binder, node: tree.Binary, left: Expression | None, left_node: tree.Expr, right: Expression | None
) -> Expression:
    if left is None:
        left = points_value(binder, left_node, right)
    if right is None:
        right = points_value(binder, node.right, left)
    if node.operator in "+-":
        left, right = adapted(left, left_node, right.type), adapted(right, node.right, left.type)
        _check_forms(binder, node, left, right)
    try:
        type = _result(node.operator, left, right, binder.on_rows)
    except TypeMismatchError as error:
        place = tree.Null(span=node.operator_span if node.operator_span.end else node.span)
        raise refuse(error, binder, place, left, right) from error
    return Apply(_OPERATION[node.operator], (left, right), type, node.span)


def _check_forms(binder: Binder, node: tree.Binary, left: Expression, right: Expression) -> None:
    forms = {binder.form(left), binder.form(right)}
    if forms == {"percent", "points"}:
        raise problem(
            "E328",
            "a percentage and points are different things",
            node.operator_span,
            "multiply the percentage by 100 first, or give both metrics one `unit:`",
            [*binder.notes(left), *binder.notes(right)],
        )


def _result(operator: str, left: Expression, right: Expression, on_rows: bool) -> Type:
    if operator == "*":
        _check_exactness(left, right, on_rows)
        return product_type(left.type, right.type)
    if operator == "/":
        exact = on_rows and left.type.exact and isinstance(right, Constant)
        if exact and isinstance(right, Constant) and is_power_of_ten(right.value) and right.type.unit.is_none:
            return Type(Kind.DECIMAL, left.type.unit)
        _check_exactness(left, right, on_rows)
        return quotient_type(left.type, right.type)
    if not {left.type.kind, right.type.kind} <= MOMENTS:
        _check_exactness(left, right, on_rows)
    return sum_type(operator, left.type, right.type)


def _check_exactness(left: Expression, right: Expression, on_rows: bool) -> None:
    """Decimals and floats do not mix in rows, where the result would be rounded silently; literals adapt."""
    if not on_rows or isinstance(left, Constant) or isinstance(right, Constant):
        return
    kinds = {left.type.kind, right.type.kind}
    if kinds == {Kind.DECIMAL, Kind.FLOAT}:
        inexact = left if left.type.kind is Kind.FLOAT else right
        name = " ".join(inexact.span.text.split())
        raise TypeMismatchError(
            "E329",
            f"a decimal and a floating-point number do not mix in rows: `{name}` is floating-point",
            f"write `decimal({name})`",
        )
