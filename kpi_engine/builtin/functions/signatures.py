"""How the records check arguments: what was given, what is taken, what several values have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

from kpi_engine.extend.functions import SignatureProblem
from kpi_engine.ir.expression import Apply, ChildAggregate, Constant, Expression, Field, LastBefore
from kpi_engine.ir.types import NO_UNIT, NULL, TIME, Kind, Nature, Type, Unit

Result = Callable[[Sequence[Expression]], Type]

NUMERIC = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})
ORDERED = NUMERIC | {Kind.TEXT, Kind.DATE, Kind.TIMESTAMP}
MOMENTS = frozenset({Kind.DATE, Kind.TIMESTAMP})

_SPOKEN = {
    Kind.INTEGER: "an integer",
    Kind.DECIMAL: "a decimal",
    Kind.FLOAT: "a number",
    Kind.TEXT: "a text",
    Kind.BOOLEAN: "a condition",
    Kind.DATE: "a date",
    Kind.TIMESTAMP: "a timestamp",
    Kind.NULL: "null",
}


def spoken(type: Type) -> str:
    """A type in words, with its article.

    >>> from kpi_engine.ir.types import COUNT, DURATION, currency
    >>> spoken(currency("CNY")), spoken(DURATION), spoken(COUNT)
    ('an amount in CNY', 'a duration', 'a count')
    """
    if type.numeric and not type.unit.is_none:
        if type.unit.is_duration:
            return "a duration"
        code = type.unit.currency_code
        return f"an amount in {code}" if code else f"a number in {type.unit}"
    if type.numeric and type.nature != "number":
        return f"a {type.nature}"
    return _SPOKEN[type.kind]


def require(
    arguments: Sequence[Expression],
    position: int,
    kinds: frozenset[Kind] | set[Kind],
    wanted: str,
    help: str = "",
) -> Type:
    """The type of one argument if it is null or of one of `kinds`; else a SignatureProblem that points at it.

    >>> from kpi_engine.ir.types import TEXT
    >>> require([Constant("a", TEXT)], 0, {Kind.TEXT}, "a text").kind.value
    'text'
    """
    given = arguments[position].type
    if given.kind in kinds or given.kind is Kind.NULL:
        return given
    raise SignatureProblem(f"this must be {wanted}, but is {spoken(given)}", help, position)


def require_plain(arguments: Sequence[Expression], position: int, wanted: str, help: str) -> Type:
    """The type of a numeric argument without a unit; else a SignatureProblem."""
    given = require(arguments, position, NUMERIC, wanted, help)
    if not given.unit.is_none:
        raise SignatureProblem(f"this must be {wanted}, but is {spoken(given)}", help, position)
    return given


def literal(arguments: Sequence[Expression], position: int, wanted: str, help: str = "") -> object:
    """The value of an argument that must be written out; a leading minus is allowed.

    >>> from kpi_engine.ir.types import INTEGER
    >>> literal([Apply("negate", (Constant(2, INTEGER),), INTEGER)], 0, "a whole number")
    -2
    """
    given = arguments[position]
    if isinstance(given, Constant):
        return given.value
    if isinstance(given, Apply) and given.operation == "negate" and isinstance(given.arguments[0], Constant):
        value = given.arguments[0].value
        if isinstance(value, int | Decimal | Fraction):
            return -value
    raise SignatureProblem(f"this must be {wanted} written out, not computed", help, position)


def literal_integer(
    arguments: Sequence[Expression], position: int, least: int, greatest: int, wanted: str, help: str = ""
) -> int:
    """A whole number written out, between two bounds (inclusive)."""
    value = literal(arguments, position, wanted, help)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction) or value != int(value):
        raise SignatureProblem(f"this must be {wanted}", help, position)
    if not least <= value <= greatest:
        raise SignatureProblem(f"this must be {wanted}, but is {int(value)}", help, position)
    return int(value)


def literal_text(arguments: Sequence[Expression], position: int, wanted: str, help: str = "") -> str:
    """A text written out."""
    value = literal(arguments, position, wanted, help)
    if not isinstance(value, str):
        raise SignatureProblem(f"this must be {wanted}", help, position)
    return value


def on_rows(expression: Expression) -> bool:
    """Whether an expression is evaluated on rows (its leaves are columns), not on metrics."""
    if isinstance(expression, Field | ChildAggregate | LastBefore):
        return True
    return isinstance(expression, Apply) and any(on_rows(each) for each in expression.arguments)


def is_literal(expression: Expression) -> bool:
    """Whether an expression is a literal, possibly signed: it takes the kind and unit of its neighbours."""
    if isinstance(expression, Apply) and expression.operation == "negate":
        return is_literal(expression.arguments[0])
    return isinstance(expression, Constant)


def common(arguments: Sequence[Expression], positions: Sequence[int]) -> Type:
    """The one type that several arguments have in common; else a SignatureProblem that points at the odd one.

    Nulls fit everything. Integers widen to decimals and floats. A literal number takes on its neighbours'
    currency, and 0 any unit. Decimals and floats meet only between metrics (as floats): on rows that would
    round money silently.

    >>> from kpi_engine.ir.types import currency, INTEGER
    >>> str(common([Field("total", currency("CNY")), Constant(0, INTEGER)], [0, 1]))
    'currency(CNY)'
    """
    present = [position for position in positions if arguments[position].type.kind is not Kind.NULL]
    if not present:
        return NULL
    first = arguments[present[0]].type
    for position in present[1:]:
        kind = arguments[position].type.kind
        if kind is not first.kind and not (kind in NUMERIC and first.kind in NUMERIC):
            help = "write `date(...)` around the timestamp" if {kind, first.kind} == MOMENTS else ""
            raise _differ(first, arguments[position].type, help, position)
    if first.kind not in NUMERIC:
        return first
    _check_mixture(arguments, present)
    written = [position for position in present if not is_literal(arguments[position])] or present
    return Type(
        _widest([arguments[position].type.kind for position in present]),
        _common_unit(arguments, present, written),
        _common_nature([arguments[position].type for position in written]),
    )


def _differ(first: Type, other: Type, help: str, position: int) -> SignatureProblem:
    message = f"the values must be of one type, but are {spoken(first)} and {spoken(other)}"
    return SignatureProblem(message, help, position)


def _check_mixture(arguments: Sequence[Expression], present: Sequence[int]) -> None:
    columns = [position for position in present if not is_literal(arguments[position])]
    kinds = {arguments[position].type.kind for position in columns}
    if {Kind.DECIMAL, Kind.FLOAT} <= kinds and any(on_rows(arguments[position]) for position in columns):
        position = next(p for p in columns if arguments[p].type.kind is Kind.FLOAT)
        raise SignatureProblem(
            "a decimal and a floating-point number do not mix in rows, because the result would be rounded",
            "write `decimal(...)` around the floating-point one",
            position,
        )


def _widest(kinds: Sequence[Kind]) -> Kind:
    for kind in (Kind.FLOAT, Kind.DECIMAL):
        if kind in kinds:
            return kind
    return Kind.INTEGER


def _common_unit(arguments: Sequence[Expression], present: Sequence[int], written: Sequence[int]) -> Unit:
    unit = arguments[written[0]].type.unit
    for position in present:
        given = arguments[position]
        if given.type.unit == unit:
            continue
        if given.type.unit.is_none and is_literal(given):
            has_currency = any(base != TIME for base, _ in unit.powers)
            if has_currency or (isinstance(given, Constant) and given.value == 0):
                continue
        help = "write a duration such as `1 hour`" if unit.is_duration and given.type.unit.is_none else ""
        raise _differ(arguments[written[0]].type, given.type, help, position)
    return unit


def _common_nature(types: Sequence[Type]) -> Nature:
    natures = {type.nature for type in types}
    return natures.pop() if len(natures) == 1 else "number"


def same_number(arguments: Sequence[Expression]) -> Type:
    """The result of functions that keep kind and unit of their first argument, a number of any unit."""
    return require(arguments, 0, NUMERIC, "a number")


def unitless_float(nature: Nature = "number") -> Type:
    """A floating-point number without a unit."""
    return Type(Kind.FLOAT, NO_UNIT, nature)
