"""The rows of a market: nulls, duplicates, strangers, and times around the change of a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

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
    "visits": {
        "visit": "integer", "at": "moment", "visitor": "text", "customer": "integer", "channel": "text",
        "pages": "integer",
    },
    "lines": {"order": "integer", "day": "date", "product": "text", "units": "integer", "price": "decimal"},
    "stock": {"day": "date", "product": "text", "held": "integer", "value": "decimal"},
    "subs": {"begun": "moment", "gone": "moment", "customer": "integer", "plan": "text", "fee": "integer"},
    "updates": {"at": "moment", "ticket": "text", "state": "text", "effort": "integer"},
    "calls": {"at": "moment", "email": "text", "minutes": "integer"},
    "budgets": {"month": "date", "channel": "text", "budget": "integer"},
    "accounts": {"account": "integer", "opened": "date", "changed": "date", "balance": "integer"},
}  # fmt: skip


def rows_of(settings: Settings, name: str) -> Rows:
    """The rows of a source; fewer of them are the first of more."""
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
