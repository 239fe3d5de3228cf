"""A market of many small sources: customers, events, baskets, stock, memberships, versions.

Its days lie around one at which a zone changes its clock. Of its sources those are declared that a question names, and
what these refer to, so that an example is cheap to read and short to look at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import strategies as st

from kpi_engine.testing.case_tables import Rows

from .shop import CLOCKS, Dice

SCENES = (
    ("UTC", date(2024, 3, 1)),
    ("Europe/Berlin", date(2018, 3, 25)),
    ("Europe/Berlin", date(2018, 10, 28)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # midnight does not exist
    ("America/Havana", date(2018, 3, 11)),  # midnight does not exist
    ("America/Havana", date(2018, 11, 4)),  # midnight occurs twice
    ("Asia/Beirut", date(2018, 3, 25)),  # midnight does not exist
    ("America/Santiago", date(2019, 9, 8)),  # midnight does not exist
    ("Africa/Cairo", date(2023, 4, 28)),  # midnight does not exist
    ("Australia/Lord_Howe", date(2018, 4, 1)),  # by half an hour
    ("Pacific/Apia", date(2011, 12, 30)),  # a date that does not exist
    ("Asia/Kathmandu", date(2024, 12, 30)),
)
"""Zones, each with a day on which something happens there."""

BEFORE = (-62, -36, -31, -29, -15, -9, -8, -7, -6, -3, -2, -2, -1, -1)
AFTER = (0, 0, 0, 1, 1, 2, 3, 5, 6, 7, 8, 14, 28, 33)
STATES = ("open", "held", "closed")
CHANNELS = ("web", "shop")


@dataclass(frozen=True)
class Settings:
    """What is drawn of a market beside its rows: calendar, types of times, variants of sources."""

    scene: tuple[str, date]
    seed: int
    size: int
    dated: bool
    naive: bool
    week_starts: str
    options: frozenset[str]

    @property
    def zone(self) -> str:
        """The zone of the calendar."""
        return self.scene[0]

    @property
    def moment(self) -> str:
        """The type of times."""
        return "date" if self.dated else "timestamp"


@dataclass(frozen=True)
class Market:
    """Definitions of the sources that some texts name, and their rows."""

    settings: Settings
    definitions: str
    rows: Mapping[str, Rows]

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """How Hypothesis shows a market on which a test fails."""
        tables = [f"{name}:\n" + "\n".join(f"  {row}" for row in rows) for name, rows in self.rows.items()]
        printer.text("\n".join(["a market", self.definitions, *tables]))

    def table(self, name: str) -> pa.Table:
        """A source in Arrow."""
        return pa.Table.from_pylist(self.rows[name], self.schema(name))

    def schema(self, name: str) -> pa.Schema:
        """The physical schema of a source."""
        moment = pa.timestamp("us", None if self.settings.naive else "UTC")
        types = {"moment": pa.date32() if self.settings.dated else moment, **TYPES}
        return pa.schema([(column, types[kind]) for column, kind in TABLES[name].items()])


TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(9, 2),
    "float": pa.float64(),
    "date": pa.date32(),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "customers": {"id": "integer", "country": "text", "email": "text"},
    "products": {"product": "text", "family": "text"},
    "tariffs": {"product": "text", "valid_from": "date", "valid_to": "date", "rate": "decimal"},
    "orders": {
        "id": "integer", "at": "moment", "customer": "integer", "visitor": "text", "channel": "text",
        "amount": "decimal", "quantity": "integer", "weight": "float", "sent": "moment",
    },
    "visits": {"visit": "integer", "at": "moment", "visitor": "text", "customer": "integer", "channel": "text", "pages": "integer"},
    "lines": {"order": "integer", "day": "date", "product": "text", "units": "integer", "price": "decimal"},
    "stock": {"day": "date", "product": "text", "held": "integer", "value": "decimal"},
    "subs": {"begun": "moment", "gone": "moment", "customer": "integer", "plan": "text", "fee": "integer"},
    "updates": {"at": "moment", "ticket": "text", "state": "text", "effort": "integer"},
    "calls": {"at": "moment", "email": "text", "minutes": "integer"},
    "budgets": {"month": "date", "channel": "text", "budget": "integer"},
    "accounts": {"account": "integer", "opened": "date", "changed": "date", "balance": "integer"},
}  # fmt: skip

MADE = {"states": "updates", "closures": "updates", "basket": "lines", "big": "orders"}
"""Derived sources and what they are made of."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "calls": ("customers",),
    "lines_n": ("lines",),
    "units_sum": ("lines",),
    "first_product": ("lines",),
    "touch": ("visits", "visitor"),
    "led": ("touch",),
    "led_orders": ("touch", "orders"),
    "seen": ("visitor", "visits"),
    "first_seen": ("visitor", "visits"),
    "cohort": ("first_seen",),
    "country": ("customers",),
    "family": ("products",),
    "rate": ("tariffs",),
    "basket": ("orders",),
    "item": ("basket",),
    "other": ("basket",),
    "state": ("updates",),
    "spent": ("customers", "orders"),
    "tariff": ("tariffs",),
    **{made: (base,) for made, base in MADE.items()},
}
"""What else must be declared where a word is used."""

