"""Expressions of the engine as SQL nodes: what is on the list, and only that."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.types import Kind
from kpi_sql.dialect import Dialect
from kpi_sql.stored import EXACT, SqlKind
from kpi_sql.values import Binder, NotPushed, Value, call, case, operator

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_TICK = datetime.timedelta(microseconds=1)
_COMPARISONS: Mapping[str, type[exp.Binary]] = {
    "equal": exp.EQ,
    "not_equal": exp.NEQ,
    "less": exp.LT,
    "less_equal": exp.LTE,
    "greater": exp.GT,
    "greater_equal": exp.GTE,
}
_EQUALITIES = ("equal", "not_equal")
_KINDS: Mapping[Kind, SqlKind] = {
    Kind.INTEGER: SqlKind.INTEGER,
    Kind.DECIMAL: SqlKind.DECIMAL,
    Kind.FLOAT: SqlKind.FLOAT,
    Kind.TEXT: SqlKind.TEXT,
    Kind.BOOLEAN: SqlKind.BOOLEAN,
    Kind.DATE: SqlKind.DATE,
    Kind.TIMESTAMP: SqlKind.INSTANT,
}
_TIMES = (SqlKind.LOCAL, SqlKind.INSTANT)


def microseconds(moment: datetime.datetime) -> int:
    """An aware time as microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _TICK


@dataclass(frozen=True, slots=True)
class Expressions:
    """Renders expressions on the rows of one relation. `column` gives the value of a field."""

    dialect: Dialect
    binder: Binder
    column: Callable[[Field], Value]

    def condition(self, expression: Expression) -> exp.Expr:
        """An expression that is true, false or unknown."""
        value = self.value(expression)
        if value.kind is not SqlKind.BOOLEAN:
            raise NotPushed("a condition is no comparison")
        return value.node

    def value(self, expression: Expression) -> Value:
        """Any expression. Raises `NotPushed` for what the database would answer otherwise, or not at all."""
        match expression:
            case Field():
                return self.column(expression)
            case Constant():
                return self.constant(expression)
            case Apply():
                return self.apply(expression)
        raise NotPushed("other rows are looked at")

    def constant(self, literal: Constant) -> Value:
        """A literal; one that is null has the kind of its type."""
        value = literal.value
        if value is None:
            kind = _KINDS.get(literal.type.kind, SqlKind.OTHER)
            return Value(exp.Null(), kind)
        if isinstance(value, datetime.datetime):
            return self.dialect.constant(microseconds(value), SqlKind.INSTANT, self.binder)
        kind = _KINDS[literal.type.kind]
        if kind is SqlKind.DECIMAL and isinstance(value, int):
            kind = SqlKind.INTEGER
        if kind is SqlKind.FLOAT and isinstance(value, Decimal):
            kind = SqlKind.DECIMAL
        return self.dialect.constant(value, kind, self.binder)

    def apply(self, node: Apply) -> Value:
        """An operator or function."""
        name = node.operation
        if name in _COMPARISONS:
            left, right = (self.value(each) for each in node.arguments)
            return self.compare(name, left, right)
        if name in ("and", "or"):
            made = exp.And if name == "and" else exp.Or
            first, *others = (self.condition(each) for each in node.arguments)
            for other in others:
                first = operator(made, first, other)
            return Value(first, SqlKind.BOOLEAN)
        if name in ("in", "not_in"):
            return self.among(node)
        if name == "case":
            return self.case(node)
        if name == "divide":
            return self.divide(node)
        known = _FUNCTIONS.get(name)
        if known is None:
            raise NotPushed(f"{name} is not on the list of {self.dialect.name}")
        return known(self, tuple(self.value(each) for each in node.arguments))

    def compare(self, name: str, left: Value, right: Value) -> Value:
        """A comparison; beside null it is unknown."""
        left, right = self.same_time(left, right), self.same_time(right, left)
        if isinstance(left.node, exp.Null) or isinstance(right.node, exp.Null):
            return Value(exp.Null(), SqlKind.BOOLEAN)
        ordered = name not in _EQUALITIES
        if ordered and left.kind is SqlKind.BOOLEAN:
            raise NotPushed("conditions are put in order")
        a, b = self.dialect.compared(left, right, self.binder, ordered=ordered)
        return Value(operator(_COMPARISONS[name], a, b), SqlKind.BOOLEAN)

    def same_time(self, value: Value, other: Value) -> Value:
        """An instant beside a local time is refused unless local times are those of UTC."""
        if {value.kind, other.kind} == set(_TIMES):
            if "UTC" not in (value.zone if value.kind is SqlKind.LOCAL else other.zone):
                raise NotPushed("local times of a zone are compared with instants")
            if value.kind is SqlKind.LOCAL:
                return Value(self.dialect.as_instant(value.node), SqlKind.INSTANT)
        return value

    def among(self, node: Apply) -> Value:
        """`in` and `not in`, as equalities joined by or."""
        if any(isinstance(each, Constant) and each.value is None for each in node.arguments):
            raise NotPushed("a list holds null")
        first, *items = node.arguments
        if not items:
            found: exp.Expr = exp.false()
        else:
            value = self.value(first)
            tests = []
            for item in items:
                tests.append(self.compare("equal", value.with_node(value.node.copy()), self.value(item)).node)
            found = tests[0]
            for test in tests[1:]:
                found = operator(exp.Or, found, test)
        return Value(exp.Not(this=exp.Paren(this=found)) if node.operation == "not_in" else found, SqlKind.BOOLEAN)

    def case(self, node: Apply) -> Value:
        """`case when ... then ... else ... end`."""
        *arms, default = node.arguments
        tests = [self.condition(each) for each in arms[0::2]]
        values = self.alike([self.value(each) for each in (*arms[1::2], default)])
        nodes = [each.node for each in values]
        return values[0].with_node(case(list(zip(tests, nodes[:-1], strict=True)), nodes[-1]))

    def alike(self, values: list[Value]) -> list[Value]:
        """Values of one type, of which one is picked: numbers of one scale, everything else of one kind."""
        known = [each for each in values if not isinstance(each.node, exp.Null)]
        kinds = {each.kind for each in known}
        if not known:
            raise NotPushed("every value is null")
        if SqlKind.LOCAL in kinds and any(each.zone != "UTC" for each in known):
            raise NotPushed("local times of a zone are chosen from")
        first = known[0]
        if len(kinds) > 1 and not kinds <= set(EXACT):
            raise NotPushed(f"{' and '.join(sorted(kind.value for kind in kinds))} are chosen from")
        if SqlKind.DECIMAL in kinds:
            scale = max(each.scale for each in known)
            whole = max((each.precision or 38) - each.scale for each in known)
            made = Value(first.node, SqlKind.DECIMAL, min(38, whole + scale), scale)
            return [made.with_node(self._null_or(each, scale)) for each in values]
        return [first.with_node(each.node) for each in values]

    def _null_or(self, value: Value, scale: int) -> exp.Expr:
        return value.node if isinstance(value.node, exp.Null) else self.dialect.exact(value, scale)

    def divide(self, node: Apply) -> Value:
        """Division by a power of ten, which is exact; every other one is rounded, and not everywhere alike."""
        above, below = node.arguments
        power = below.value if isinstance(below, Constant) else None
        if not node.type.exact or not isinstance(power, int | Decimal):
            raise NotPushed("divide is not on the list")
        places = Decimal(power).normalize().adjusted()
        share = self.dialect.decimal(Decimal(1).scaleb(-places), self.binder)
        return self.dialect.multiply(self.value(above), share)


