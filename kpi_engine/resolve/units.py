"""The algebra of types: what comes of adding, multiplying, dividing and comparing, and what makes no sense.

The type null is that of the literal, and of values that are not known before a table is read: it fits everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from kpi_engine.ir.types import DURATION, NULL, Kind, Nature, Type

MOMENTS = frozenset({Kind.DATE, Kind.TIMESTAMP})
_WIDTH = {Kind.INTEGER: 0, Kind.DECIMAL: 1, Kind.FLOAT: 2}


class TypeMismatchError(Exception):
    """Types that do not go together: a code, what is wrong, and what to write."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


def spoken(type: Type) -> str:
    """A type as messages name it.

    >>> from kpi_engine.ir.types import COUNT, TEXT
    >>> spoken(COUNT), spoken(TEXT)
    ('count', 'text')
    """
    if type.kind is Kind.FLOAT and type.unit.is_none and type.nature == "number":
        return "number"
    return str(type)


def widest(kinds: Sequence[Kind]) -> Kind:
    """The kind of number that holds values of all these kinds.

    >>> widest([Kind.INTEGER, Kind.DECIMAL])
    <Kind.DECIMAL: 'decimal'>
    """
    return max(kinds, key=_WIDTH.__getitem__)


def sum_type(operator: str, left: Type, right: Type) -> Type:
    """The type of `left + right` or `left - right`; two moments make a duration.

    >>> from kpi_engine.ir.types import currency
    >>> str(sum_type("-", currency("CNY"), currency("CNY")))
    'currency(CNY)'
    """
    if operator == "-" and left.kind in MOMENTS and right.kind in MOMENTS:
        if left.kind is not right.kind:
            raise TypeMismatchError(
                "E323",
                f"cannot subtract a {right.kind.value} from a {left.kind.value}",
                "write `date(...)` around the timestamp",
            )
        return DURATION
    if Kind.NULL in (left.kind, right.kind) and {left.kind, right.kind} & MOMENTS and operator == "-":
        return NULL
    _check_numbers("add" if operator == "+" else "subtract", left, right)
    if Kind.NULL in (left.kind, right.kind):
        return right if left.kind is Kind.NULL else left
    if left.unit != right.unit:
        verb = "add" if operator == "+" else "subtract"
        joined = f"{spoken(left)} and {spoken(right)}"
        if operator == "-":
            joined = f"{spoken(right)} from {spoken(left)}"
        raise TypeMismatchError("E320", f"cannot {verb} {joined}", _unit_help(left, right))
    nature: Nature = left.nature if left.nature == right.nature else "number"
    return Type(widest([left.kind, right.kind]), left.unit, nature)


def product_type(left: Type, right: Type) -> Type:
    """The type of `left * right`: units multiply."""
    _check_numbers("multiply", left, right)
    if Kind.NULL in (left.kind, right.kind):
        return NULL
    return Type(widest([left.kind, right.kind]), left.unit * right.unit)


def quotient_type(left: Type, right: Type) -> Type:
    """The type of `left / right`: always floating-point; equal units and two counts make a ratio.

    >>> from kpi_engine.ir.types import COUNT, currency
    >>> str(quotient_type(currency("CNY"), COUNT)), str(quotient_type(COUNT, COUNT))
    ('currency(CNY)', 'ratio')
    """
    _check_numbers("divide", left, right)
    if Kind.NULL in (left.kind, right.kind):
        return NULL
    unit = left.unit / right.unit
    shares = not left.unit.is_none and left.unit == right.unit
    counts = left.nature == right.nature == "count"
    return Type(Kind.FLOAT, unit, "ratio" if unit.is_none and (shares or counts) else "number")


def is_power_of_ten(value: object) -> bool:
    """Whether dividing an exact number by this literal is exact.

    >>> is_power_of_ten(100), is_power_of_ten(Decimal("1e3")), is_power_of_ten(30)
    (True, True, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 1:
        return False
    number = Decimal(value).normalize()
    return number.as_tuple().digits == (1,) and int(number.as_tuple().exponent) >= 0


def check_comparable(operator: str, left: Type, right: Type) -> None:
    """Raise a TypeMismatchError unless values of the two types can be compared with this operator."""
    if Kind.NULL in (left.kind, right.kind):
        return
    if left.numeric and right.numeric:
        if left.unit != right.unit:
            raise TypeMismatchError(
                "E320", f"cannot compare {spoken(left)} with {spoken(right)}", _unit_help(left, right)
            )
        return
    if left.kind is not right.kind:
        raise _unlike(left, right)
    if left.kind is Kind.BOOLEAN and operator not in ("=", "!="):
        raise TypeMismatchError("E321", f"conditions have no order for `{operator}`", "compare them with = or !=")


def common_type(types: Sequence[Type]) -> Type:
    """The one type that holds values of all of these; nulls fit everything."""
    present = [type for type in types if type.kind is not Kind.NULL]
    if not present:
        return Type(Kind.NULL)
    first = present[0]
    for other in present[1:]:
        if not (first.numeric and other.numeric) and first.kind is not other.kind:
            raise TypeMismatchError("E349", f"the values are {spoken(first)} and {spoken(other)}", "give all one type")
        if first.unit != other.unit:
            raise TypeMismatchError("E349", f"the values are {spoken(first)} and {spoken(other)}", "give all one unit")
    if not first.numeric:
        return first
    natures = {type.nature for type in present}
    return Type(widest([t.kind for t in present]), first.unit, natures.pop() if len(natures) == 1 else "number")


def _check_numbers(verb: str, left: Type, right: Type) -> None:
    for type in (left, right):
        if type.numeric or type.kind is Kind.NULL:
            continue
        helps = {
            Kind.TEXT: "join texts with `concat(a, b)`, or read one as a number with `decimal(...)`",
            Kind.BOOLEAN: "write `if(condition, 1, 0)`, or count the rows that are true",
            Kind.DATE: "move a date with `date_add(day, 7 days)`",
            Kind.TIMESTAMP: "move a timestamp with `date_add(time, 7 days)`",
        }
        raise TypeMismatchError("E324", f"cannot {verb} {spoken(left)} and {spoken(right)}", helps[type.kind])


def _unit_help(left: Type, right: Type) -> str:
    units = (left.unit, right.unit)
    if all(unit.currency_code for unit in units):
        return "amounts in two currencies must be converted first"
    plain = next((unit for unit in units if unit.is_none), None)
    if plain is not None and any(unit.is_duration for unit in units):
        return "write the duration with its unit, such as `30 minutes`"
    return "bring both to one unit: divide or multiply one of them"


def _unlike(left: Type, right: Type) -> TypeMismatchError:
    kinds = {left.kind, right.kind}
    if kinds == MOMENTS:
        return TypeMismatchError(
            "E323", "cannot compare a date with a timestamp", "write `date(...)` around the timestamp"
        )
    message = f"cannot compare {spoken(left)} with {spoken(right)}"
    help = ""
    if Kind.TEXT in kinds:
        other = right if left.kind is Kind.TEXT else left
        if other.numeric:
            help = "a number is written without quotes; `decimal(...)` reads a text as a number"
        elif other.kind is Kind.BOOLEAN:
            help = "write true or false without quotes"
        elif other.kind in MOMENTS:
            return TypeMismatchError("E322", message, "write the day without quotes, such as 2027-03-15")
    elif kinds & MOMENTS:
        help = "compare it with a period, such as 2027-03"
    return TypeMismatchError("E321", message, help)