WORDS = (
    *TABLES, *MADE, "customer", "visitor", "visitors", "ticket", "tickets", "order", "product", *NEEDED, "weekday",
    "channel", "plan", "account",
)  # fmt: skip
SINGULAR = {"customer": "customers", "visitors": "visitor", "tickets": "ticket", "order": "orders",
            "product": "products", "account": "accounts"}  # fmt: skip


def words_of(text: str) -> set[str]:
    """The market's words that a text uses, with all that they need."""
    found = {SINGULAR.get(word, word) for word in set(re.findall(r"\w+", text)) & set(WORDS)}
    while True:
        more = {needed for word in found for needed in NEEDED.get(word, ())} - found
        if "lines" in found and ("orders" in found or "channel" in found):
            more |= {"orders"} - found
        if not more:
            return found
        found |= more


def build(settings: Settings, text: str) -> Market:
    """The market for a question whose formulas, dimensions and conditions are `text`."""
    words = words_of(text)
    names = [name for name in TABLES if name in words]
    rows = {name: _rows(settings, name) for name in names}
    return Market(settings, _definitions(settings, words), rows)


# ----------------------------------------------------------------------------------------------------- definitions


def _definitions(settings: Settings, words: set[str]) -> str:
    parts = [f'calendar\n  timezone: "{settings.zone}"\n  week_starts: {settings.week_starts}']
    for name in (*TABLES, *MADE):
        if name in words:
            lines = _LINES[name](settings, words)
            head = f"source {name}" + (f" = {FORMULAS[name]}" if name in MADE else "")
            parts.append("\n".join([head, *(f"  {line}" for line in lines if line)]))
    if "visitor" in words:
        parts.append("\n".join(["entity visitor", *(f"  {line}" for line in _visitor(settings, words) if line)]))
    if "updates" in words:
        parts.append("entity ticket\n  counted_in: updates")
    parts.extend(_dimensions(words))
    return "\n\n".join(parts)


FORMULAS = {
    "states": "latest(updates per ticket)",
    "closures": '(updates where state = "closed")',
    "basket": "pairs(lines.product per order)",
    "big": "(orders where quantity > 2)",
}


def _dimensions(words: set[str]) -> list[str]:
    homes = [f"{name}.channel" for name in ("orders", "visits", "budgets") if name in words]
    found = {
        "channel": ", ".join(homes),
        "country": "customers.country",
        "family": "products.family",
        "cohort": "bucket(visitor.first_seen, week)",
        "weekday": "part(time, weekday)",
        "item": "basket.item",
        "other": "basket.other",
        "state": "updates.state",
        "plan": "subs.plan" if "subs" in words else "",
    }
    return [f"dimension {name} = {value}" for name, value in found.items() if name in words and value]


def _visitor(settings: Settings, words: set[str]) -> list[str]:
    return [
        "counted_in: visits" if "visits" in words else "counted_in: orders",
        "column first_seen: date = min(visits.at)" if "first_seen" in words else "",
        "column seen: integer = count(visits where pages > 1)" if "seen" in words else "",
    ]


def _when(condition: bool, line: str) -> str:
    return line if condition else ""


def _late(settings: Settings, name: str) -> list[str]:
    day = settings.scene[1] + timedelta(days=4)
    return [
        _when(f"late {name}" in settings.options, "late: 2 days"),
        _when(f"watermark {name}" in settings.options, f"watermark: {day}"),
        _when(f"starts {name}" in settings.options, f"starts: {settings.scene[1] - timedelta(days=20)}"),
    ]


def _customers(settings: Settings, words: set[str]) -> list[str]:
    return [
        "key: id",
        _when("customers" in words and ("orders" in words or "calls" in words), "counted_in: orders")
        if "orders" in words
        else "",
        "column id: integer",
        "column country: text",
        "column email: text",
        _when("spent" in words, "column spent: decimal = sum(orders.amount)"),
    ]


