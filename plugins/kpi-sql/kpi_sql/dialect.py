"""What databases do differently when values are read, compared and added: one class a database."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as Writer

from kpi_sql.edges import day_text, instant_text, local_text
from kpi_sql.stored import EXACT, SqlKind, StoredColumn
from kpi_sql.values import Binder, NotPushed, Value, call, case, cast, decimal_type, number, operator, wrapped

MOST_DIGITS = 38
TIMES = (SqlKind.DATE, SqlKind.LOCAL, SqlKind.INSTANT)
_MOST_EDGES = 20_000


class Dialect:
    """Native decimals of at most 38 digits, instants and dates as in most databases; subclasses say what differs."""

    name: ClassVar[str]
    writer: ClassVar[type[Writer] | str]
    instant_type: ClassVar[str] = "TIMESTAMPTZ"
    local_type: ClassVar[str] = "TIMESTAMP"
    integer_type: ClassVar[str] = "BIGINT"
    """The type of keys and items."""
    wide_type: ClassVar[str] = "DECIMAL(38, 0)"
    """A type in which sums and products of integers do not wrap around."""
    most_digits: ClassVar[int | None] = MOST_DIGITS
    """Digits of a decimal; None where there is no limit."""
    float_sum: ClassVar[str] = "SUM"
    endless: ClassVar[tuple[SqlKind, ...]] = ()
    """Kinds beside floats whose values may be NaN or infinite."""

    def text(self, statement: exp.Expr, *, pretty: bool = False) -> str:
        """A statement as it is sent. Its nodes are not copied first, which would take longer than writing."""
        return statement.sql(dialect=self.writer, pretty=pretty, identify=True, copy=False)

    # Stored columns

    def read(self, column: StoredColumn, node: exp.Expr, zone: str = "UTC") -> Value:
        """A stored column as a value: NaN and infinities null, zeros alike, texts that differ by their bytes. Whoever
        counts both knows how many values are none."""
        kind = column.type.kind
        if kind is SqlKind.OTHER:
            raise NotPushed(f"the column `{column.name}` is {column.physical}")
        if kind is SqlKind.FLOAT:
            wide = cast(node, "DOUBLE")
            finite = operator(exp.EQ, operator(exp.Sub, wide, wide.copy()), number(0))
            positive = operator(exp.Add, wide.copy(), cast(number(0), "DOUBLE"))
            return Value(case([(finite, positive)]), kind)
        if kind is SqlKind.TEXT:
            return Value(self.read_text(column, node), kind)
        if kind is SqlKind.DECIMAL:
            return self.read_decimal(column, node)
        if kind in TIMES and kind in self.endless:
            return Value(case([(call("isfinite", node), node.copy())]), kind, zone=zone, stored=node.copy())
        return Value(node, kind, zone=zone)

    def read_text(self, column: StoredColumn, node: exp.Expr) -> exp.Expr:
        """A column of texts."""
        return node if column.bytewise else self.bytewise(node)

    def read_decimal(self, column: StoredColumn, node: exp.Expr) -> Value:
        """A column of decimals."""
        if column.type.scale is None:
            raise NotPushed(f"the decimals of `{column.name}` have no fixed scale")
        return Value(node, SqlKind.DECIMAL, column.type.precision, column.type.scale)

    def bytewise(self, node: exp.Expr) -> exp.Expr:
        """A text that is compared by its bytes, which in UTF-8 is the order of code points."""
        return exp.Collate(this=wrapped(node), expression=exp.to_identifier("C", quoted=True))

    # Constants

    def constant(self, value: object, kind: SqlKind, binder: Binder, zone: str = "UTC") -> Value:
        """A literal as a parameter. Instants are microseconds since 1970 in UTC, days dates."""
        match kind:
            case SqlKind.INTEGER:
                assert isinstance(value, int)
                if abs(value) >= 2**63:
                    return self.constant(Decimal(value), SqlKind.DECIMAL, binder)
                return Value(cast(binder.bind(value), "BIGINT"), kind, constant=value)
            case SqlKind.DECIMAL:
                assert isinstance(value, Decimal)
                return self.decimal(value, binder)
            case SqlKind.FLOAT:
                assert isinstance(value, int | float | Decimal)
                return Value(cast(binder.bind(float(value)), "DOUBLE"), kind)
            case SqlKind.TEXT:
                return Value(cast(binder.bind(str(value)), "TEXT"), kind)
            case SqlKind.BOOLEAN:
                return Value(exp.Boolean(this=bool(value)), kind)
            case SqlKind.DATE:
                return Value(self.day(str(value), binder), kind)
        assert isinstance(value, int)
        return Value(self.moment(value, kind, binder, zone), kind, zone=zone)

    def decimal(self, value: Decimal, binder: Binder) -> Value:
        """A decimal literal."""
        _, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        scale = max(0, -exponent)
        precision = max(len(digits) + max(0, exponent), scale, 1)
        self.check_digits(precision)
        node = exp.Cast(this=binder.bind(f"{value:f}"), to=decimal_type(precision, scale))
        return Value(node, SqlKind.DECIMAL, precision, scale, constant=value)

    def day(self, text: str, binder: Binder) -> exp.Expr:
        """A date literal."""
        return cast(binder.bind(text), "DATE")

    def moment(self, us: int, kind: SqlKind, binder: Binder, zone: str) -> exp.Expr:
        """An instant, in the form that columns of `kind` have. Raises `NotLocal`."""
        if kind is SqlKind.LOCAL:
            return cast(binder.bind(local_text(us, zone)), self.local_type)
        return cast(binder.bind(instant_text(us)), self.instant_type)

    def check_digits(self, precision: int) -> None:
        """`NotPushed` where the database has no decimals so long."""
        if self.most_digits is not None and precision > self.most_digits:
            raise NotPushed(f"{self.name} has no decimals of {precision} digits")

    # Arithmetic

    def exact(self, value: Value, scale: int) -> exp.Expr:
        """An exact number ready to be added to or compared with another of this scale."""
        if value.kind is SqlKind.INTEGER and not scale:
            return cast(value.node, self.wide_type)
        return exp.Cast(this=value.node, to=decimal_type(MOST_DIGITS, scale))

    def factor(self, value: Value) -> tuple[exp.Expr, int]:
        """An exact number as a factor of a product, and its digits."""
        if value.kind is SqlKind.INTEGER:
            return exp.Cast(this=value.node, to=decimal_type(19, 0)), 19
        return value.node, value.precision or MOST_DIGITS

    def add(self, made: type[exp.Binary], left: Value, right: Value) -> Value:
        """Sum or difference of exact numbers."""
        scale = max(left.scale, right.scale)
        node = operator(made, self.exact(left, scale), self.exact(right, scale))
        kind = SqlKind.INTEGER if {left.kind, right.kind} == {SqlKind.INTEGER} else SqlKind.DECIMAL
        whole = max((each.precision or MOST_DIGITS) - each.scale for each in (left, right))
        return Value(node, kind, min(whole + scale + 1, MOST_DIGITS), scale)

    def multiply(self, left: Value, right: Value) -> Value:
        """Product of exact numbers."""
        if left.kind is SqlKind.INTEGER and right.kind is SqlKind.INTEGER:
            node = operator(exp.Mul, cast(left.node, self.wide_type), cast(right.node, self.wide_type))
            self.check_digits(0)
            return Value(node, SqlKind.INTEGER, MOST_DIGITS)
        (a, first), (b, second) = self.factor(left), self.factor(right)
        self.check_digits(first + second)
        return Value(operator(exp.Mul, a, b), SqlKind.DECIMAL, first + second, left.scale + right.scale)

    def total(self, value: Value, *, inexact: bool) -> exp.Expr:
        """The sum of a column of numbers."""
        if value.kind is SqlKind.FLOAT:
            if not inexact:
                raise NotPushed('sums of floats are exact here and not there; `float_sums = "database"` takes them')
            return call(self.float_sum, value.node)
        return exp.Sum(this=cast(value.node, self.wide_type) if value.kind is SqlKind.INTEGER else value.node)

    def square(self, value: Value) -> Value:
        """A number times itself."""
        if value.kind is SqlKind.FLOAT:
            raise NotPushed("variances of floats are differences of great numbers")
        return self.multiply(value, value.with_node(value.node.copy()))

    def elapsed(self, left: Value, right: Value) -> Value:
        """Microseconds from one time to another."""
        raise NotPushed(f"differences of times are not on the list of {self.name}")

    def as_instant(self, node: exp.Expr) -> exp.Expr:
        """A local time of UTC as an instant."""
        raise NotPushed("local times are compared with instants")

    # Comparison

    def compared(self, left: Value, right: Value, binder: Binder, *, ordered: bool) -> tuple[exp.Expr, exp.Expr]:
        """Both sides of a comparison, in one type."""
        kinds = {left.kind, right.kind}
        if kinds <= set(EXACT):
            if kinds == {SqlKind.INTEGER}:
                return left.node, right.node
            scale = max(left.scale, right.scale)
            return self.exact(left, scale), self.exact(right, scale)
        if kinds <= {*EXACT, SqlKind.FLOAT}:
            return self.as_float(left, binder), self.as_float(right, binder)
        if len(kinds) > 1:
            raise NotPushed(f"{left.kind.value} is compared with {right.kind.value}")
        if kinds == {SqlKind.LOCAL} and (left.zone, right.zone) != ("UTC", "UTC"):
            raise NotPushed("local times of a zone are compared")
        if kinds == {SqlKind.TEXT} and ordered:
            return self.bytewise(left.node), self.bytewise(right.node)
        return left.node, right.node

    def as_float(self, value: Value, binder: Binder) -> exp.Expr:
        """The nearest float of a number."""
        if value.kind is SqlKind.FLOAT:
            return value.node
        if value.constant is not None:
            return self.constant(value.constant, SqlKind.FLOAT, binder).node
        if value.kind is SqlKind.DECIMAL:
            raise NotPushed("decimals are compared with floats")
        return cast(value.node, "DOUBLE")

    # Buckets and functions

    def timeline(self, time: Value, edges: Sequence[object], *, bounded: bool) -> tuple[Value, Sequence[object]]:
        """A time and edges (for `constant`) in the form in which the database compares them fastest.

        With `bounded` only rows between the first and the last edge count: nothing there is infinite, so that the
        column itself is compared, which can have an index.
        """
        return (time.with_node(time.stored) if bounded and time.stored is not None else time), edges

    def bucket(self, time: Value, edges: Sequence[object], binder: Binder) -> exp.Expr:
        """The number of edges (constants for `constant`, ascending) that are not after `time`.

        By halves, so that a row is compared with few edges even where there are thousands.
        """
        if len(edges) > _MOST_EDGES:
            raise NotPushed(f"{len(edges)} buckets are too many for a statement")
        return self._halves(time, edges, 0, len(edges), binder)

    def _halves(self, time: Value, edges: Sequence[object], low: int, high: int, binder: Binder) -> exp.Expr:
        if low == high:
            return number(low)
        middle = (low + high) // 2
        edge = self.constant(edges[middle], time.kind, binder, time.zone)
        before = operator(exp.LT, time.node.copy(), edge.node)
        below = self._halves(time, edges, low, middle, binder)
        return case([(before, below)], self._halves(time, edges, middle + 1, high, binder))

    def contains(self, text: exp.Expr, part: exp.Expr) -> exp.Expr:
        """Whether a text holds another."""
        raise NotPushed(f"contains is not on the list of {self.name}")

    def given(self, value: Value) -> exp.Expr:
        """A key, item, extreme or row's value as it leaves the database."""
        return cast(value.node, self.integer_type) if value.kind is SqlKind.INTEGER else value.node

    def edge(self, us: int, day: int, kind: SqlKind) -> object:
        """An edge as a constant for `constant`."""
        return day_text(day) if kind is SqlKind.DATE else us

    def row_column(self, column: StoredColumn, node: exp.Expr) -> exp.Expr:
        """A column of a row scan, under its own name. Floats travel as they are."""
        if column.type.kind in self.endless:
            node = self.read(column, node).node
        return exp.alias_(node, column.name, quoted=True)
