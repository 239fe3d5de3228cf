"""The warehouse: the stock of each day, and what came back.

The stock has a report a day since 18 November 2024, with the gaps of real reports: one was lost, two were loaded
only in part (one of them at the end of a month), one item was delisted, one listed later, some counts are missing
and two are below zero.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import assortment, columns, sales, timeline
from kpi_engine.demo.assortment import Products
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.sales import CANCELLED, DELIVERED, TEST, Orders

_ITEMS: Final = np.arange(0, assortment.COUNT, 5, dtype=np.int64)  # the products kept in the shop's own warehouse
_REPORTS_FROM: Final = dt.date(2024, 11, 18)
_LOST: Final = dt.date(2025, 9, 30)
_PARTLY_LOADED: Final = (dt.date(2025, 6, 30), dt.date(2026, 3, 11))
_LOADED_ITEMS: Final = 6
_DELISTED: Final = 7, dt.date(2025, 8, 16)
_LISTED: Final = 12, dt.date(2025, 2, 3)
_DEARER_FROM: Final = dt.date(2025, 10, 1)

_RETURNED_SHARE: Final = 0.065
_SECOND_RETURN_SHARE: Final = 0.06
_UNKNOWN_PARCELS: Final = 0.004
_UNDER_REVIEW_SHARE: Final = 0.02


def stock(rng: np.random.Generator, products: Products) -> pa.Table:
    """The table `stock`: one row per day and product in the warehouse."""
    levels = _levels(rng, products)
    days = np.arange(timeline.DAYS, dtype=np.int64)
    day, item = (part.ravel() for part in np.meshgrid(days, np.arange(len(_ITEMS)), indexing="ij"))
    there = _reported(day, item)
    day, item, on_hand = day[there], item[there], levels.ravel()[there]
    on_hand[5_003::14_000] = -2
    cost = products.cost[_ITEMS[item]]
    return pa.table(
        {
            "day": columns.days(day + timeline.OPENED_DAY),
            "product_id": assortment.ids(_ITEMS[item]),
            "on_hand": columns.integers(on_hand, np.arange(len(day)) % 8_501 == 77),
            "unit_cost": columns.money(np.where(day < _number(_DEARER_FROM), cost, cost * 104 // 100)),
        }
    )


def _levels(rng: np.random.Generator, products: Products) -> Ints:
    """What is on hand in the evening of each day (days x items): sold by popularity, filled up now and then."""
    pace = products.popularity[_ITEMS] / products.popularity.mean() * 2.5
    full = (pace * 45).astype(np.int64) + 20
    demand = timeline.demand() / timeline.demand().mean()
    levels = np.empty((timeline.DAYS, len(_ITEMS)), dtype=np.int64)
    level = full.copy()
    for day in range(timeline.DAYS):
        sold = (-np.log1p(-rng.random(len(_ITEMS))) * pace * demand[day]).astype(np.int64)
        arrives = (level * 3 < full) & (rng.random(len(_ITEMS)) < 0.07)
        level = np.where(arrives, full, np.maximum(level - sold, 0))
        levels[day] = level
    return levels


def _reported(day: Ints, item: Ints) -> Mask:
    """Which days and items stand in the reports."""
    delisted, last = _DELISTED
    listed, first = _LISTED
    there: Mask = (day >= _number(_REPORTS_FROM)) & (day != _number(_LOST))
    there &= (item != delisted) | (day < _number(last))
    there &= (item != listed) | (day >= _number(first))
    for partly in _PARTLY_LOADED:
        there &= (day != _number(partly)) | (item < _LOADED_ITEMS)
    return there


def _number(day: dt.date) -> int:
    """The day counted from the opening."""
    return (day - timeline.OPENED).days


def returns(rng: np.random.Generator, orders: Orders) -> pa.Table:
    """The table `returns`: parcels that came back, some orders in two of them, some without a known order."""
    sent = (orders.delivered > 0) & (orders.status != TEST) & (orders.delivered < timeline.ENDS_AT)
    back = np.flatnonzero(sent & (rng.random(len(sent)) < _RETURNED_SHARE))
    twice = back[rng.random(len(back)) < _SECOND_RETURN_SHARE]
    order = np.concatenate((back, twice))
    hours = 6 - 96 * np.log1p(-rng.random(len(order)))
    requested = orders.delivered[order] + (hours * 3600).astype(np.int64) * timeline.SECOND
    in_time = requested < timeline.ENDS_AT
    order, requested = order[in_time], requested[in_time]
    by_time = np.argsort(requested, kind="stable")
    order, requested = order[by_time], requested[by_time]
    share = np.where(rng.random(len(order)) < 0.7, 1.0, 0.2 + 0.6 * rng.random(len(order)))
    refused = orders.status[order] == CANCELLED
    undecided = (rng.random(len(order)) < _UNDER_REVIEW_SHARE) & (orders.status[order] == DELIVERED)
    unknown = rng.random(len(order)) < _UNKNOWN_PARCELS
    return pa.table(
        {
            "return_id": columns.numbered("R", np.arange(1, len(order) + 1, dtype=np.int64), 6),
            "requested_at": columns.instants(requested),
            "order_id": sales.ids(order, unknown),
            "refund": columns.decimals(
                np.where(refused, orders.total[order], (orders.total[order] * share).astype(np.int64)),
                12,
                2,
                undecided,
            ),
        }
    )