def _orders(settings: Settings, words: set[str]) -> list[str]:
    return [
        "key: id",
        "time: at",
        _when("where orders" in settings.options, "where: quantity is not null"),
        *_late(settings, "orders"),
        "column id: integer",
        f"column at: {settings.moment}",
        _when("customers" in words, "column customer: integer -> customers"),
        _when("visitor" in words, "column visitor: text -> visitor"),
        _when("lines_n" in words, "column lines_n: integer = count(lines)"),
        _when("units_sum" in words, "column units_sum: integer = sum(lines.units where price > 1)"),
        _when("first_product" in words, "column first_product: text = min(lines.product)"),
        _when("touch" in words, "column touch -> visits = last(visits on visitor within 5 days)"),
        _when("led" in words, "column led: text = touch.channel"),
    ]


def _visits(settings: Settings, words: set[str]) -> list[str]:
    return [
        "key: visit",
        "time: at",
        *_late(settings, "visits"),
        f"column at: {settings.moment}",
        _when("visitor" in words, "column visitor: text -> visitor"),
        _when("customers" in words, "column customer: integer -> customers"),
        _when("led_orders" in words, "column led_orders: integer = count(orders on touch)"),
    ]


def _lines(settings: Settings, words: set[str]) -> list[str]:
    parent = "orders" in words
    return [
        "time: orders.at" if parent and "lines of orders" in settings.options else "time: day",
        "column day: date",
        _when(parent, "column order: integer -> orders"),
        "column product: text" + (" -> products" if "products" in words else ""),
        _when("tariffs" in words, "column priced: text -> tariffs as tariff from \"product\""),
        "column units: integer",
        "column price: decimal",
    ]  # fmt: skip


def _stock(settings: Settings, words: set[str]) -> list[str]:
    return [
        "snapshot: day",
        "time: day",
        "key: [day, product]",
        *_late(settings, "stock"),
        "column day: date",
        "column product: text" + (" -> products" if "products" in words else ""),
        "column held: integer",
    ]


def _subs(settings: Settings, words: set[str]) -> list[str]:
    return [
        "time: begun",
        "lifetime: [begun, gone]",
        *_late(settings, "subs"),
        f"column begun: {settings.moment}",
        f"column gone: {settings.moment}",
        _when("customers" in words, "column customer: integer -> customers"),
    ]


_LINES: Mapping[str, Any] = {
    "customers": _customers,
    "products": lambda settings, words: ["key: product", "column product: text", "column family: text"],
    "tariffs": lambda settings, words: [
        "key: product",
        "versions: [valid_from, valid_to]",
        "column product: text",
        "column valid_from: date",
        "column valid_to: date",
    ],
    "orders": _orders,
    "visits": _visits,
    "lines": _lines,
    "stock": _stock,
    "subs": _subs,
    "updates": lambda settings, words: [
        "time: at",
        _when("distinct updates" in settings.options, "distinct: true"),
        f"column at: {settings.moment}",
        "column ticket: text -> ticket",
    ],
    "calls": lambda settings, words: [
        "time: at",
        f"column at: {settings.moment}",
        "column email: text -> customers.email",
    ],
    "budgets": lambda settings, words: ["time: month", "grain: month", "column month: date"],
    "accounts": lambda settings, words: [
        "key: account",
        "time: opened",
        "on_duplicate: latest(changed)",
        "column opened: date",
        "column changed: date",
    ],
    "states": lambda settings, words: ["counted_in: updates"] if False else [],
    "closures": lambda settings, words: [],
    "basket": lambda settings, words: [],
    "big": lambda settings, words: [],
}


# ------------------------------------------------------------------------------------------------------------ rows


def _rows(settings: Settings, name: str) -> Rows:
    sizes = {"customers": 5, "products": 3, "tariffs": 6, "budgets": 6}
    count = sizes.get(name, settings.size)
    rows = [_ROW[name](settings, Dice(settings.seed, name, number), number) for number in range(count)]
    if name in ("stock", "tariffs"):
        rows = _unique(rows, name)
    return rows


def _unique(rows: Rows, name: str) -> Rows:
    """A product once a day; versions that do not overlap."""
    if name == "stock":
        return list({(row["day"], row["product"]): row for row in rows}.values())
    found = []
    for product in sorted({row["product"] for row in rows}):
        versions = sorted((row for row in rows if row["product"] == product), key=lambda row: row["valid_from"])
        versions = list({row["valid_from"]: row for row in versions}.values())
        for row, after in zip(versions, [*versions[1:], None], strict=True):
            ends = None if after is None else after["valid_from"]
            if row["valid_to"] is None or (ends is not None and row["valid_to"] > ends):
                row = {**row, "valid_to": ends}
            found.append(row)
    return found


def _day(settings: Settings, dice: Dice, nulls: float = 0.0) -> date | None:
    offset = dice.one(BEFORE + AFTER, nulls)
    return None if offset is None else settings.scene[1] + timedelta(days=offset)


