"""A market of many small sources: customers, events, baskets, stock, memberships, versions.

Its days lie around one at which a zone changes its clock. Of its sources those are declared that a question names, and
what these refer to, so that an example is cheap to read and short to look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from kpi_engine.testing.case_tables import Rows

from .market_rows import SCENES, TABLES, TYPES, Settings, rows_of


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
    rows = {name: rows_of(settings, name) for name in names}
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
        _when("orders" in words, "counted_in: orders"),
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
        _when("owned stock" in settings.options, "snapshot_by: [product]"),
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


_LINES: Mapping[str, Callable[[Settings, set[str]], list[str]]] = {
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
    "states": lambda settings, words: [],
    "closures": lambda settings, words: [],
    "basket": lambda settings, words: [],
    "big": lambda settings, words: [],
}


OPTIONS = (
    "late orders", "watermark orders", "starts orders", "late visits", "late stock", "owned stock", "late subs",
    "where orders", "lines of orders", "lines of orders", "distinct updates",
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
