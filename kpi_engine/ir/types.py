"""The types of values: a kind, and for numbers a unit with its algebra."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Literal

from kpi_engine.ir.dataclass import dataclass


class Kind(Enum):
    """What a value is. Money and durations are numbers with a unit."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    NULL = "null"

    @property
    def numeric(self) -> bool:
        """Whether arithmetic applies."""
        return self in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)


TIME = "time"
"""The base of durations in `Unit.powers`; every other base is a currency code."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Powers of currencies and of time, sorted by base; empty for counts, numbers and ratios.

    >>> Unit.currency("CNY") / Unit.currency("CNY") == Unit()
    True
    >>> str(Unit.currency("CNY") / Unit.time())
    'CNY / time'
    """

    powers: tuple[tuple[str, int], ...] = ()

    @classmethod
    def currency(cls, code: str) -> Unit:
        """The unit of an amount of money."""
        return cls(((code, 1),))

    @classmethod
    def time(cls) -> Unit:
        """The unit of a duration (values are microseconds)."""
        return cls(((TIME, 1),))

    def __mul__(self, other: Unit) -> Unit:
        powers = dict(self.powers)
        for base, power in other.powers:
            powers[base] = powers.get(base, 0) + power
        return Unit(tuple(sorted((base, power) for base, power in powers.items() if power)))

    def __truediv__(self, other: Unit) -> Unit:
        return self * Unit(tuple((base, -power) for base, power in other.powers))

    @property
    def is_none(self) -> bool:
        """Whether this is the unit of plain numbers."""
        return not self.powers

    @property
    def is_duration(self) -> bool:
        """Whether this is time to the power of one."""
        return self.powers == ((TIME, 1),)

    @property
    def currency_code(self) -> str | None:
        """The currency if this is plain money, else None."""
        if len(self.powers) == 1 and self.powers[0][1] == 1 and self.powers[0][0] != TIME:
            return self.powers[0][0]
        return None

    def __str__(self) -> str:
        if self.is_none:
            return "number"
        above = [base if power == 1 else f"{base}^{power}" for base, power in self.powers if power > 0]
        below = [base if power == -1 else f"{base}^{-power}" for base, power in self.powers if power < 0]
        text = " ".join(above) or "1"
        return f"{text} / {' '.join(below)}" if below else text


NO_UNIT = Unit()

Nature = Literal["number", "count", "ratio"]


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an expression or a column.

    `nature` is how a unitless number is spoken of (a count, a ratio); it does not take part in comparisons.
    Durations are numbers with the unit time, in microseconds; money is a number with a currency.
    """

    kind: Kind
    unit: Unit = NO_UNIT
    nature: Nature = field(default="number", compare=False)

    @property
    def numeric(self) -> bool:
        """Whether arithmetic applies."""
        return self.kind.numeric

    @property
    def exact(self) -> bool:
        """Whether values are integers or decimals, which never round."""
        return self.kind in (Kind.INTEGER, Kind.DECIMAL)

    def __str__(self) -> str:
        if self.kind.numeric and not self.unit.is_none:
            if self.unit.is_duration:
                return "duration"
            code = self.unit.currency_code
            return f"currency({code})" if code else str(self.unit)
        if self.kind.numeric and self.nature != "number":
            return self.nature
        return self.kind.value


TEXT = Type(Kind.TEXT)
INTEGER = Type(Kind.INTEGER)
DECIMAL = Type(Kind.DECIMAL)
FLOAT = Type(Kind.FLOAT)
BOOLEAN = Type(Kind.BOOLEAN)
DATE = Type(Kind.DATE)
TIMESTAMP = Type(Kind.TIMESTAMP)
NULL = Type(Kind.NULL)
DURATION = Type(Kind.INTEGER, Unit.time())
COUNT = Type(Kind.INTEGER, nature="count")
RATIO = Type(Kind.FLOAT, nature="ratio")


def currency(code: str) -> Type:
    """The type of a money column."""
    return Type(Kind.DECIMAL, Unit.currency(code))


@dataclass(frozen=True, slots=True)
class Display:
    """How a metric's value is shown; the value itself stays a fraction, an amount or microseconds.

    `form`: `percent` shows a fraction as 2.4%, `points` a number of points, `duration` a time in `part`
    (second, minute, hour, day), `currency` an amount in `part` (the code), `count` a whole number.
    """

    form: Literal["number", "count", "ratio", "percent", "points", "duration", "currency"] = "number"
    part: str = ""

    def __str__(self) -> str:
        return f"{self.form}({self.part})" if self.part else self.form


def natural_display(type: Type) -> Display:
    """How values of a type are shown if nothing else is said.

    >>> str(natural_display(currency("CNY"))), str(natural_display(COUNT))
    ('currency(CNY)', 'count')
    """
    if not type.numeric:
        return Display()
    if type.unit.is_duration:
        return Display("duration")
    code = type.unit.currency_code
    if code is not None:
        return Display("currency", code)
    return Display(type.nature) if type.unit.is_none else Display()
