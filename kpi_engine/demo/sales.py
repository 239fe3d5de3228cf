"""Orders and their lines, made from the visits that bought.

The blemishes of real data are here on purpose: guests without a customer, cancelled and test orders, parcels
that never arrived or are announced for after the data's end, rows that were loaded with the next month's file,
and a handful of orders whose year was typed as 2062 instead of 2026.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import assortment, columns, people, timeline, traffic
from kpi_engine.demo.assortment import Products
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.people import Customers
from kpi_engine.demo.traffic import Visits
from kpi_engine.ir.dataclass import dataclass

STATUSES: Final = ("delivered", "shipped", "cancelled", "test")
DELIVERED, SHIPPED, CANCELLED, TEST = range(4)
_STATUS_SHARES: Final = np.array([0.945, 0.012, 0.04, 0.003])
_REFUSED_SHARE: Final = 0.03  # cancelled orders that had already reached the door
_ANNOUNCED_UNTIL: Final = timeline.ENDS_AT + 3 * timeline.DAY

_LINES_PER_ORDER: Final = np.array([0.50, 0.28, 0.13, 0.06, 0.03])
_QUANTITIES: Final = np.array([0.80, 0.14, 0.05, 0.01])
_FREE_SHIPPING_FROM: Final = 9_900  # cents
_SHIPPING_FEE: Final = 1_000
_SHIPPING_COST: Final = 650

_MISTYPED: Final = 24
YEARS_2026_TO_2062: Final = 13_149 * timeline.DAY


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders in order of time; amounts in cents, `delivered` is 0 where there is no delivery."""

    ordered: Ints
    delivered: Ints
    visit: Ints
    status: Ints
    total: Ints
    cost: Ints
    mistyped: Mask

    def table(self, visits: Visits) -> pa.Table:
        """The table `orders`."""
        customer = visits.customer[self.visit]
        return pa.table(
            {
                "order_id": ids(np.arange(len(self.ordered), dtype=np.int64)),
                "ordered_at": columns.instants(self.written_time()),
                "delivered_at": columns.instants(self.delivered, self.delivered == 0),
                "customer_id": people.ids(customer, customer < 0),
                "visitor_id": columns.scattered(visits.visitor[self.visit]),
                "channel": columns.words(traffic.CHANNELS, visits.channel[self.visit]),
                "status": columns.words(STATUSES, self.status),
                "total": columns.money(self.total),
                "cost": columns.money(self.cost),
            }
        )

    def written_time(self) -> Ints:
        """The time that stands in the data: some have a wrong year."""
        return self.ordered + np.where(self.mistyped, YEARS_2026_TO_2062, 0)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in the order of their orders; amounts in cents."""

    order: Ints
    product: Ints
    quantity: Ints
    price: Ints
    unit_cost: Ints

    def table(self, ordered: Ints) -> pa.Table:
        """The table `order_lines`; `ordered` is the written time of each order."""
        return pa.table(
            {
                "line_id": columns.numbered("L", np.arange(1, len(self.order) + 1, dtype=np.int64), 7),
                "ordered_at": columns.instants(ordered[self.order]),
                "order_id": ids(self.order),
                "product_id": assortment.ids(self.product),
                "quantity": pa.array(self.quantity),
                "price": columns.money(self.price),
                "unit_cost": columns.money(self.unit_cost),
            }
        )


def ids(order: Ints, null: Mask | None = None) -> pa.Array:
    """The id of each order; null where `null` is true."""
    return columns.numbered("SO", order + 1, 8, null)


def sales(rng: np.random.Generator, visits: Visits, customers: Customers, products: Products) -> tuple[Orders, Lines]:
    """Every visit that buys becomes an order with one to five lines."""
    visit, ordered = _purchases(rng, visits)
    lines = _lines(rng, ordered, products)
    starts = np.searchsorted(lines.order, np.arange(len(ordered)))
    goods = np.add.reduceat(lines.price * lines.quantity, starts)
    goods_cost = np.add.reduceat(lines.unit_cost * lines.quantity, starts)
    status, delivered = _deliveries(rng, ordered, customers, visits.customer[visit])
    mistyped = _mistyped(ordered, status)
    orders = Orders(
        ordered=ordered,
        delivered=np.where(mistyped, 0, delivered),
        visit=visit,
        status=np.where(mistyped, SHIPPED, status),
        total=goods + np.where(goods < _FREE_SHIPPING_FROM, _SHIPPING_FEE, 0),
        cost=goods_cost + _SHIPPING_COST,
        mistyped=mistyped,
    )
    return orders, lines


def _purchases(rng: np.random.Generator, visits: Visits) -> tuple[Ints, Ints]:
    """The visits that buy and the instant of the purchase, in order of that instant."""
    visit = np.flatnonzero(rng.random(traffic.COUNT) < traffic.purchase_chance(visits))
    within = (rng.random(len(visit)) * visits.length[visit]).astype(np.int64) * timeline.SECOND
    ordered = np.minimum(visits.started[visit] + within, timeline.ENDS_AT - timeline.SECOND)
    order = np.argsort(ordered, kind="stable")
    return visit[order], ordered[order]


def _lines(rng: np.random.Generator, ordered: Ints, products: Products) -> Lines:
    """What was bought: popular products more often, cheaper on festival days."""
    sizes = timeline.draw(rng, _LINES_PER_ORDER, len(ordered)) + 1
    order = np.repeat(np.arange(len(ordered)), sizes)
    product = timeline.draw(rng, products.popularity, len(order))
    busy = np.array([timeline.festival(day) > 1 for day in timeline.calendar()])
    discount = np.where(busy[timeline.day_number(ordered)][order], 85, 100)
    return Lines(
        order=order,
        product=product,
        quantity=timeline.draw(rng, _QUANTITIES, len(order)) + 1,
        price=products.price[product] * discount // 100,
        unit_cost=products.cost[product],
    )


def _deliveries(rng: np.random.Generator, ordered: Ints, customers: Customers, customer: Ints) -> tuple[Ints, Ints]:
    """The status of each order and the instant of its delivery (0: none).

    Parcels abroad and of festival days take longer. The carrier announces deliveries up to three days ahead.
    """
    count = len(ordered)
    status = timeline.draw(rng, _STATUS_SHARES, count)
    abroad = (customer >= 0) & (customers.country[customer] != 0)
    busy = np.array([timeline.festival(day) for day in timeline.calendar()])[timeline.day_number(ordered)]
    hours = (14 - 21 * np.log1p(-rng.random(count))) * np.where(busy > 1, 1.5, 1.0) + np.where(abroad, 52.0, 0.0)
    arrives = ordered + (hours * 3600).astype(np.int64) * timeline.SECOND
    refused = (status == CANCELLED) & (rng.random(count) < _REFUSED_SHARE)
    known = ((status == DELIVERED) | refused) & (arrives < _ANNOUNCED_UNTIL)
    pending = (status == DELIVERED) & (arrives >= timeline.ENDS_AT)
    return np.where(pending, SHIPPED, status), np.where(known, arrives, 0)


def _mistyped(ordered: Ints, status: Ints) -> Mask:
    """A few shipped-looking orders of 2026, spread over its months, whose year was typed wrong."""
    year_2026 = timeline.OPENED_AT + (timeline.DAYS - 304) * timeline.DAY
    candidates = np.flatnonzero((ordered >= year_2026) & (status == DELIVERED))
    mask = np.zeros(len(ordered), dtype=np.bool_)
    mask[candidates[:: len(candidates) // _MISTYPED][:_MISTYPED]] = True
    return mask
