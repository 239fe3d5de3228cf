"""Products: their category, brand, list price and cost."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, timeline
from kpi_engine.demo.columns import Ints
from kpi_engine.demo.timeline import Floats
from kpi_engine.ir.dataclass import dataclass

COUNT: Final = 300
CATEGORIES: Final = ("beauty", "electronics", "fashion", "groceries", "home", "outdoor", "toys")
_TYPICAL_PRICE: Final = np.array([8_900, 45_900, 15_900, 3_900, 12_900, 21_900, 6_900])  # cents
_COST_SHARE: Final = np.array([0.45, 0.80, 0.52, 0.72, 0.60, 0.58, 0.55])
BRANDS: Final = ("Aoki", "Bluegate", "Cang", "Dune", "Emberly", "Fenghe", "Gaia", "Hanami", "Ilex", "Juniper")


@dataclass(frozen=True, slots=True)
class Products:
    """Products in the order of their ids; amounts in cents."""

    category: Ints
    brand: Ints
    price: Ints
    cost: Ints
    popularity: Floats

    def table(self) -> pa.Table:
        """The table `products`."""
        return pa.table(
            {
                "product_id": ids(np.arange(COUNT, dtype=np.int64)),
                "category": columns.words(CATEGORIES, self.category),
                "brand": columns.words(BRANDS, self.brand),
            }
        )


def ids(product: Ints) -> pa.Array:
    """The id of each product."""
    return columns.numbered("P", product + 1, 3)


def products(rng: np.random.Generator) -> Products:
    """Prices spread around the typical one of the category; a few products sell most."""
    category = timeline.draw(rng, np.ones(len(CATEGORIES)), COUNT)
    list_price = _TYPICAL_PRICE[category] * (0.4 + 1.6 * rng.random(COUNT))
    price = (list_price.astype(np.int64) // 100) * 100 + 90
    share = _COST_SHARE[category] * (0.9 + 0.2 * rng.random(COUNT))
    return Products(
        category=category,
        brand=timeline.draw(rng, np.ones(len(BRANDS)), COUNT),
        price=price,
        cost=(price * share).astype(np.int64),
        popularity=1 / (5 + np.argsort(rng.random(COUNT))),
    )
