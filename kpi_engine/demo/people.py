"""Customers: who registered when, where they live, and how often each comes back."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, timeline
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.timeline import Floats
from kpi_engine.ir.dataclass import dataclass

COUNT: Final = 20_000
COUNTRIES: Final = ("CN", "HK", "TW", "SG", "MY", "JP", "US")
_SHARES: Final = (0.72, 0.08, 0.07, 0.04, 0.04, 0.03, 0.02)
_HEAVIEST: Final = 400.0  # times the visits of the lightest customer
_OPENING_DAYS: Final = 14  # the opening offer brought many registrations


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers in the order of registration; customer `i` has the id C(i+1)."""

    first_seen: Ints
    country: Ints
    loyal: Mask
    weight: Floats

    def table(self) -> pa.Table:
        """The table `customers`."""
        return pa.table(
            {
                "customer_id": ids(np.arange(COUNT, dtype=np.int64)),
                "first_seen_at": columns.instants(self.first_seen),
                "country": columns.words(COUNTRIES, self.country),
                "loyalty_member": pa.array(self.loyal),
            }
        )


def ids(customer: Ints, null: Mask | None = None) -> pa.Array:
    """The id of each customer; null where `null` is true."""
    return columns.numbered("C", customer + 1, 5, null)


def customers(rng: np.random.Generator) -> Customers:
    """Registrations follow the traffic; a few customers are very heavy, and heavy ones tend to be members."""
    opening = np.ones(timeline.DAYS)
    opening[:_OPENING_DAYS] = 8.0
    weight = np.minimum(np.power(1 - rng.random(COUNT), -1 / 1.3), _HEAVIEST)
    return Customers(
        first_seen=timeline.moments(rng, COUNT, opening),
        country=timeline.draw(rng, np.array(_SHARES), COUNT),
        loyal=rng.random(COUNT) < np.minimum(0.12 + 0.05 * weight, 0.9),
        weight=weight,
    )
