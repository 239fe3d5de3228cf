"""PostgreSQL's dialect: numbers without a limit, and buckets found by halves in an array of edges."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlglot import exp

from kpi_sql.dialect import TIMES, Dialect
from kpi_sql.edges import instant_of, local_text
from kpi_sql.stored import SqlKind, StoredColumn
from kpi_sql.values import Binder, Value, call, case, cast, number, operator

_TYPES = {SqlKind.DATE: "DATE", SqlKind.LOCAL: "TIMESTAMP", SqlKind.INSTANT: "TIMESTAMPTZ"}


class PostgresDialect(Dialect):
    """Everything exact is `numeric`."""

    name = "postgres"
    writer = "postgres"
    wide_type = "DECIMAL"
    most_digits = None
    endless = (SqlKind.DECIMAL, *TIMES)

    def read_text(self, column: StoredColumn, node: exp.Expr) -> exp.Expr:
        """`char(n)` without its blanks, json and uuid as they are written."""
        text = cast(node, "TEXT") if column.physical not in ("text",) else node
        return text if column.bytewise else self.bytewise(text)

    def read_decimal(self, column: StoredColumn, node: exp.Expr) -> Value:
        """NaN and infinities null."""
        finite = operator(exp.EQ, operator(exp.Sub, node, node.copy()), number(0))
        return Value(case([(finite, node.copy())]), SqlKind.DECIMAL, None, column.type.scale or 0)

    def exact(self, value: Value, scale: int) -> exp.Expr:
        """Numbers of any scale go together."""
        return cast(value.node, "DECIMAL") if value.kind is SqlKind.INTEGER else value.node

    def multiply(self, left: Value, right: Value) -> Value:
        """Exact, whatever the digits."""
        kind = SqlKind.INTEGER if {left.kind, right.kind} == {SqlKind.INTEGER} else SqlKind.DECIMAL
        node = operator(exp.Mul, self.exact(left, 0), self.exact(right, 0))
        return Value(node, kind, None, left.scale + right.scale)

    def elapsed(self, left: Value, right: Value) -> Value:
        """An interval of days and microseconds, whose seconds are exact numbers."""
        between = exp.Paren(this=operator(exp.Sub, left.node, right.node))
        seconds = exp.Extract(this=exp.Var(this="EPOCH"), expression=between)
        return Value(cast(operator(exp.Mul, seconds, number(1_000_000)), "BIGINT"), SqlKind.INTEGER)

    def as_instant(self, node: exp.Expr) -> exp.Expr:
        """The session's zone is UTC."""
        return cast(node, "TIMESTAMPTZ")

    def contains(self, text: exp.Expr, part: exp.Expr) -> exp.Expr:
        """By bytes."""
        return operator(exp.GT, call("strpos", self.bytewise(text), part), number(0))

    # Times are bound as such: casts of texts depend on settings, so that PostgreSQL would repeat them for each row.

    def day(self, text: str, binder: Binder) -> exp.Expr:
        """A date."""
        return cast(binder.bind(datetime.date.fromisoformat(text)), "DATE")

    def moment(self, us: int, kind: SqlKind, binder: Binder, zone: str) -> exp.Expr:
        """A datetime, with a zone or without."""
        return cast(binder.bind(_moment(us, kind, zone)), _TYPES[kind])

    def bucket(self, time: Value, edges: Sequence[object], binder: Binder) -> exp.Expr:
        """PostgreSQL searches an array itself."""
        array = binder.bind([_edge(edge, time) for edge in edges])
        thresholds = exp.Cast(this=array, to=exp.DataType.build(f"{_TYPES[time.kind]}[]", dialect="postgres"))
        return call("width_bucket", time.node.copy(), thresholds)

    def row_column(self, column: StoredColumn, node: exp.Expr) -> exp.Expr:
        """Texts as texts, numbers in one width."""
        if column.type.kind is SqlKind.TEXT:
            node = cast(node, "TEXT")
        elif column.type.kind is SqlKind.INTEGER:
            node = cast(node, "BIGINT")
        elif column.type.kind is SqlKind.FLOAT:
            node = cast(node, "DOUBLE")
        return super().row_column(column, node)


def _edge(edge: object, time: Value) -> datetime.date:
    if isinstance(edge, str):
        return datetime.date.fromisoformat(edge)
    assert isinstance(edge, int)
    return _moment(edge, time.kind, time.zone)


def _moment(us: int, kind: SqlKind, zone: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(local_text(us, zone)) if kind is SqlKind.LOCAL else instant_of(us)
