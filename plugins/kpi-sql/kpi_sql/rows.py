"""Rows as a statement: the columns that are wanted, the predicates that mean the same there, a limit."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

from kpi_engine.extend.rows import Operator, Predicate, Push, ScanRequest
from kpi_engine.ir.expression import Value as Literal
from kpi_sql.dialect import Dialect
from kpi_sql.expressions import microseconds
from kpi_sql.measures import Statement
from kpi_sql.relations import filtered, table_node
from kpi_sql.stored import SqlKind, StoredTable
from kpi_sql.values import Binder, NotPushed, Value, named, operator, used

_MADE: dict[Operator, type[exp.Binary]] = {
    "=": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
    "in": exp.EQ,
}
_KINDS: tuple[tuple[type, SqlKind, tuple[SqlKind, ...]], ...] = (
    (bool, SqlKind.BOOLEAN, (SqlKind.BOOLEAN,)),
    (int, SqlKind.INTEGER, (SqlKind.INTEGER, SqlKind.DECIMAL, SqlKind.FLOAT)),
    (Decimal, SqlKind.DECIMAL, (SqlKind.INTEGER, SqlKind.DECIMAL, SqlKind.FLOAT)),
    (str, SqlKind.TEXT, (SqlKind.TEXT,)),
    (datetime.datetime, SqlKind.INSTANT, (SqlKind.INSTANT,)),
    (datetime.date, SqlKind.DATE, (SqlKind.DATE,)),
)
"""Kinds of literals, and of the columns that they are compared with."""


def row_statement(
    request: ScanRequest, table: StoredTable, dialect: Dialect, select: Sequence[str]
) -> tuple[Statement, tuple[Push, ...]]:
    """The statement of a scan, and what it does with each predicate. `select` are stored columns, once each.

    A predicate is `exact` or `none`: what the database would compare in another way it is not asked. The limit is in
    the statement only if every predicate is.
    """
    binder = Binder()
    conditions: list[exp.Expr] = []
    pushed: list[Push] = []
    for predicate in request.predicates:
        try:
            conditions.append(_condition(predicate, table, dialect, binder))
            pushed.append("exact")
        except NotPushed:
            pushed.append("none")
    columns = [dialect.row_column(table.columns[name], named(name)) for name in select]
    node = exp.Select(expressions=columns or [exp.alias_(exp.Literal.number(1), "row", quoted=True)])
    node.set("from_", exp.From(this=table_node(table)))
    filtered(node, conditions)
    if request.limit is not None and set(pushed) <= {"exact"}:
        node.set("limit", exp.Limit(expression=exp.Literal.number(max(request.limit, 0))))
    return Statement(node, used(node, binder), ()), tuple(pushed)


def _condition(predicate: Predicate, table: StoredTable, dialect: Dialect, binder: Binder) -> exp.Expr:
    column = table.columns.get(predicate.column)
    if column is None:
        raise NotPushed("there is no such column")
    if predicate.operator == "is_null":
        return exp.Is(this=exp.Paren(this=dialect.read(column, named(column.name)).node), expression=exp.Null())
    values = predicate.value if isinstance(predicate.value, tuple) else (predicate.value,)
    tests = []
    for literal in values:
        value = dialect.read(column, named(column.name))
        other = _literal(literal, value.kind, dialect, binder)
        ordered = predicate.operator not in ("=", "!=", "in")
        if ordered and value.kind is SqlKind.BOOLEAN:
            raise NotPushed("conditions are put in order")
        left, right = dialect.compared(value, other, binder, ordered=ordered)
        tests.append(operator(_MADE[predicate.operator], left, right))
    if not tests:
        return exp.false()
    found = tests[0]
    for test in tests[1:]:
        found = operator(exp.Or, found, test)
    return found


def _literal(literal: Literal, column: SqlKind, dialect: Dialect, binder: Binder) -> Value:
    for type, kind, columns in _KINDS:
        if isinstance(literal, type) and not (type is datetime.date and isinstance(literal, datetime.datetime)):
            if column not in columns:
                break
            if isinstance(literal, datetime.datetime):
                if literal.tzinfo is None:
                    break
                return dialect.constant(microseconds(literal), kind, binder)
            return dialect.constant(literal, kind, binder)
    raise NotPushed("the value is of another kind than the column")
