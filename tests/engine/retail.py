"""A real 4-5-4 calendar: the retail years 2022 to 2024, of which 2023 has 53 weeks; and some hundred orders."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

ZONE = ZoneInfo("America/New_York")
YEARS = {2022: (date(2022, 1, 30), 52), 2023: (date(2023, 1, 29), 53), 2024: (date(2024, 2, 4), 52)}
"""The first day and the number of weeks of each year; the years follow each other without a gap."""
END = date(2025, 2, 2)
WEEKS_OF_MONTHS = (4, 5, 4) * 4


@dataclass(frozen=True)
class Span:
    """A period: its first day, the day after its last one, its name."""

    start: date
    end: date
    label: str


def years() -> list[Span]:
    """The retail years."""
    return [Span(start, start + timedelta(weeks=weeks), f"FY{year}") for year, (start, weeks) in YEARS.items()]


def months() -> list[Span]:
    """The retail months; the last one of a long year has the 53rd week."""
    found = []
    for year, (start, weeks) in YEARS.items():
        lengths = list(WEEKS_OF_MONTHS)
        lengths[-1] += weeks - 52
        for number, length in enumerate(lengths, 1):
            end = start + timedelta(weeks=length)
            found.append(Span(start, end, f"{year}-P{number:02}"))
            start = end
    return found


def weeks() -> list[Span]:
    """The retail weeks."""
    return [
        Span(start + timedelta(weeks=number), start + timedelta(weeks=number + 1), f"{year}-W{number + 1:02}")
        for year, (start, count) in YEARS.items()
        for number in range(count)
    ]


SPANS = {"retail_week": weeks(), "retail_month": months(), "retail_year": years()}

GRAINS = "".join(f'grain {name}\n  table: "{name}s.csv"\n  time: starts_on\n  label: name\n\n' for name in SPANS)


def table(spans: list[Span]) -> pa.Table:
    """The table of a grain: a row for each period, and one that ends the last."""
    starts = [*(span.start for span in spans), spans[-1].end]
    return pa.table({"starts_on": starts, "name": [*(span.label for span in spans), None]})


@dataclass(frozen=True)
class Order:
    """An order, with the day on which it was placed in New York."""

    placed_at: datetime
    amount: int
    customer: str
    channel: str

    @property
    def day(self) -> date:
        return self.placed_at.astimezone(ZONE).date()


def orders(number: int = 700) -> list[Order]:
    """Orders at random times of the three years, many of them near midnight in New York."""
    chance = random.Random(454)
    first = datetime.combine(YEARS[2022][0], datetime.min.time(), ZONE).astimezone(UTC)
    length = (END - YEARS[2022][0]).days - 1
    found = [Order(first + timedelta(hours=1), 5, "c0", "web")]
    for _ in range(number):
        midnight = first + timedelta(days=chance.randint(0, length))
        placed = midnight + timedelta(minutes=chance.choice([-1, 0, 1, 59, 60, 61, 700]))
        at = max(placed, first)
        found.append(Order(at, chance.randint(1, 500), f"c{chance.randint(1, 40)}", chance.choice(["web", "shop"])))
    return found


def order_table(rows: list[Order]) -> pa.Table:
    """Orders as a table."""
    return pa.table(
        {
            "placed_at": pa.array([row.placed_at for row in rows], pa.timestamp("us", "UTC")),
            "amount": [row.amount for row in rows],
            "customer": [row.customer for row in rows],
            "channel": [row.channel for row in rows],
        }
    )
