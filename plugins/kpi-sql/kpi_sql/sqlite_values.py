"""Values of a SQLite column that are not of the type that its table declares."""

from __future__ import annotations

from sqlglot import exp

from kpi_sql.sqlite_dialect import scaled
from kpi_sql.stored import SqlKind, StoredColumn
from kpi_sql.values import call, cast, number, operator

SURE_DIGITS = 15
"""Decimals of at most so many digits are kept apart by SQLite's floats."""


def misfit(column: StoredColumn, node: exp.Expr) -> exp.Expr | None:
    """A condition that is true for values of another type than the declared one; None where every value fits."""
    kind = call("typeof", node)

    def other(*kinds: str) -> exp.Expr:
        return exp.Not(this=exp.In(this=kind, expressions=[exp.Literal.string(each) for each in ("null", *kinds)]))

    def neither(fits: exp.Expr) -> exp.Expr:
        present = exp.Not(this=exp.Is(this=node.copy(), expression=exp.Null()))
        return exp.And(this=present, expression=exp.Not(this=exp.Paren(this=call("coalesce", fits, number(0)))))

    match column.type.kind:
        case SqlKind.INTEGER:
            return other("integer")
        case SqlKind.FLOAT:
            return other("integer", "real")
        case SqlKind.TEXT:
            return other("text")
        case SqlKind.BOOLEAN:
            return neither(exp.In(this=node.copy(), expressions=[number(0), number(1)]))
        case SqlKind.DECIMAL:
            if column.type.scale is None:
                return other("integer", "real")
            scale = column.type.scale
            back = operator(exp.Div, cast(scaled(node.copy(), scale), "REAL"), cast(number(10**scale), "REAL"))
            same = exp.Paren(this=operator(exp.EQ, back, node.copy()))
            small = operator(exp.LT, call("abs", node.copy()), number(10 ** (SURE_DIGITS - scale)))
            numeric = exp.Not(this=exp.Paren(this=other("integer", "real")))
            return neither(exp.And(this=numeric, expression=exp.And(this=same, expression=exp.Paren(this=small))))
        case SqlKind.DATE:
            return neither(operator(exp.EQ, call("date", node.copy()), node.copy()))
        case SqlKind.LOCAL | SqlKind.INSTANT:
            return neither(_is_moment(node, zoned=column.type.kind is SqlKind.INSTANT))
    return None


def _is_moment(node: exp.Expr, *, zoned: bool) -> exp.Expr:
    head = call("substr", node.copy(), number(1), number(19))
    seconds = call("strftime", exp.Literal.string("%Y-%m-%d %H:%M:%S"), head)
    spaced = call("replace", head.copy(), exp.Literal.string("T"), exp.Literal.string(" "))
    tail = call("substr", node.copy(), number(20))
    rest = call("trim", call("rtrim", tail, exp.Literal.string("Z")), exp.Literal.string("0123456789"))
    fits = exp.In(this=rest, expressions=[exp.Literal.string(each) for each in ("", ".")])
    length = operator(exp.LTE, call("length", node.copy()), number(27 if zoned else 26))
    last = call("substr", node.copy(), number(-1))
    ends = operator(exp.EQ if zoned else exp.NEQ, last, exp.Literal.string("Z"))
    found = operator(exp.EQ, seconds, spaced)
    for test in (fits, length, ends):
        found = operator(exp.And, found, test)
    return found
