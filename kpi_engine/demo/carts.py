"""Carts: what was collected, what of it reached the checkout, and which order each became.

Most carts become an order within minutes. Some wait for days, some serve two orders, some were written a moment
after their order, many are left behind; one order in twelve was made without a cart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, timeline, traffic
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.sales import Orders
from kpi_engine.demo.timeline import Floats
from kpi_engine.demo.traffic import Visits
from kpi_engine.ir.dataclass import dataclass

_ORDERS_WITH_CART: Final = 0.92
_WAITING_SHARE: Final = 0.05  # of the orders with a cart
_SHARED_SHARE: Final = 0.3  # of the orders that follow another one of the visitor within a day
_LEFT_SHARE: Final = 0.3  # of the visits that do not buy
_LEFT_AT_CHECKOUT: Final = 0.35
_EXPRESS_SHARE: Final = 0.02  # orders that skip the checkout page


@dataclass(frozen=True, slots=True)
class Carts:
    """Carts in order of time; `checkout` is 0 where none was reached."""

    created: Ints
    checkout: Ints
    visit: Ints

    def table(self, visits: Visits) -> pa.Table:
        """The table `carts`."""
        return pa.table(
            {
                "cart_id": ids(np.arange(len(self.created), dtype=np.int64)),
                "created_at": columns.instants(self.created),
                "checkout_at": columns.instants(self.checkout, self.checkout == 0),
                "visitor_id": columns.scattered(visits.visitor[self.visit]),
                "device": columns.words(traffic.DEVICES, visits.device[self.visit]),
            }
        )


def ids(cart: Ints) -> pa.Array:
    """The id of each cart; null where the number is negative."""
    return columns.numbered("K", np.maximum(cart, -1) + 1, 7, cart < 0)


def carts(rng: np.random.Generator, visits: Visits, orders: Orders) -> tuple[Carts, Ints]:
    """The carts, and the number of each order's cart (-1: none)."""
    bought, owner = _of_orders(rng, visits, orders)
    left = _left_visits(rng, visits, orders)
    created = np.concatenate((_created(rng, visits, orders, bought), _during(rng, visits, left)))
    visit = np.concatenate((orders.visit[bought], left))
    checkout = np.concatenate((_checkout(rng, orders, bought, created), _left_checkout(rng, created[len(bought) :])))
    order = np.argsort(created, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    cart_of_order = np.where(owner < 0, -1, number[owner])
    return Carts(created[order], checkout[order], visit[order]), cart_of_order


def _of_orders(rng: np.random.Generator, visits: Visits, orders: Orders) -> tuple[Ints, Ints]:
    """The orders that open a cart, and for each order the position of its cart among these, -1 for none."""
    count = len(orders.ordered)
    has_cart = rng.random(count) < _ORDERS_WITH_CART
    visitor = visits.visitor[orders.visit]
    by_visitor = np.lexsort((orders.ordered, visitor))
    earlier, later = by_visitor[:-1], by_visitor[1:]
    soon = (visitor[earlier] == visitor[later]) & (orders.ordered[later] - orders.ordered[earlier] < timeline.DAY)
    shares = np.zeros(count, dtype=np.bool_)
    shares[later[soon & has_cart[earlier]]] = True
    shares &= rng.random(count) < _SHARED_SHARE
    # A cart serves two orders at most: its owner must not itself have taken another's.
    before = np.full(count, -1, dtype=np.int64)
    before[later] = earlier
    shares &= ~shares[before]
    opens = has_cart & ~shares
    position = np.cumsum(opens) - 1
    owner = np.where(opens, position, np.where(shares & opens[before], position[before], -1))
    return np.flatnonzero(opens), owner


def _created(rng: np.random.Generator, visits: Visits, orders: Orders, bought: Ints) -> Ints:
    """When the carts of orders were opened: during the visit, or days before."""
    ordered = orders.ordered[bought]
    started = visits.started[orders.visit[bought]]
    created = started + _part(rng.random(len(bought)), np.maximum(ordered - started, 0))
    waiting = rng.random(len(bought)) < _WAITING_SHARE
    days_before = ordered - (timeline.DAY * (0.2 + 3.8 * rng.random(len(bought)))).astype(np.int64)
    created = np.where(waiting, days_before // timeline.SECOND * timeline.SECOND, created)
    created[::997] = ordered[::997] - timeline.DAY  # to the second a day before
    created[1::499] = ordered[1::499]  # in the second of the order
    created[2::499] = ordered[2::499] + 30 * timeline.SECOND  # written after it
    in_time: Ints = np.clip(created, timeline.OPENED_AT, timeline.ENDS_AT - timeline.SECOND)
    return in_time


def _checkout(rng: np.random.Generator, orders: Orders, bought: Ints, created: Ints) -> Ints:
    """When the carts of orders reached the checkout, 0 for those that skipped it."""
    begun = created[: len(bought)]
    reached = begun + _part(rng.random(len(bought)), np.maximum(orders.ordered[bought] - begun, 0))
    return np.where(rng.random(len(bought)) < _EXPRESS_SHARE, 0, reached)


def _left_visits(rng: np.random.Generator, visits: Visits, orders: Orders) -> Ints:
    """The visits that leave a cart behind: some of those without an order."""
    buys = np.zeros(traffic.COUNT, dtype=np.bool_)
    buys[orders.visit] = True
    leaves: Mask = ~buys & (rng.random(traffic.COUNT) < _LEFT_SHARE)
    return np.flatnonzero(leaves)


def _during(rng: np.random.Generator, visits: Visits, visit: Ints) -> Ints:
    """An instant during each visit."""
    at = visits.started[visit] + _part(rng.random(len(visit)), visits.length[visit] * timeline.SECOND)
    in_time: Ints = np.minimum(at, timeline.ENDS_AT - timeline.SECOND)
    return in_time


def _left_checkout(rng: np.random.Generator, created: Ints) -> Ints:
    """When carts that were left behind reached the checkout, mostly never."""
    reached = created + (rng.random(len(created)) * 1200).astype(np.int64) * timeline.SECOND
    return np.where(rng.random(len(created)) < _LEFT_AT_CHECKOUT, reached, 0)


def _part(share: Floats, length: Ints) -> Ints:
    """A part of a length in microseconds, to the second."""
    return (share * (length // timeline.SECOND)).astype(np.int64) * timeline.SECOND
