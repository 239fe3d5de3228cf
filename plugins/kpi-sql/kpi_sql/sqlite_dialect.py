"""SQLite's dialect: values of few types, which stand for those that tables declare."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.generators.sqlite import SQLiteGenerator

from kpi_sql.dialect import Dialect
from kpi_sql.edges import local_text, microseconds_of
from kpi_sql.stored import EXACT, SqlKind, StoredColumn
from kpi_sql.values import Binder, NotPushed, Value, call, cast, number, operator, wrapped


class SqliteWriter(SQLite):
    """SQLite as sqlglot writes it, with numbered parameters."""

    class Generator(SQLiteGenerator):
        PARAMETER_TOKEN = "?"


class SqliteDialect(Dialect):
    """Decimals are integers in units of their last place, instants microseconds, days their texts."""

    name = "sqlite"
    writer = SqliteWriter
    most_digits = 18

    # Stored columns

    def read(self, column: StoredColumn, node: exp.Expr, zone: str = "UTC") -> Value:
        """Times as microseconds."""
        if column.type.kind in (SqlKind.LOCAL, SqlKind.INSTANT):
            return Value(text_microseconds(node), column.type.kind, zone=zone, stored=node.copy())
        return super().read(column, node, zone)

    def read_text(self, column: StoredColumn, node: exp.Expr) -> exp.Expr:
        """Whatever the column's collation."""
        return self.bytewise(node)

    def read_decimal(self, column: StoredColumn, node: exp.Expr) -> Value:
        """In units of the last place."""
        scale = column.type.scale
        if scale is None:
            raise NotPushed(f"the decimals of `{column.name}` are stored as floats")
        return Value(scaled(node, scale), SqlKind.DECIMAL, column.type.precision, scale)

    def bytewise(self, node: exp.Expr) -> exp.Expr:
        """SQLite's own comparison of bytes."""
        return exp.Collate(this=wrapped(node), expression=exp.Var(this="BINARY"))

    # Constants

    def decimal(self, value: Decimal, binder: Binder) -> Value:
        """As an integer."""
        _, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        scale = max(0, -exponent)
        self.check_digits(max(len(digits) + max(0, exponent), scale))
        node = cast(binder.bind(int(value.scaleb(scale))), "BIGINT")
        return Value(node, SqlKind.DECIMAL, len(digits), scale, constant=value)

    def day(self, text: str, binder: Binder) -> exp.Expr:
        """As a text."""
        return cast(binder.bind(text), "TEXT")

    def moment(self, us: int, kind: SqlKind, binder: Binder, zone: str) -> exp.Expr:
        """As microseconds."""
        stands = microseconds_of(local_text(us, zone)) if kind is SqlKind.LOCAL else us
        return cast(binder.bind(stands), "BIGINT")

    # Arithmetic

    def exact(self, value: Value, scale: int) -> exp.Expr:
        """In units of the scale."""
        if scale == value.scale:
            return value.node
        self.check_digits((value.precision or 1) + scale - value.scale)
        return operator(exp.Mul, value.node, number(10 ** (scale - value.scale)))

    def multiply(self, left: Value, right: Value) -> Value:
        """A product too long for 64 bits becomes a float, and is found as such in the answer."""
        kind = SqlKind.INTEGER if {left.kind, right.kind} == {SqlKind.INTEGER} else SqlKind.DECIMAL
        return Value(operator(exp.Mul, left.node, right.node), kind, None, left.scale + right.scale)

    def total(self, value: Value, *, inexact: bool) -> exp.Expr:
        """SQLite's sum of integers is exact, or fails."""
        if value.kind in EXACT:
            return exp.Sum(this=value.node)
        return super().total(value, inexact=inexact)

    def as_float(self, value: Value, binder: Binder) -> exp.Expr:
        """The nearest float."""
        if value.kind is SqlKind.FLOAT or value.constant is not None or value.kind is SqlKind.DECIMAL:
            return super().as_float(value, binder)
        return cast(value.node, "REAL")

    def elapsed(self, left: Value, right: Value) -> Value:
        """Both are microseconds."""
        return Value(operator(exp.Sub, left.node, right.node), SqlKind.INTEGER)

    def as_instant(self, node: exp.Expr) -> exp.Expr:
        """The same microseconds."""
        return node

    def timeline(self, time: Value, edges: Sequence[object], *, bounded: bool) -> tuple[Value, Sequence[object]]:
        """Texts as they are stored, beside edges without fractions and zones: what follows the seconds of a text, `.5`
        or `Z`, makes it greater than its seconds alone, and not as great as the next ones."""
        whole = [edge for edge in edges if isinstance(edge, int) and edge % 1_000_000 == 0]
        if time.stored is None or len(whole) < len(edges):
            return time, edges
        spaced = call("replace", time.stored.copy(), exp.Literal.string("T"), exp.Literal.string(" "))
        zone = time.zone if time.kind is SqlKind.LOCAL else "UTC"
        return Value(spaced, SqlKind.TEXT), [local_text(edge, zone) for edge in whole]

    def contains(self, text: exp.Expr, part: exp.Expr) -> exp.Expr:
        """By code points."""
        return operator(exp.GT, call("instr", text, part), number(0))

    def given(self, value: Value) -> exp.Expr:
        """As it is: a cast would cut what became a float."""
        return value.node

    def row_column(self, column: StoredColumn, node: exp.Expr) -> exp.Expr:
        """Decimals in units of their last place."""
        if column.type.kind is SqlKind.DECIMAL and column.type.scale is not None:
            node = scaled(node, column.type.scale)
        if column.type.kind is SqlKind.FLOAT:
            node = cast(node, "REAL")
        return exp.alias_(node, column.name, quoted=True)


def scaled(node: exp.Expr, scale: int) -> exp.Expr:
    """A number in units of its last place."""
    rounded = exp.Round(this=operator(exp.Mul, node, number(10**scale)))
    return exp.Cast(this=rounded, to=exp.DataType.build("BIGINT"))


def text_microseconds(node: exp.Expr) -> exp.Expr:
    """A text such as `2026-03-15 13:05:00.25` as microseconds since 1970: its seconds, and six digits of the rest."""
    seconds = exp.Cast(
        this=call("strftime", exp.Literal.string("%s"), call("substr", node, number(1), number(19))),
        to=exp.DataType.build("BIGINT"),
    )
    rest = call("rtrim", call("substr", node.copy(), number(21), number(6)), exp.Literal.string("Z"))
    padded = call("substr", exp.DPipe(this=rest, expression=exp.Literal.string("000000")), number(1), number(6))
    micro = exp.Cast(this=padded, to=exp.DataType.build("BIGINT"))
    return operator(exp.Add, operator(exp.Mul, seconds, number(1_000_000)), micro)
