"""A shop whose files change: what the tests of kept states ask, and how they ask it with a store and without."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine import pipeline
from kpi_engine.ir.question import Question
from kpi_engine.ir.result import RunStats
from kpi_engine.ir.stored import StateStore
from kpi_engine.project import load_config

DEFINITIONS = """\
calendar
  timezone: "Europe/Berlin"

entity topic

source orders
  table: "orders/*.parquet"
  key: id
  time: at
  column customer -> customers

source customers
  table: "customers.parquet"
  key: id

source tickets
  table: "tickets.csv"
  key: id
  time: opened
  lifetime: [opened, closed]
  column opened: date
  column closed: date
  column topic -> topic

dimension channel = orders.channel
dimension country = customers.country

revenue = sum(orders.amount)
paid = sum(orders.amount dated by paid_at)
big = count(orders where amount > 50)
buyers = count(distinct orders.customer)
smallest = min(orders.amount)
middle = median(orders.amount)
spread = stddev(orders.score)
buyers_28d = rolling(buyers, 28 days)
growth_rate = growth(revenue, 1 month)
repeat = count(customers having count(orders) > 1)
new_buyers = count(customers having count(orders) > 0 and before(count(orders)) = 0)
returned = count(customers having previous(count(orders)) > 0 and count(orders) > 0)
regulars = count(customers having count(orders) > 0 and rolling(count(orders), 28 days) > 2)
ever_twice = count(customers having cumulative(count(orders)) > 1)
idle = count(all customers having count(orders) = 0)
basket = avg(sum(orders.amount) per customer)
typical = median(sum(orders.amount) per customer)
dearest = max(sum(orders.amount) per customer having count(orders) > 1)
kinds = avg(count(distinct orders.channel) per customer)
usual_middle = avg(median(orders.amount) per customer)
busiest = rolling(max(count(orders) per day), 14 days)
by_month = max(count(customers having count(orders) > 1) per month)
by_customer = avg(max(sum(orders.amount) per day) per customer)
french_buyers = count(customers having sum(orders.amount where customer.country = "FR") > 0)
open_by_topic = max(count(tickets at end) per topic)
late_payers = count(customers having count(orders dated by paid_at) > count(orders))
french = sum(orders.amount where customer.country = "FR")
again = count(orders followed by orders on customer within 14 days) / count(orders)
open_tickets = count(tickets at end)
opened_tickets = count(tickets)
"""

CHANNELS = ("ads", "mail", "search", None)
START = date(2026, 1, 1)
LONG_AGO = 1_700_000_000_000_000_000
"""The time of change that all files have: only what the file system says besides tells them apart."""


@dataclass
class Shop:
    """A project in a folder, and its tables as they are now: orders by month, customers, tickets."""

    folder: Path
    random: random.Random
    orders: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    customers: list[dict[str, Any]] = field(default_factory=list)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    definitions: str = DEFINITIONS
    last: date = START
    number: int = 0

    @classmethod
    def of(cls, folder: Path, seed: int) -> Shop:
        """A shop with two months."""
        shop = cls(folder, random.Random(seed))
        (folder / "orders").mkdir(parents=True)
        (folder / "kpi.toml").write_text('name = "shop"\n')
        shop.customers = [
            {"id": f"C{number:04}", "country": shop.random.choice(["FR", "DE", None])} for number in range(12)
        ]
        shop.tickets = [shop.ticket() for _ in range(6)]
        shop.write_definitions()
        shop.write_customers()
        shop.write_tickets()
        for _ in range(2):
            shop.append_month()
        return shop

    # What changes -----------------------------------------------------------------------------------------------------

    def append_month(self) -> None:
        """A new file."""
        name = f"{len(self.orders):03}"
        days = [self.last + timedelta(days=number) for number in range(28)]
        self.orders[name] = [self.order(self.random.choice(days)) for _ in range(self.random.randrange(25))]
        self.last = days[-1] + timedelta(days=1)
        self.write_orders(name)

    def append_day(self) -> None:
        """A small new file."""
        name = f"{len(self.orders):03}"
        self.orders[name] = [self.order(self.last) for _ in range(3)]
        self.last += timedelta(days=1)
        self.write_orders(name)

    def append_rows(self) -> None:
        """More rows in the last file, in a row group of their own."""
        name = max(self.orders)
        self.orders[name] += [self.order(self.last - timedelta(days=1)) for _ in range(3)]
        self.write_orders(name)

    def add_late_rows(self) -> None:
        """Rows of long ago in the last file, and one of today in the first."""
        self.orders[max(self.orders)].append(self.order(START + timedelta(days=3)))
        self.orders[min(self.orders)].append(self.order(self.last))
        for name in {max(self.orders), min(self.orders)}:
            self.write_orders(name)

    def rewrite(self) -> None:
        """Other values in a file of the same size, in place."""
        name = self.random.choice(sorted(self.orders))
        for row in self.orders[name]:
            row["amount"] = None if row["amount"] is None else 100 - row["amount"]
        self.write_orders(name)

    def delete(self) -> None:
        """A file less."""
        if len(self.orders) > 1:
            name = self.random.choice(sorted(self.orders))
            del self.orders[name]
            (self.folder / "orders" / f"{name}.parquet").unlink()

    def move_customer(self) -> None:
        """A row that others look at."""
        self.random.choice(self.customers)["country"] = self.random.choice(["FR", "DE", "PL"])
        self.write_customers()

    def close_ticket(self) -> None:
        """A ticket that ends, and a new one."""
        chosen = self.random.choice(self.tickets)
        chosen["closed"] = chosen["opened"] + timedelta(days=self.random.randrange(40))
        self.tickets.append(self.ticket())
        self.write_tickets()

    def edit(self, old: str, new: str) -> None:
        """Other definitions."""
        self.definitions = self.definitions.replace(old, new)
        self.write_definitions()

    # Rows and files ---------------------------------------------------------------------------------------------------

    def order(self, day: date) -> dict[str, Any]:
        """A random order of a day."""
        draw = self.random
        self.number += 1
        return {
            "id": self.number,
            "at": datetime(day.year, day.month, day.day, draw.randrange(24), 30) if draw.random() < 0.97 else None,
            "paid_at": day + timedelta(days=draw.randrange(50)) if draw.random() < 0.8 else None,
            "customer": f"C{draw.randrange(14):04}" if draw.random() < 0.95 else None,
            "channel": draw.choice(CHANNELS),
            "amount": Decimal(draw.randrange(10, 90)) if draw.random() < 0.9 else None,
            "score": draw.choice([0.1, 1e300, -2.5, float("nan"), 7.0, None]) if draw.random() < 0.2 else draw.random(),
        }

    def ticket(self) -> dict[str, Any]:
        """A random ticket."""
        opened = START + timedelta(days=self.random.randrange(90))
        closed = opened + timedelta(days=self.random.randrange(-2, 60)) if self.random.random() < 0.6 else None
        self.number += 1
        return {"id": self.number, "opened": opened, "closed": closed, "topic": self.random.choice(["size", "late"])}

    def write_orders(self, name: str) -> None:
        """One file of orders, in row groups of two rows: many fragments are one unit."""
        schema = pa.schema(
            {
                "id": pa.int64(),
                "at": pa.timestamp("us"),
                "paid_at": pa.date32(),
                "customer": pa.string(),
                "channel": pa.string(),
                "amount": pa.decimal128(12, 2),
                "score": pa.float64(),
            }
        )
        path = self.folder / "orders" / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(self.orders[name], schema), path, row_group_size=2)
        settle(path)

    def write_customers(self) -> None:
        """The file of customers."""
        path = self.folder / "customers.parquet"
        pq.write_table(pa.Table.from_pylist(self.customers), path)
        settle(path)

    def write_tickets(self) -> None:
        """The file of tickets."""
        path = self.folder / "tickets.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ("id", "opened", "closed", "topic"))
            writer.writeheader()
            writer.writerows(self.tickets)
        settle(path)

    def write_definitions(self) -> None:
        """The definitions."""
        (self.folder / "shop.kpi").write_text(self.definitions)


def settle(path: Path) -> None:
    """Give a file a time of change that says nothing."""
    os.utime(path, ns=(LONG_AGO, LONG_AGO))


@dataclass(frozen=True)
class Answer:
    """A table, and what was said beside it, apart from what was read."""

    table: pa.Table
    said: Mapping[str, object]
    stats: RunStats

    @property
    def read(self) -> dict[str, int]:
        """The rows read, by source."""
        return {name: source.rows for name, source in self.stats.sources.items() if source.rows}


def ask(folder: Path, question: Question, store: StateStore | None) -> Answer:
    """The answer of a project in a folder, with the states of a store or without."""
    loaded = replace(pipeline.load(load_config(folder, store=False), {}), store=store)
    assert not loaded.errors, loaded.errors
    prepared = pipeline.prepare(loaded, question, "data")
    table = pipeline.run(prepared)
    return Answer(table, _said(prepared.stats), prepared.stats)


def assert_history_tells_the_same(
    shop: Shop, changes: Sequence[str], asked: Sequence[Question], store: Callable[[], StateStore], seed: int
) -> None:
    """Changes in a random order, and questions after each: what is said with a store is what is said without."""
    order = random.Random(seed).sample(changes, len(changes))
    for change in (None, *order):
        if change is not None:
            getattr(shop, change)()
        for question in asked:
            warm, cold = ask(shop.folder, question, store()), ask(shop.folder, question, None)
            assert warm.table.equals(cold.table), (change, question, warm.table.to_pylist(), cold.table.to_pylist())
            assert warm.said == cold.said


_OF_READING = ("rows", "bytes", "fragments_read", "fragments_pruned", "fragments_kept", "pushdown", "seconds")


def _said(stats: RunStats) -> dict[str, object]:
    sources = {
        name: {key: value for key, value in asdict(source).items() if key not in _OF_READING}
        for name, source in stats.sources.items()
    }
    return {"sources": sources, "notes": stats.notes, "zero": stats.zero_divisions, "partial": stats.partial_periods}


OF_CUSTOMERS = (
    "new_buyers",
    "returned",
    "regulars",
    "ever_twice",
    "idle",
    "basket",
    "typical",
    "dearest",
    "kinds",
    "usual_middle",
    "busiest",
    "by_month",
    "by_customer",
    "french_buyers",
    "open_by_topic",
    "late_payers",
)

EVERYTHING = (
    "revenue",
    "paid",
    "big",
    "buyers",
    "smallest",
    "middle",
    "spread",
    "buyers_28d",
    "growth_rate",
    "repeat",
    "french",
    "again",
    "open_tickets",
    "opened_tickets",
)

QUESTIONS: Sequence[Question] = (
    Question(EVERYTHING, grain="month"),
    Question((*OF_CUSTOMERS, "revenue"), grain="month"),
    Question(("new_buyers", "basket", "kinds", "repeat", "idle"), by=("country",), grain="month"),
    Question(("returned", "dearest", "late_payers"), grain="week", as_of="2026-03-01"),
    Question(("repeat", "regulars", "typical", "by_customer"), by=("channel",), grain="month"),
    Question(EVERYTHING, grain="week", start="2026-01-20", end="2026-03-10"),
    Question(("revenue", "buyers", "middle", "open_tickets"), grain="day", start="2026-02"),
    Question(("revenue", "big", "buyers", "spread"), by=("channel",), grain="month"),
    Question(("revenue", "big", "spread"), grain="month"),
    Question(("paid", "revenue"), grain="quarter"),
    Question(("revenue", "buyers", "again"), by=("channel", "country"), grain="month"),
    Question(("revenue", "french"), grain="month", as_of="2026-02-10T12:00"),
    Question(("revenue", "buyers"), grain="month", where='channel = "ads"'),
    Question(("buyers", "repeat", "opened_tickets"), start="2026-01-10", end="2026-02-20"),
)
