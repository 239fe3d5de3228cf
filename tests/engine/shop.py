"""A small shop with everything that makes numbers go wrong: nulls, duplicates, strangers, clock changes, month ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
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


def _optional(values: st.SearchStrategy[Any], nulls: int = 1) -> st.SearchStrategy[Any]:
    return st.one_of(*[st.none()] * nulls, *[values] * 4)


DAYS = st.sampled_from(
    [
        *(date(2018, month, 1) - timedelta(days=back) for month in range(2, 13) for back in (0, 1, 2)),
        date(2018, 1, 1),
        date(2018, 1, 2),
        date(2018, 3, 11),
        date(2018, 3, 25),
        date(2018, 4, 1),
        date(2018, 10, 7),
        date(2018, 10, 28),
        date(2018, 11, 3),
        date(2018, 11, 4),
        date(2018, 11, 5),
        date(2018, 12, 30),
        date(2018, 12, 31),
        date(2019, 1, 1),
        date(2019, 2, 28),
    ]
)
"""Month ends, year ends, and the days on which one of the zones changes its clock."""

CLOCKS = st.sampled_from(
    [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=1, minutes=30),
        timedelta(hours=2),
        timedelta(hours=2, minutes=30),
        timedelta(hours=12),
        timedelta(days=1, microseconds=-1),
    ]
)


def _moments(zone: str, naive: bool) -> st.SearchStrategy[datetime]:
    wall = st.builds(lambda day, clock: datetime.combine(day, datetime.min.time()) + clock, DAYS, CLOCKS)
    if naive:
        return wall
    place = ZoneInfo(zone)
    folds = st.sampled_from([0, 1])
    return st.builds(lambda moment, fold: moment.replace(tzinfo=place, fold=fold).astimezone(UTC), wall, folds)


def cents(least: int = -300, most: int = 3000) -> st.SearchStrategy[Decimal]:
    """Small amounts of money."""
    return st.integers(least, most).map(lambda each: Decimal(each) / 100)


CHANNELS = st.sampled_from(["web", "shop", "fax"])
VISITORS = st.sampled_from(["a", "b", "c", "d"])
WEIGHTS = st.sampled_from([0.0, -0.0, 0.1, 0.2, 0.7, 1.5, 1e10, float("nan"), float("inf")])


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """Shops of all zones and settings."""
    zone = draw(st.sampled_from(ZONES))
    naive = draw(st.booleans())
    source_zone = draw(st.sampled_from([None, *ZONES])) if naive else None
    orders = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "at": _optional(_moments(zone, naive)),
                    "customer": _optional(st.integers(1, 5)),
                    "visitor": _optional(VISITORS),
                    "channel": _optional(CHANNELS),
                    "amount": _optional(cents()),
                    "cost": _optional(st.integers(0, 9999).map(lambda each: Decimal(each) / 1000)),
                    "quantity": _optional(st.integers(-2, 9)),
                    "weight": _optional(WEIGHTS),
                    "delivered": _optional(DAYS),
                }
            ),
            max_size=14,
        )
    )
    visit = {
        "day": _optional(DAYS),
        "visitor": _optional(VISITORS),
        "channel": _optional(CHANNELS),
        "pages": _optional(st.integers(0, 9)),
        "score": _optional(WEIGHTS),
    }
    line = {"order": _optional(st.integers(0, 9)), "units": _optional(st.integers(0, 5)), "price": _optional(cents(0))}
    customers = draw(
        st.lists(st.tuples(_optional(st.sampled_from(["de", "jp", "xx"])), _optional(st.booleans())), max_size=4)
    )
    rows: dict[str, Rows] = {
        "countries": [{"code": "de", "continent": "Europe"}, {"code": "jp", "continent": "Asia"}],
        "customers": [{"id": n, "country": country, "vip": vip} for n, (country, vip) in enumerate(customers, 1)],
        "orders": [{"id": number, **order} for number, order in enumerate(orders)],
        "visits": draw(st.lists(st.fixed_dictionaries(visit), max_size=10)),
        "lines": draw(st.lists(st.fixed_dictionaries(line), max_size=10)),
    }
    definitions = DEFINITIONS.format(
        zone=zone,
        week_starts=draw(st.sampled_from(["monday", "sunday", "saturday"])),
        fiscal=draw(st.sampled_from(["january", "april", "october"])),
        orders=_lines(
            f'timezone: "{source_zone}"' if source_zone else "",
            draw(st.sampled_from(["", "", "late: 3 days", "watermark: 2018-11-20", "late: 36 hours"])),
            draw(st.sampled_from(["", "", "where: quantity is not null", "where: amount > 0 or channel is null"])),
            draw(st.sampled_from(["", "", "", "starts: 2018-01-01"])),
        ),
        visits=_lines(draw(st.sampled_from(["", "", "late: 1 week", "watermark: 2018-12-01"]))),
    )
    return Shop(definitions, rows, naive)


def _lines(*properties: str) -> str:
    return "\n".join(f"  {each}" for each in properties if each)
