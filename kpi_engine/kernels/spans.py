"""The value types of time: bounds, periods and durations. No zones, no arithmetic on calendars."""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction

from kpi_engine.ir.bounds import Bound as Bound
from kpi_engine.ir.bounds import Period as Period
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.kernels.zone_rules import DAY_US, HOUR_US, SECOND_US

GRAINS = ("hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")

ELAPSED_UNITS = {
    "second": SECOND_US,
    "minute": 60 * SECOND_US,
    "hour": HOUR_US,
    "day": DAY_US,
    "week": 7 * DAY_US,
}
# What `part` can take out of a date, and out of a time.
DATE_PARTS = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "weekday",
    "day_of_year",
    "iso_year",
    "fiscal_year",
    "fiscal_quarter",
)
TIME_PARTS = ("hour", "minute", "second")
PARTS = (*DATE_PARTS, *TIME_PARTS)

# What `from_epoch` counts in.
EPOCH_UNITS = ("second", "millisecond", "microsecond", "nanosecond")

MONTHS_IN = {"month": 1, "quarter": 3, "year": 12, "fiscal_quarter": 3, "fiscal_year": 12}

_EPOCH_DATE = date(1970, 1, 1)
_DURATION = r"(?a)(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)\s+([a-z_]+)"


class CalendarError(ValueError):
    """A calendar, a period or a duration that means nothing; `message` says what, `help` what to write."""

    def __init__(self, message: str, help: str = "") -> None:
        self.message = message
        self.help = help
        super().__init__(f"{message}: {help}" if help else message)


class PeriodError(CalendarError):
    """A text that names no period, or a period that cannot be made."""


class DurationError(CalendarError):
    """A text that names no duration, or a duration that cannot be used so."""


class CalendarGap(PeriodError):
    """A day outside the periods of a declared grain: the message names the span of its table."""

    def __init__(self, periods: DeclaredPeriods, day: date) -> None:
        first, end = date_of(periods.days[0]), date_of(periods.days[-1])
        self.periods = periods
        self.day = day
        closing = f"; its row of {end} only ends the period before it" if day == end else ""
        self.span = f"{periods.table} has periods from {first} to {date_of(periods.days[-1] - 1)}"
        super().__init__(
            f"{day} lies outside the grain `{periods.grain}`: {self.span}{closing}",
            f"add rows to {periods.table}, or ask for a span inside its periods",
        )


def day_number(day: date) -> int:
    """Days since 1970-01-01.

    >>> day_number(date(1970, 1, 2))
    1
    """
    return (day - _EPOCH_DATE).days


def date_of(day: int) -> date:
    """The date of a day number; `PeriodError` outside the years 1-9999.

    >>> date_of(1)
    datetime.date(1970, 1, 2)
    """
    try:
        return _EPOCH_DATE + timedelta(days=day)
    except OverflowError as error:
        raise PeriodError("this date lies outside the years 1 to 9999") from error


@dataclass(frozen=True, slots=True)
class Duration:
    """So many of a unit: seconds to weeks also in parts, months to fiscal years in whole numbers.

    >>> Duration.parse("7 days")
    Duration(amount=7, unit='day')
    >>> str(-Duration(1, "month"))
    '-1 month'
    """

    amount: int | Fraction
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in ELAPSED_UNITS and self.unit not in MONTHS_IN:
            raise DurationError(f"`{self.unit}` is not a unit of time", "units: " + ", ".join(UNITS))
        if isinstance(self.amount, Fraction):
            if self.amount.denominator == 1:
                object.__setattr__(self, "amount", int(self.amount))
            elif self.unit in MONTHS_IN:
                raise DurationError(f"{self.unit}s differ in length and have no parts", "write a whole number")

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read `7 days`, `1 hour`, `1.5 weeks`; units in the singular or the plural.

        >>> Duration.parse("1.5 hours").elapsed_us
        5400000000
        """
        match = re.fullmatch(_DURATION, text.strip())
        if match is None:
            raise DurationError(f"`{text}` is not a duration", "write a number and a unit, such as `7 days`")
        amount, unit = match.groups()
        return cls(Fraction(amount), unit if unit in UNITS else unit.removesuffix("s"))

    def __neg__(self) -> Duration:
        return Duration(-self.amount, self.unit)

    def __str__(self) -> str:
        amount = self.amount if isinstance(self.amount, int) else float(self.amount)
        return f"{amount} {self.unit}" + ("" if abs(amount) == 1 else "s")

    @property
    def months(self) -> int | None:
        """The length in months, or None for seconds to weeks.

        >>> Duration(2, "quarter").months, Duration(2, "week").months
        (6, None)
        """
        return int(self.amount) * MONTHS_IN[self.unit] if self.unit in MONTHS_IN else None

    @property
    def days(self) -> int | None:
        """The length in calendar days if it is a whole number of days or weeks, else None.

        >>> Duration(2, "week").days, Duration(48, "hour").days
        (14, None)
        """
        if self.unit not in ("day", "week"):
            return None
        days = self.amount * (7 if self.unit == "week" else 1)
        return int(days) if Fraction(days).denominator == 1 else None

    @property
    def elapsed_us(self) -> int:
        """The true elapsed time in microseconds, rounded half to even; `DurationError` for months and longer.

        >>> Duration(1, "week").elapsed_us // 10**6
        604800
        """
        if self.unit not in ELAPSED_UNITS:
            raise DurationError(f"{self.unit}s differ in length", "write seconds, minutes, hours, days or weeks")
        return round(self.amount * ELAPSED_UNITS[self.unit])


UNITS = (*ELAPSED_UNITS, *MONTHS_IN)
