"""Events of a web shop, a compressed file of JSON a day, as an analytics service exports them.

Instants are texts of microseconds, what an event is about is a list of keys and values of which each value fills one of
three fields, things bought are a list of structs, prices are numbers here and texts there. Structs, lists and keys are
missing or null, some events arrive twice (the later one has corrected values), and people are a Parquet file with maps.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FIRST = dt.date(2026, 9, 7)
DAYS = 28
AS_OF = "2026-10-05"
USERS = 150
DEVICES: list[dict[str, Any] | None] = [
    {"category": "mobile", "web_info": {"browser": "Chrome"}},
    {"category": "mobile", "web_info": {"browser": "Safari"}},
    {"category": "desktop", "web_info": None},
    {"category": "desktop"},
    None,
]
PRICES = {"S1": "9.90", "S2": "24.50", "S3": "3.05", "S4": "120"}
CATEGORIES = {"S1": "cups", "S2": "pots", "S3": "cups", "S4": None}


def write(folder: Path) -> None:
    """Write `events-2026-09-07.jsonl.gz`, ... and `users.parquet` into a folder."""
    choose = random.Random(4)
    number = 0
    for day in (FIRST + dt.timedelta(days=each) for each in range(DAYS)):
        events: list[dict[str, Any]] = []
        for _ in range(choose.randrange(25, 45)):
            events += _session(choose, day, number)
            number += 1
        again = [_corrected(event) for event in events if choose.random() < 0.05]
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in [*again, *events])
        with gzip.GzipFile(folder / f"events-{day}.jsonl.gz", "wb", mtime=0) as file:
            file.write(lines.encode())
    _write_users(folder / "users.parquet")


def _session(choose: random.Random, day: dt.date, number: int) -> list[dict[str, Any]]:
    """The events of one visit."""
    user, device = f"U{int(USERS * choose.random() ** 1.5):03}.17", choose.choice(DEVICES)
    at = dt.datetime.combine(day, dt.time(choose.randrange(24), choose.randrange(60)), dt.UTC)
    names = ["session_start", "page_view"]
    for _ in range(choose.randrange(4)):
        names.append(choose.choice(["page_view", "view_item", "scroll"]))
    if "view_item" in names and choose.random() < 0.6:
        names += ["add_to_cart", "begin_checkout"][: choose.randrange(1, 3)]
        names += ["purchase"] * (choose.random() < 0.6)
    found = []
    medium = choose.choice([{"medium": "cpc", "name": "herbst"}, {"medium": "organic"}, {"medium": None}, None])
    for place, name in enumerate(names):
        at += dt.timedelta(microseconds=choose.randrange(1, 400_000_000))
        event: dict[str, Any] = {
            "event_id": f"{number}-{place}",
            "event_name": name,
            "event_timestamp": str(int(at.timestamp()) * 1_000_000 + at.microsecond),
            "ingested": f"{at:%Y-%m-%dT%H:%M:%S}Z",
            "user_pseudo_id": user,
            "event_params": _parameters(choose, number, name),
            "device": device,
            "traffic_source": medium,
            "items": _items(choose, name),
        }
        if name == "purchase":
            total = sum(Decimal(PRICES[item["item_id"]]) * (item["quantity"] or 0) for item in event["items"] or [])
            event["ecommerce"] = {"purchase_revenue": float(total), "transaction_id": f"T{number}"}
        found.append({key: each for key, each in event.items() if key != "device" or each is not None})
    return found


def _parameters(choose: random.Random, session: int, name: str) -> list[dict[str, Any] | None]:
    found: list[dict[str, Any] | None] = [
        {"key": "ga_session_id", "value": {"string_value": None, "int_value": session, "double_value": None}},
        {"key": "engagement_time_msec", "value": {"int_value": choose.randrange(60_000)}},
    ]
    if name == "page_view":
        page = choose.choice(["/", "/topf/größe", "/sale?x=1", "/sale"])
        found.insert(0, {"key": "page_location", "value": {"string_value": f"https://shop.example{page}"}})
    return found if choose.random() < 0.97 else [None, *found[-1:]]


def _items(choose: random.Random, name: str) -> list[dict[str, Any]] | None:
    if name not in ("view_item", "add_to_cart", "purchase"):
        return choose.choice([[], None])
    found = []
    for sku in choose.sample(sorted(PRICES), choose.randrange(1, 4)):
        price: str | float = PRICES[sku] if choose.random() < 0.3 else float(PRICES[sku])
        item: dict[str, Any] = {"item_id": sku, "price": price, "quantity": choose.choice([1, 1, 2, None])}
        if CATEGORIES[sku]:
            item["item_category"] = CATEGORIES[sku]
        found.append(item)
    return found


def _corrected(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as it arrived later, when the shop knew its items."""
    items = [{**item, "quantity": (item["quantity"] or 0) + 1} for item in event["items"] or []]
    return {**event, "ingested": "2026-10-04T23:59:59Z", "items": items or event["items"]}


def _write_users(file: Path) -> None:
    """People with properties in a map; a few who came have no row, and one row has no properties."""
    ids = [f"U{number:03}.17" for number in range(0, USERS, 1) if number % 13]
    properties = [
        None if number == 5 else [("plan", "pro" if number % 3 else "free"), ("city", "Köln" if number % 2 else "Bonn")]
        for number, _ in enumerate(ids)
    ]
    columns = {"user_id": ids, "properties": pa.array(properties, pa.map_(pa.string(), pa.string()))}
    pq.write_table(pa.table(columns), file)
