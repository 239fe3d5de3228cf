"""A small shop with everything that makes numbers go wrong: nulls, duplicates, strangers, clock changes, month ends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import strategies as st

from kpi_engine.testing.case_tables import Rows

ZONES = (
    "UTC",
    "America/Los_Angeles",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Asia/Shanghai",
)

DEFINITIONS = """\
calendar
  timezone: "{zone}"
  week_starts: {week_starts}
  fiscal_year_starts: {fiscal}

entity visitor
  counted_in: visits

source countries
  key: code
  column code: text
  column continent: text

source customers
  key: id
  column id: integer
  column country: text -> countries
  column vip: boolean

source orders
  key: id
  time: at
{orders}
  column id: integer
  column at: timestamp
  column customer: integer -> customers
  column visitor: text -> visitor
  column amount: decimal
  column cost: decimal
  column quantity: integer
  column delivered: date
  column net: decimal = amount - coalesce(cost, 0)
  column large: boolean = net >= 10 or quantity > 3
  column label: text = upper(concat(coalesce(channel, "-"), text(quantity)))

source visits
  time: day
{visits}
  column day: date
  column visitor: text -> visitor
  column pages: integer

source lines
  time: orders.at
  column order: integer -> orders
  column units: integer
  column price: decimal

dimension channel = orders.channel, visits.channel
dimension country = customers.country
dimension continent = countries.continent
dimension weekday = part(time, weekday)
dimension month = bucket(time, month)
dimension label = orders.label
"""

SCHEMAS: Mapping[str, pa.Schema] = {
    "countries": pa.schema({"code": pa.string(), "continent": pa.string()}),
    "customers": pa.schema({"id": pa.int64(), "country": pa.string(), "vip": pa.bool_()}),
    "orders": pa.schema(
        {
            "id": pa.int64(),
            "at": pa.timestamp("us"),
            "customer": pa.int64(),
            "visitor": pa.string(),
            "channel": pa.string(),
            "amount": pa.decimal128(12, 2),
            "cost": pa.decimal128(12, 3),
            "quantity": pa.int64(),
            "weight": pa.float64(),
            "delivered": pa.date32(),
        }
    ),
    "visits": pa.schema(
        {"day": pa.date32(), "visitor": pa.string(), "channel": pa.string(), "pages": pa.int64(), "score": pa.float64()}
    ),
    "lines": pa.schema({"order": pa.int64(), "units": pa.int64(), "price": pa.decimal128(9, 2)}),
}


@dataclass(frozen=True)
class Shop:
    """Definitions and rows."""

    definitions: str
    rows: Mapping[str, Rows]
    naive: bool

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """How Hypothesis shows a shop on which a test fails."""
        tables = [f"{name}: {rows}" for name, rows in self.rows.items() if rows]
        printer.text("\n".join(["a shop", self.definitions, *tables]))

    def for_text(self, text: str) -> Shop:
        """The shop without what a text does not use: reading definitions costs more than answering from them."""
        used = _used(text)
        definitions = "\n\n".join(
            "\n".join(line for line in part.split("\n") if line and _line_is_needed(line, used))
            for part in re.split(r"\n\n+(?=\S)", self.definitions)
            if _part_is_needed(part, used)
        )
        if "visits" not in used:
            definitions = definitions.replace("orders.channel, visits.channel", "orders.channel")
        rows = {name: rows for name, rows in self.rows.items() if f"source {name}\n" in definitions}
        return replace(self, definitions=definitions, rows=rows)

    def schema(self, name: str) -> pa.Schema:
        """The physical schema of a source; instants are stored in UTC unless they are naive."""
        schema = SCHEMAS[name]
        if name == "orders" and not self.naive:
            place = schema.get_field_index("at")
            schema = schema.set(place, pa.field("at", pa.timestamp("us", "UTC")))
        return schema

    def table(self, name: str) -> pa.Table:
        """A source in Arrow."""
        return pa.Table.from_pylist(self.rows[name], self.schema(name))


NEEDED = {
    "channel": ("orders",),
    "customers": ("orders",),
    "country": ("customers",),
    "continent": ("countries",),
    "countries": ("customers",),
    "vip": ("customers",),
    "lines": ("orders",),
    "label": ("orders",),
    "large": ("net",),
    "visitor": ("visits",),
    "visitors": ("visits",),
}
"""What a word of the shop needs beside itself."""


def _used(text: str) -> frozenset[str]:
    """The words of a text, with all that they need."""
    words = set(re.findall(r"\w+", text))
    while more := {needed for word in words for needed in NEEDED.get(word, ())} - words:
        words |= more
    return frozenset(words)


def _part_is_needed(part: str, used: frozenset[str]) -> bool:
    kind, _, rest = part.partition(" ")
    name = rest.split()[0] if rest else ""
    match kind:
        case "source":
            return name in used
        case "entity":
            return "visits" in used
    return True


def _line_is_needed(line: str, used: frozenset[str]) -> bool:
    words = line.split()
    match words:
        case ["dimension", name, *_]:
            return name in used
        case ["column", "net:" | "large:" | "label:" as name, *_]:
            return name[:-1] in used
        case ["column", "customer:", *_]:
            return "customers" in used
        case ["column", "visitor:", *_]:
            return "visits" in used
        case ["column", "country:", *_]:
            return "countries" in used
    return True


DAYS = (
    *(date(2018, month, 1) - timedelta(days=back) for month in range(1, 13) for back in (0, 1, 2)),
    *(date(2018, 3, 24) + timedelta(days=later) for later in range(9)),
    *(date(2018, 10, 26) + timedelta(days=later) for later in range(11)),
    *(date(2017, 10, 26) + timedelta(days=later) for later in range(0, 11, 2)),
    *(date(2018, 12, 28) + timedelta(days=later) for later in range(6)),
    date(2017, 2, 28),
    date(2017, 3, 31),
    date(2018, 3, 11),
    date(2018, 4, 1),
    date(2018, 10, 7),
    date(2019, 2, 28),
)
"""Month ends, year ends, days on which one of the zones changes its clock, and some of the year before."""

CLOCKS = (
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=1, minutes=30),
    timedelta(hours=2),
    timedelta(hours=2, minutes=30),
    timedelta(hours=12),
    timedelta(days=1, microseconds=-1),
)
WEIGHTS = (0.0, -0.0, 0.1, 0.2, 0.7, 1.5, 1e10, float("nan"), float("inf"))


class Dice:
    """The values of one row. Each row has its own, so that a shop with fewer rows has the same first ones."""

    def __init__(self, *seed: int | str) -> None:
        self._random = Random(repr(seed))

    def one(self, values: Sequence[Any], nulls: float = 0.2) -> Any:
        """One of some values, or null."""
        return None if self._random.random() < nulls else self._random.choice(values)

    def whole(self, least: int, most: int, nulls: float = 0.2) -> int | None:
        """A whole number in a range, or null."""
        return None if self._random.random() < nulls else self._random.randint(least, most)

    def decimal(self, least: int, most: int, places: int) -> Decimal | None:
        """A decimal of so many places, or null."""
        found = self.whole(least, most)
        return None if found is None else Decimal(found).scaleb(-places)

    def moment(self, zone: str, naive: bool) -> datetime | None:
        """A local time, or its instant: of a repeated time the first or the second."""
        day = self.one(DAYS, nulls=0.05)
        if day is None:
            return None
        wall = datetime.combine(day, datetime.min.time()) + self._random.choice(CLOCKS)
        fold = self._random.randint(0, 1)
        return wall if naive else wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def _order(seed: int, number: int, zone: str, naive: bool) -> dict[str, Any]:
    dice = Dice(seed, "order", number)
    return {
        "id": number,
        "at": dice.moment(zone, naive),
        "customer": dice.whole(1, 5),
        "visitor": dice.one("abcd"),
        "channel": dice.one(("web", "shop", "fax")),
        "amount": dice.decimal(-300, 3000, 2),
        "cost": dice.decimal(0, 9999, 3),
        "quantity": dice.whole(-2, 9),
        "weight": dice.one(WEIGHTS),
        "delivered": dice.one(DAYS),
    }


def _visit(seed: int, number: int) -> dict[str, Any]:
    dice = Dice(seed, "visit", number)
    return {
        "day": dice.one(DAYS, nulls=0.05),
        "visitor": dice.one("abcd"),
        "channel": dice.one(("web", "shop", "fax")),
        "pages": dice.whole(0, 9),
        "score": dice.one(WEIGHTS),
    }


def _line(seed: int, number: int, orders: int) -> dict[str, Any]:
    dice = Dice(seed, "line", number)
    return {"order": dice.whole(0, orders), "units": dice.whole(0, 5), "price": dice.decimal(0, 3000, 2)}


def _customer(seed: int, number: int) -> dict[str, Any]:
    dice = Dice(seed, "customer", number)
    return {"id": number, "country": dice.one(("de", "jp", "xx")), "vip": dice.one((True, False))}


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """Shops of all zones and settings. Sizes and settings shrink; rows come from a seed."""
    zone = draw(st.sampled_from(ZONES))
    naive = draw(st.booleans())
    source_zone = draw(st.sampled_from([None, *ZONES])) if naive else None
    seed = draw(st.integers(0, 2**32))
    orders = draw(st.integers(0, 30))
    rows: dict[str, Rows] = {
        "countries": [{"code": "de", "continent": "Europe"}, {"code": "jp", "continent": "Asia"}],
        "customers": [_customer(seed, number) for number in range(1, 5)],
        "orders": [_order(seed, number, zone, naive) for number in range(orders)],
        "visits": [_visit(seed, number) for number in range(draw(st.integers(0, 25)))],
        "lines": [_line(seed, number, orders) for number in range(draw(st.integers(0, 25)))],
    }
    definitions = DEFINITIONS.format(
        zone=zone,
        week_starts=draw(st.sampled_from(["monday", "sunday", "saturday"])),
        fiscal=draw(st.sampled_from(["january", "april", "october"])),
        orders=_lines(
            f'timezone: "{source_zone}"' if source_zone else "",
            draw(st.sampled_from(["", "", "late: 3 days", "watermark: 2018-11-01", "late: 36 hours"])),
            draw(st.sampled_from(["", "", "where: quantity is not null", "where: amount > 0 or channel is null"])),
            draw(st.sampled_from(["", "", "", "starts: 2017-06-15"])),
        ),
        visits=_lines(draw(st.sampled_from(["", "", "late: 1 week", "watermark: 2018-11-15"]))),
    )
    return Shop(definitions, rows, naive)


def _lines(*properties: str) -> str:
    return "\n".join(f"  {each}" for each in properties if each)