def _exact(name: str, *values: Value) -> None:
    if any(each.kind not in EXACT or isinstance(each.node, exp.Null) for each in values):
        raise NotPushed(f"{name} of {' and '.join(each.kind.value for each in values)} is not on the list")


def _add(here: Expressions, values: tuple[Value, ...]) -> Value:
    _exact("add", *values)
    return here.dialect.add(exp.Add, *values)


def _subtract(here: Expressions, values: tuple[Value, ...]) -> Value:
    left, right = values
    if left.kind in _TIMES and right.kind in _TIMES:
        if any(each.kind is SqlKind.LOCAL and each.zone != "UTC" for each in values):
            raise NotPushed("local times of a zone are subtracted")
        return here.dialect.elapsed(here.same_time(left, right), here.same_time(right, left))
    _exact("subtract", *values)
    return here.dialect.add(exp.Sub, *values)


def _multiply(here: Expressions, values: tuple[Value, ...]) -> Value:
    _exact("multiply", *values)
    return here.dialect.multiply(*values)


def _negate(here: Expressions, values: tuple[Value, ...]) -> Value:
    _exact("negate", *values)
    (value,) = values
    return here.dialect.add(exp.Sub, here.dialect.constant(0, SqlKind.INTEGER, here.binder), value)


def _abs(here: Expressions, values: tuple[Value, ...]) -> Value:
    _exact("abs", *values)
    (value,) = values
    return value.with_node(exp.Abs(this=here.dialect.exact(value, value.scale)))


def _not(here: Expressions, values: tuple[Value, ...]) -> Value:
    return Value(exp.Not(this=exp.Paren(this=values[0].node)), SqlKind.BOOLEAN)


def _is_null(here: Expressions, values: tuple[Value, ...]) -> Value:
    return Value(exp.Is(this=exp.Paren(this=values[0].node), expression=exp.Null()), SqlKind.BOOLEAN)


def _is_not_null(here: Expressions, values: tuple[Value, ...]) -> Value:
    return _not(here, (_is_null(here, values),))


def _coalesce(here: Expressions, values: tuple[Value, ...]) -> Value:
    alike = here.alike(list(values))
    return alike[0].with_node(exp.Coalesce(this=alike[0].node, expressions=[each.node for each in alike[1:]]))


def _nullif(here: Expressions, values: tuple[Value, ...]) -> Value:
    left, right = values
    same = here.compare("equal", left.with_node(left.node.copy()), right)
    return left.with_node(case([(same.node, exp.Null())], left.node))


def _contains(here: Expressions, values: tuple[Value, ...]) -> Value:
    if any(each.kind is not SqlKind.TEXT for each in values):
        raise NotPushed("contains is asked of no text")
    text, part = values
    return Value(here.dialect.contains(text.node, part.node), SqlKind.BOOLEAN)


def _length(here: Expressions, values: tuple[Value, ...]) -> Value:
    if values[0].kind is not SqlKind.TEXT:
        raise NotPushed("length is asked of no text")
    return Value(call("LENGTH", values[0].node), SqlKind.INTEGER)


_FUNCTIONS: Mapping[str, Callable[[Expressions, tuple[Value, ...]], Value]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "negate": _negate,
    "not": _not,
    "is_null": _is_null,
    "is_not_null": _is_not_null,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "abs": _abs,
    "contains": _contains,
    "length": _length,
}
"""The functions that mean the same in every database here. Others (case of letters, rounding, patterns, calendars) do
not, or only nearly so: they are made of rows."""

ALLOWED = (*_COMPARISONS, "and", "or", "in", "not_in", "case", "divide", *_FUNCTIONS)
"""Everything that is pushed; `divide` by powers of ten only."""
