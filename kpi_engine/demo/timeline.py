"""When things happen in the demo shop: two years of local days, their demand, and moments drawn from it.

The shop opened on 1 November 2024 and its data ends with 31 October 2026. It lives in Asia/Shanghai, which has
been eight hours ahead of UTC throughout, so local time is one addition away.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from kpi_engine.demo.columns import Ints

Floats = npt.NDArray[np.float64]

OPENED: Final = dt.date(2024, 11, 1)
ENDS: Final = dt.date(2026, 11, 1)  # the first day without data
DAYS: Final = (ENDS - OPENED).days

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
OPENED_DAY: Final = (OPENED - dt.date(1970, 1, 1)).days
OPENED_AT: Final = OPENED_DAY * DAY - 8 * HOUR  # microseconds UTC
ENDS_AT: Final = OPENED_AT + DAYS * DAY

_WEEK: Final = (0.92, 0.90, 0.93, 0.97, 1.05, 1.18, 1.12)  # Monday first
_HOURS: Final = (10, 6, 4, 3, 2, 3, 6, 12, 20, 28, 34, 38, 44, 40, 34, 32, 33, 35, 40, 52, 66, 70, 52, 26)
_NEW_YEARS: Final = (dt.date(2025, 1, 29), dt.date(2026, 2, 17))  # the shop is quiet for the week that follows


def festival(day: dt.date) -> float:
    """How much more than usual is bought on a day: 11.11 above all, 6.18 and 12.12; less in the New Year week.

    >>> festival(dt.date(2025, 11, 11)), festival(dt.date(2025, 11, 20))
    (4.2, 1.0)
    """
    if (day.month, day.day) == (11, 11):
        return 4.2
    if day.month == 11 and 7 <= day.day <= 12:
        return 1.7
    if day.month == 6 and 15 <= day.day <= 18:
        return 2.4 if day.day == 18 else 1.4
    if day.month == 12 and day.day == 12:
        return 1.9
    if any(0 <= (day - eve).days < 7 for eve in _NEW_YEARS):
        return 0.55
    return 1.0


def is_campaign_season(day: dt.date) -> bool:
    """Whether the festival campaigns run: three weeks before 11.11 and two before 6.18."""
    return (10, 20) <= (day.month, day.day) <= (11, 12) or (6, 3) <= (day.month, day.day) <= (6, 18)


@cache
def calendar() -> tuple[dt.date, ...]:
    """Every local day of the data, in order."""
    return tuple(OPENED + dt.timedelta(days=number) for number in range(DAYS))


@cache
def demand() -> Floats:
    """The relative traffic of each day: growth x season x weekday x festival."""
    number = np.arange(DAYS)
    growth = 0.6 + 0.9 * number / DAYS
    season = 1 + 0.12 * np.cos(2 * np.pi * (number - 20) / 365.25)
    weekday = np.array([_WEEK[day.weekday()] for day in calendar()])
    special = np.array([festival(day) for day in calendar()])
    product: Floats = growth * season * weekday * special
    return product


def moments(rng: np.random.Generator, count: int, extra: Floats | None = None) -> Ints:
    """`count` instants in order (microseconds UTC), drawn by the demand of the day and the hour of the day.

    `extra` multiplies the demand, one factor a day.
    """
    weights = demand() if extra is None else demand() * extra
    day = draw(rng, weights, count)
    hour = draw(rng, np.array(_HOURS, dtype=np.float64), count)
    within = (rng.random(count) * 3600).astype(np.int64)
    return np.sort(OPENED_AT + day * DAY + hour * HOUR + within * SECOND)


def draw(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    """`count` positions in `weights`, each as likely as its weight.

    Only uniform doubles are taken from the generator: their stream has never changed between NumPy releases.
    """
    edges = np.cumsum(weights)
    picked = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    within: Ints = np.minimum(picked, len(weights) - 1).astype(np.int64)
    return within


def day_number(at: Ints) -> Ints:
    """The local day of an instant, counted from the opening."""
    number: Ints = (at - OPENED_AT) // DAY
    return number
