"""The rows of a shop, a month at a time: the same on every run, for every layout of files.

Of N orders in three years there are 3 N visits, 1.8 N order lines and N / 20 tickets; N / 10 customers, 1.2 N visitors,
5000 products. Some customers, visitors and products are far more frequent than others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.demo import columns

MONTHS: Final = tuple(dt.date(year, month, 1) for year in (2024, 2025, 2026) for month in range(1, 13))
PRODUCTS: Final = 5000
IDS: Final = ("short", "long")

_SEED: Final = 5
_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
_UTC_OFFSET: Final = 8 * 3600 * _SECOND
_VISITS_PER_ORDER: Final = 3
_ORDERS_PER_CUSTOMER: Final = 10
_ORDERS_PER_TICKET: Final = 20
_VISITORS_PER_ORDER: Final = 1.2
_MOST_LINES: Final = 4
_LINE_SHARES: Final = (0.5, 0.28, 0.14, 0.08)
_CHANNELS: Final = ("search", "social", "video", "affiliate", "direct", "email")
_CHANNEL_SHARES: Final = (0.27, 0.19, 0.10, 0.08, 0.24, 0.09, 0.03)  # the last one: unknown
_STATUSES: Final = ("delivered", "shipped", "cancelled", "test")
_STATUS_SHARES: Final = (0.93, 0.02, 0.046, 0.004)
_SHIPPED: Final = 1
_DEVICES: Final = ("phone", "desktop", "tablet")
_DEVICE_SHARES: Final = (0.68, 0.26, 0.06)
_COUNTRIES: Final = ("CN", "SG", "JP", "MY", "KR", "AU", "US", "DE")
_COUNTRY_SHARES: Final = (0.62, 0.1, 0.08, 0.07, 0.05, 0.04, 0.03, 0.01)
_CATEGORIES: Final = ("toys", "beauty", "kitchen", "sports", "books", "garden", "office", "pets", "fashion", "audio")
_TOPICS: Final = ("delivery", "return", "payment", "product", "account")
_DESKS: Final = ("chat", "mail", "phone")
_CAMPAIGNS: Final = 8
_GUEST_SHARE: Final = 0.08
_ANONYMOUS_SHARE: Final = 0.6
_NO_REPLY_SHARE: Final = 0.03
_NEVER_CLOSED_SHARE: Final = 0.01

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shop:
    """How large the shop is, and whether ids are `short` (C0012345) or `long` (36 characters, no order in them)."""

    orders: int
    ids: str = "short"

    @property
    def customers(self) -> int:
        """Customers at the end of the three years."""
        return max(self.orders // _ORDERS_PER_CUSTOMER, 1)

    def first(self, rows: int, month: dt.date) -> int:
        """The number of a month's first row, of `rows` in three years."""
        return rows * MONTHS.index(month) // len(MONTHS)

    def count(self, rows: int, month: dt.date) -> int:
        """How many of `rows` are a month's."""
        return rows * (MONTHS.index(month) + 1) // len(MONTHS) - self.first(rows, month)

    def named(self, prefix: str, numbers: Ints, width: int, null: Mask | None = None) -> pa.Array:
        """Ids of things, null where `null` is true."""
        return (
            _long_ids(prefix, numbers, null) if self.ids == "long" else columns.numbered(prefix, numbers, width, null)
        )


def orders(shop: Shop, month: dt.date) -> pa.Table:
    """A month's orders, in order of time."""
    rng = _generator("orders", month)
    first, count = shop.first(shop.orders, month), shop.count(shop.orders, month)
    ordered = _order_times(shop, month)
    status = _pick(rng, _STATUS_SHARES, count)
    total = (990 - 24_000 * np.log1p(-rng.random(count))).astype(np.int64)
    cost = (total * (0.5 + 0.35 * rng.random(count))).astype(np.int64)
    delivered = ordered + ((16 - 30 * np.log1p(-rng.random(count))) * 3600).astype(np.int64) * _SECOND
    return pa.table(
        {
            "order_id": shop.named("SO", np.arange(first, first + count, dtype=np.int64), 9),
            "ordered_at": columns.instants(ordered),
            "delivered_at": columns.instants(delivered, status >= _SHIPPED),
            "customer_id": _customer_ids(shop, rng, month, count, _GUEST_SHARE),
            "channel": _words(rng, _CHANNELS, _CHANNEL_SHARES, count),
            "status": columns.words(_STATUSES, status),
            "items": pa.array((1 - 1.2 * np.log1p(-rng.random(count))).astype(np.int64)),
            "total": columns.money(total),
            "cost": columns.money(cost),
        }
    )


