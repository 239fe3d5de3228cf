"""Prices: our list and what competitors ask for the same products, both noted down every Monday."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import assortment, columns, timeline
from kpi_engine.demo.assortment import Products
from kpi_engine.demo.columns import Ints

_MONDAYS: Final = np.arange(3, timeline.DAYS, 7, dtype=np.int64)  # the shop opened on a Friday
_LISTED: Final = np.arange(0, 240, 2, dtype=np.int64)
_WATCHED: Final = np.arange(0, assortment.COUNT, 3, dtype=np.int64)  # every second of these is not in our list
_WATCHED_FROM: Final = 4  # the fifth Monday
COMPETITORS: Final = ("Alder", "Birch", "Cedar")
_LEVELS: Final = np.array([0.97, 1.02, 1.08])  # of each competitor's prices to ours
_NOT_FOUND_SHARE: Final = 0.08  # no row
_SOLD_OUT_SHARE: Final = 0.04  # a row without a price
_MATCHED_SHARE: Final = 0.05  # to the cent our price


def price_list(products: Products) -> pa.Table:
    """The table `price_list`: one row per Monday and listed product."""
    monday, product = (part.ravel() for part in np.meshgrid(_MONDAYS, _LISTED, indexing="ij"))
    return pa.table(
        {
            "day": columns.days(monday + timeline.OPENED_DAY),
            "product_id": assortment.ids(product),
            "price": columns.money(_price(products, monday, product)),
        }
    )


def competitor_prices(rng: np.random.Generator, products: Products) -> pa.Table:
    """The table `competitor_prices`: one row per Monday, watched product and competitor that had it."""
    cells = np.meshgrid(_MONDAYS[_WATCHED_FROM:], _WATCHED, np.arange(len(COMPETITORS)), indexing="ij")
    monday, product, competitor = (part.ravel() for part in cells)
    count = len(monday)
    ours = _price(products, monday, product)
    contested = 0.94 + 0.2 * (product * 37 % 97) / 97  # some products are sold below our price, some nowhere
    asked = (ours * _LEVELS[competitor] * contested * (0.96 + 0.08 * rng.random(count))).astype(np.int64) // 10 * 10
    asked = np.where(rng.random(count) < _MATCHED_SHARE, ours, np.maximum(asked, 100))
    sold_out = rng.random(count) < _SOLD_OUT_SHARE
    found = rng.random(count) >= _NOT_FOUND_SHARE
    return pa.table(
        {
            "day": columns.days(monday[found] + timeline.OPENED_DAY),
            "product_id": assortment.ids(product[found]),
            "competitor": columns.words(COMPETITORS, competitor[found]),
            "price": columns.decimals(asked[found], 12, 2, sold_out[found]),
        }
    )


def _price(products: Products, day: Ints, product: Ints) -> Ints:
    """Our price in cents: a step up every half year, at different times for different products."""
    steps = (day + product * 7 % 180) // 180
    return products.price[product] * (100 + 2 * steps) // 100
