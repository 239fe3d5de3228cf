"""Rows as a statement: the columns that are wanted, and the predicates that mean the same there."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from kpi_engine.extend.rows import Operator, Predicate, Push, ReadReport, ScanRequest
from kpi_engine.extend.scans import requested
from kpi_engine.ir.expression import Value as Literal
from kpi_sql.dialect import TIMES, Dialect
from kpi_sql.expressions import microseconds
from kpi_sql.measures import Column, Statement
from kpi_sql.relations import filtered, table_node
from kpi_sql.stored import SqlKind, StoredColumn, StoredTable
from kpi_sql.values import Binder, NotPushed, Value, case, cast, named, number, operator, used, wrapped

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
    (datetime.date, SqlKind.DATE, (SqlKind.DATE,)),
)
"""Kinds of literals, and of the columns that they are compared with; instants are on their own."""
_WIDER = {"<": 86_400_000_000, "<=": 86_400_000_000, ">": -86_400_000_000, ">=": -86_400_000_000}
"""A day in microseconds: no zone is further from UTC, so that local times of any zone are not lost."""


@dataclass(frozen=True, slots=True)
class RowFragment:
    """The rows of one statement. With `counted` its last column says how many values of a row are none, and is taken
    away. Whoever stops reading early closes the session."""

    request: ScanRequest
    schema: pa.Schema
    open: Callable[[], Iterator[pa.RecordBatch]]
    counted: bool

    @property
    def name(self) -> str:
        """The table's."""
        return ", ".join(self.request.table.names)

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """By the order in which the database gives them."""
        return f"{self.name}, row {row + 1}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """As they come."""
        report.fragments_read += 1
        for batch in self.open():
            report.rows += batch.num_rows
            report.bytes += batch.nbytes
            if self.counted:
                report.nan_values += pc.sum(batch.column(batch.num_columns - 1)).as_py() or 0
            yield requested(batch, self.request.columns)


def row_statement(
    request: ScanRequest, table: StoredTable, dialect: Dialect, select: Sequence[str]
) -> tuple[Statement, tuple[Push, ...]]:
    """The statement of a scan, and what it does with each predicate. `select` are stored columns, once each.

    What the database would compare in another way it is not asked. The statement's own column, if there is one,
    follows those of `select`: how many of a row's values are NaN or infinite and given as null.
    """
    binder = Binder()
    conditions: list[exp.Expr] = []
    pushed: list[Push] = []
    for predicate in request.predicates:
        try:
            condition, push = _condition(predicate, table, dialect, binder)
        except (NotPushed, OverflowError):
            pushed.append("none")
        else:
            conditions.append(condition)
            pushed.append(push)
    columns = [dialect.row_column(table.columns[name], named(name)) for name in select]
    none = [
        _is_none(table.columns[name], dialect) for name in select if table.columns[name].type.kind in dialect.endless
    ]
    own: tuple[Column, ...] = ()
    if none:
        own = (Column(_unused("none", select), SqlKind.INTEGER),)
        total = none[0]
        for each in none[1:]:
            total = operator(exp.Add, total, each)
        columns.append(exp.alias_(cast(total, "BIGINT"), own[0].name, quoted=True))
    node = exp.Select(expressions=columns or [exp.alias_(exp.Literal.number(1), "row", quoted=True)])
    node.set("from_", exp.From(this=table_node(table)))
    filtered(node, conditions)
    return Statement(node, used(node, binder), own), tuple(pushed)


def _is_none(column: StoredColumn, dialect: Dialect) -> exp.Expr:
    """1 for a value that is there and is none, else 0."""
    there = exp.Not(this=exp.Is(this=named(column.name), expression=exp.Null()))
    lost = exp.Is(this=wrapped(dialect.read(column, named(column.name)).node), expression=exp.Null())
    return case([(exp.And(this=there, expression=lost), number(1))], number(0))


def _unused(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _condition(predicate: Predicate, table: StoredTable, dialect: Dialect, binder: Binder) -> tuple[exp.Expr, Push]:
    column = table.columns.get(predicate.column)
    if column is None:
        raise NotPushed("there is no such column")
    if predicate.operator == "is_null":
        present = dialect.read(column, named(column.name)).node
        return exp.Is(this=wrapped(present), expression=exp.Null()), "exact"
    values = predicate.value if isinstance(predicate.value, tuple) else (predicate.value,)
    tests = []
    push: Push = "exact"
    for literal in values:
        value = dialect.read(column, named(column.name))
        if (
            value.stored is not None and value.kind in dialect.endless
        ):  # what is infinite passes, too, and the column can have an index
            value, push = value.with_node(value.stored), "inexact"
        if value.kind is SqlKind.LOCAL:
            push = "inexact"
        other = _literal(literal, predicate.operator, value.kind, dialect, binder)
        ordered = predicate.operator not in ("=", "!=", "in")
        if ordered and value.kind is SqlKind.BOOLEAN:
            raise NotPushed("conditions are put in order")
        left, right = dialect.compared(value, other, binder, ordered=ordered)
        tests.append(operator(_MADE[predicate.operator], left, right))
    if not tests:
        return exp.false(), "exact"
    found = tests[0]
    for test in tests[1:]:
        found = operator(exp.Or, found, test)
    return found, push


def _literal(literal: Literal, compared: Operator, column: SqlKind, dialect: Dialect, binder: Binder) -> Value:
    if isinstance(literal, datetime.datetime):
        return _moment(literal, compared, column, dialect, binder)
    for type, kind, columns in _KINDS:
        if isinstance(literal, type):
            if column not in columns:
                break
            return dialect.constant(literal, kind, binder)
    raise NotPushed("the value is of another kind than the column")


def _moment(literal: datetime.datetime, compared: Operator, column: SqlKind, dialect: Dialect, binder: Binder) -> Value:
    """An instant beside a column of instants; beside one of local times a day further off, whatever their zone."""
    if literal.tzinfo is None or column not in TIMES[1:]:
        raise NotPushed("the value is of another kind than the column")
    us = microseconds(literal)
    if column is SqlKind.LOCAL:
        if compared not in _WIDER:
            raise NotPushed("local times of a zone are compared with instants")
        us += _WIDER[compared]
    return dialect.constant(us, column, binder)