def _moment(settings: Settings, dice: Dice, nulls: float = 0.04) -> date | datetime | None:
    day = _day(settings, dice, nulls)
    if day is None or settings.dated:
        return day
    wall = datetime.combine(day, datetime.min.time()) + dice.one(CLOCKS, 0)
    fold = dice.one((0, 1), 0)
    if settings.naive:
        return wall
    return wall.replace(tzinfo=ZoneInfo(settings.zone), fold=fold).astimezone(UTC)


def _order(settings: Settings, dice: Dice, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "at": _moment(settings, dice),
        "customer": dice.whole(1, 5),
        "visitor": dice.one("abc"),
        "channel": dice.one(CHANNELS),
        "amount": dice.decimal(-100, 900, 2),
        "quantity": dice.whole(0, 4),
        "weight": dice.one((0.0, 0.1, 0.2, 1.5, float("nan"))),
        "sent": _moment(settings, dice, 0.3),
    }


def _sub(settings: Settings, dice: Dice, number: int) -> dict[str, Any]:
    return {
        "begun": _moment(settings, dice),
        "gone": _moment(settings, dice, 0.4),
        "customer": dice.whole(1, 5),
        "plan": dice.one(("basic", "gold")),
        "fee": dice.whole(0, 9),
    }


_ROW: Mapping[str, Any] = {
    "customers": lambda settings, dice, number: {
        "id": number,
        "country": dice.one(("de", "jp")),
        "email": f"{number}@x",
    },
    "products": lambda settings, dice, number: {"product": "xyz"[number], "family": dice.one(("toys", "food"))},
    "tariffs": lambda settings, dice, number: {
        "product": dice.one("xyz", 0),
        "valid_from": _day(settings, dice),
        "valid_to": _day(settings, dice, 0.6),
        "rate": dice.decimal(0, 500, 2),
    },
    "orders": _order,
    "visits": lambda settings, dice, number: {
        "visit": number,
        "at": _moment(settings, dice),
        "visitor": dice.one("abc"),
        "customer": dice.whole(1, 5),
        "channel": dice.one(CHANNELS),
        "pages": dice.whole(0, 4),
    },
    "lines": lambda settings, dice, number: {
        "order": dice.whole(0, max(1, settings.size // 2)),
        "day": _day(settings, dice, 0.04),
        "product": dice.one("xyzw"),
        "units": dice.whole(0, 4),
        "price": dice.decimal(0, 900, 2),
    },
    "stock": lambda settings, dice, number: {
        "day": _day(settings, dice, 0.04),
        "product": dice.one("xyz", 0.1),
        "held": dice.whole(0, 4),
        "value": dice.decimal(0, 900, 2),
    },
    "subs": _sub,
    "updates": lambda settings, dice, number: {
        "at": _moment(settings, dice),
        "ticket": dice.one("tuv"),
        "state": dice.one(STATES),
        "effort": dice.whole(0, 2),
    },
    "calls": lambda settings, dice, number: {
        "at": _moment(settings, dice),
        "email": dice.one(("0@x", "1@x", "2@x", "9@x")),
        "minutes": dice.whole(0, 9),
    },
    "budgets": lambda settings, dice, number: {
        "month": (settings.scene[1] + timedelta(days=30 * (number // 2 - 1))).replace(day=1),
        "channel": dice.one(CHANNELS),
        "budget": dice.whole(0, 50),
    },
    "accounts": lambda settings, dice, number: {
        "account": dice.whole(1, 3, 0),
        "opened": _day(settings, dice),
        "changed": settings.scene[1] + timedelta(days=dice.whole(0, 4, 0) or 0),
        "balance": dice.whole(-5, 5),
    },
}

OPTIONS = (
    "late orders", "watermark orders", "starts orders", "late visits", "late stock", "late subs", "where orders",
    "lines of orders", "lines of orders", "distinct updates",
)  # fmt: skip


@st.composite
def market_settings(draw: st.DrawFn) -> Settings:
    """Settings of all zones. The number of rows shrinks; rows come from a seed."""
    return Settings(
        scene=draw(st.sampled_from(SCENES)),
        seed=draw(st.integers(0, 2**32)),
        size=draw(st.sampled_from([14, 22, 30, 9, 5, 2, 0])),
        dated=draw(st.sampled_from([False, False, True])),
        naive=draw(st.booleans()),
        week_starts=draw(st.sampled_from(["monday", "monday", "sunday", "saturday"])),
        options=frozenset(draw(st.lists(st.sampled_from(OPTIONS), max_size=3))),
    )