def order_lines(shop: Shop, month: dt.date) -> pa.Table:
    """The lines of a month's orders, in order of time."""
    rng = _generator("order_lines", month)
    ordered = _order_times(shop, month)
    lines = _pick(rng, _LINE_SHARES, len(ordered)) + 1
    order = np.repeat(np.arange(len(ordered), dtype=np.int64), lines)
    count = len(order)
    position = np.arange(count, dtype=np.int64) - np.repeat(np.cumsum(lines) - lines, lines)
    number = order + shop.first(shop.orders, month)
    quantity = (1 - 0.7 * np.log1p(-rng.random(count))).astype(np.int64)
    price = (490 - 9_000 * np.log1p(-rng.random(count))).astype(np.int64)
    discount = np.where(rng.random(count) < 0.3, price * quantity // 10, 0)
    return pa.table(
        {
            "line_id": shop.named("L", number * _MOST_LINES + position, 11),
            "ordered_at": columns.instants(ordered[order]),
            "order_id": shop.named("SO", number, 9),
            "product_id": columns.numbered("P", (PRODUCTS * rng.random(count) ** 2).astype(np.int64), 5),
            "quantity": pa.array(quantity),
            "price": columns.money(price),
            "amount": columns.money(price * quantity - discount),
            "discount": columns.money(discount),
        }
    )


def visits(shop: Shop, month: dt.date) -> pa.Table:
    """A month's visits, in order of time; of most of them the customer is not known."""
    rng = _generator("visits", month)
    rows = shop.orders * _VISITS_PER_ORDER
    first, count = shop.first(rows, month), shop.count(rows, month)
    visitor = _visitors(shop, rng, month, count)
    return pa.table(
        {
            "visit_id": shop.named("V", np.arange(first, first + count, dtype=np.int64), 10),
            "visited_at": columns.instants(_times(rng, month, count)),
            "visitor_id": _long_ids("W", visitor, None) if shop.ids == "long" else columns.scattered(visitor),
            "customer_id": _customer_ids(shop, rng, month, count, _ANONYMOUS_SHARE),
            "channel": _words(rng, _CHANNELS, _CHANNEL_SHARES, count),
            "device": _words(rng, _DEVICES, _DEVICE_SHARES, count),
            "pages": pa.array((1 - 3 * np.log1p(-rng.random(count))).astype(np.int64)),
        }
    )


def tickets(shop: Shop, month: dt.date) -> pa.Table:
    """The tickets opened in a month, in order of time; some are never answered, some never closed."""
    rng = _generator("tickets", month)
    rows = max(shop.orders // _ORDERS_PER_TICKET, len(MONTHS))
    first, count = shop.first(rows, month), shop.count(rows, month)
    opened = _times(rng, month, count)
    replied = opened + (-9_000 * np.log1p(-rng.random(count))).astype(np.int64) * _SECOND
    closed = replied + (-260_000 * np.log1p(-rng.random(count))).astype(np.int64) * _SECOND
    return pa.table(
        {
            "ticket_id": shop.named("T", np.arange(first, first + count, dtype=np.int64), 8),
            "opened_at": columns.instants(opened),
            "first_reply_at": columns.instants(replied, rng.random(count) < _NO_REPLY_SHARE),
            "closed_at": columns.instants(closed, rng.random(count) < _NEVER_CLOSED_SHARE),
            "customer_id": _customer_ids(shop, rng, month, count, 0.0),
            "desk": _words(rng, _DESKS, (0.5, 0.35, 0.15), count),
            "topic": _words(rng, _TOPICS, (0.35, 0.25, 0.15, 0.15, 0.1), count),
        }
    )


def ad_spend(shop: Shop, month: dt.date) -> pa.Table:
    """What each campaign of a channel cost on each day of a month; as many rows for a shop of any size."""
    rng = _generator("ad_spend", month)
    start, stop = _local_days(month)
    cells = len(_CHANNELS) * _CAMPAIGNS
    count = (stop - start) * cells
    impressions = (shop.orders / 2000 * -np.log1p(-rng.random(count))).astype(np.int64) + 10
    clicks = (impressions * 0.04 * rng.random(count)).astype(np.int64)
    cell = np.tile(np.arange(cells, dtype=np.int64), stop - start)
    return pa.table(
        {
            "day": columns.days(np.repeat(np.arange(start, stop, dtype=np.int64), cells)),
            "channel": columns.words(_CHANNELS, cell // _CAMPAIGNS),
            "campaign": columns.words([f"campaign {number + 1}" for number in range(_CAMPAIGNS)], cell % _CAMPAIGNS),
            "cost": columns.money((clicks * (40 + 60 * rng.random(count))).astype(np.int64)),
            "impressions": pa.array(impressions),
            "clicks": pa.array(clicks),
        }
    )


def customers(shop: Shop) -> pa.Table:
    """All customers, in the order in which they registered."""
    rng = np.random.Generator(np.random.PCG64([_SEED, 100]))
    numbers = np.arange(shop.customers, dtype=np.int64)
    start, stop = _local_days(MONTHS[0])[0], _local_days(MONTHS[-1])[1]
    registered = start * _DAY + np.sort(rng.random(shop.customers) * (stop - start) * _DAY).astype(np.int64)
    return pa.table(
        {
            "customer_id": shop.named("C", numbers, 7),
            "registered_at": columns.instants(registered - _UTC_OFFSET),
            "country": _words(rng, _COUNTRIES, _COUNTRY_SHARES, shop.customers),
        }
    )


def products() -> pa.Table:
    """All products."""
    numbers = np.arange(PRODUCTS, dtype=np.int64)
    return pa.table(
        {
            "product_id": columns.numbered("P", numbers, 5),
            "category": columns.words(_CATEGORIES, numbers * 7919 % len(_CATEGORIES)),
            "brand": columns.numbered("brand ", numbers * 104_729 % 200, 3),
        }
    )


FACTS: Final[dict[str, tuple[str, Callable[[Shop, dt.date], pa.Table]]]] = {
    "orders": ("ordered_at", orders),
    "order_lines": ("ordered_at", order_lines),
    "visits": ("visited_at", visits),
    "tickets": ("opened_at", tickets),
    "ad_spend": ("day", ad_spend),
}
"""Each table with files by time: its column of time, and the rows of a month."""


def local_day(times: pa.ChunkedArray) -> Ints:
    """The local day of each time, or of each date, in days since 1970."""
    values = times.combine_chunks()
    if pa.types.is_date32(values.type):
        found: Ints = values.cast(pa.int32()).to_numpy().astype(np.int64)
    else:
        found = (values.cast(pa.int64()).to_numpy() + _UTC_OFFSET) // _DAY
    return found


def _generator(table: str, month: dt.date) -> np.random.Generator:
    number = ("orders", "order_times", "order_lines", "visits", "tickets", "ad_spend").index(table)
    return np.random.Generator(np.random.PCG64([_SEED, number, month.year, month.month]))


def _order_times(shop: Shop, month: dt.date) -> Ints:
    """The instants of a month's orders, which its lines share."""
    return _times(_generator("order_times", month), month, shop.count(shop.orders, month))


def _times(rng: np.random.Generator, month: dt.date, count: int) -> Ints:
    """Instants within the local month (Asia/Shanghai), in order, in microseconds UTC."""
    start, stop = _local_days(month)
    found: Ints = np.sort(start * _DAY - _UTC_OFFSET + (rng.random(count) * (stop - start) * _DAY).astype(np.int64))
    return found


def _local_days(month: dt.date) -> tuple[int, int]:
    """The days since 1970 on which a month and the one after it begin."""
    following = dt.date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return (month - dt.date(1970, 1, 1)).days, (following - dt.date(1970, 1, 1)).days


def _customer_ids(shop: Shop, rng: np.random.Generator, month: dt.date, count: int, unknown: float) -> pa.Array:
    """Customers of whom a few are very frequent; the shop has a quarter of them in the first month, all in the last."""
    known = max(shop.customers * (MONTHS.index(month) + 12) // (len(MONTHS) + 11), 1)
    numbers = (known * rng.random(count) ** 2).astype(np.int64)
    return shop.named("C", numbers, 7, rng.random(count) < unknown)


def _visitors(shop: Shop, rng: np.random.Generator, month: dt.date, count: int) -> Ints:
    """Visitors come and go: those of one month are an eighth of all, some far more frequent than others."""
    everybody = shop.orders * _VISITORS_PER_ORDER
    first = everybody * MONTHS.index(month) / (len(MONTHS) + 4)
    return (first + everybody * 5 / (len(MONTHS) + 4) * rng.random(count) ** 1.5).astype(np.int64)


def _words(rng: np.random.Generator, names: tuple[str, ...], shares: tuple[float, ...], count: int) -> pa.Array:
    """Names as often as their shares; a share more than there are names is of nulls."""
    picked = _pick(rng, shares, count)
    return columns.words(names, np.where(picked < len(names), picked, -1))


def _pick(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> Ints:
    """Positions in `shares`, each as likely as its share."""
    edges = np.cumsum(shares)
    picked = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    within: Ints = np.minimum(picked, len(shares) - 1).astype(np.int64)
    return within


def _long_ids(prefix: str, numbers: Ints, null: Mask | None) -> pa.Array:
    """Ids of 36 characters in the form of a UUID, a different one for each number of one prefix."""
    tail = columns.scattered(numbers)
    head = pc.utf8_slice_codeunits(columns.scattered(numbers * 7 + ord(prefix[0])), 0, 8)
    middle = pc.utf8_slice_codeunits(tail, 0, 3)
    ids = pc.binary_join_element_wise(head, "-4", middle, "-8", middle, "-9", middle, "-", tail, "")
    return ids if null is None else pc.if_else(pa.array(null), pa.scalar(None, pa.string()), ids)
