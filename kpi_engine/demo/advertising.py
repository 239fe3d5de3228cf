"""Advertising: what each campaign cost a day, its clicks, and the orders that its visits made."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, timeline, traffic
from kpi_engine.demo.columns import Ints
from kpi_engine.demo.sales import CANCELLED, Orders
from kpi_engine.demo.traffic import Visits

_CENTS_PER_CLICK: Final = np.array([2_300, 1_700, 950, 1_300])  # by paid channel
_CAMPAIGNS: Final = traffic.NEWSLETTER  # the campaigns that are paid for
_CELLS: Final = timeline.DAYS * traffic.PAID_CHANNELS * _CAMPAIGNS


def ad_spend(rng: np.random.Generator, visits: Visits, orders: Orders) -> pa.Table:
    """The table `ad_spend`: one row per day, paid channel and running campaign."""
    of_visit = _cell(visits)
    of_order = of_visit[orders.visit]
    sold = (orders.status < CANCELLED) & ~orders.mistyped & (of_order >= 0)
    tracked = _per_cell(of_visit[of_visit >= 0])
    # Some who click never arrive, so that clicks exceed the tracked visits.
    clicks = (tracked * (1.05 + 0.2 * rng.random(_CELLS))).astype(np.int64) + 1
    bought = _per_cell(of_order[sold])
    amount = _per_cell(of_order[sold], orders.total[sold])

    cell = np.arange(_CELLS, dtype=np.int64)
    day, channel, campaign = _parts(cell)
    price = _CENTS_PER_CLICK[channel] * (0.85 + 0.3 * rng.random(_CELLS))
    season = np.array([timeline.is_campaign_season(each) for each in timeline.calendar()])
    runs = (campaign != traffic.FESTIVAL) | season[day]
    return pa.table(
        {
            "day": columns.days(day[runs] + timeline.OPENED_DAY),
            "channel": columns.words(traffic.CHANNELS, channel[runs]),
            "campaign": columns.words(traffic.CAMPAIGNS, campaign[runs]),
            "cost": columns.money((clicks * price).astype(np.int64)[runs]),
            "clicks": pa.array(clicks[runs]),
            "attributed_revenue": columns.money(amount[runs]),
            "attributed_orders": pa.array(bought[runs]),
        }
    )


def _cell(visits: Visits) -> Ints:
    """The (day, channel, campaign) of each visit as one number; -1 where nothing was paid for it."""
    paid = (visits.channel >= 0) & (visits.channel < traffic.PAID_CHANNELS) & (visits.campaign >= 0)
    day = timeline.day_number(visits.started)
    number = (day * traffic.PAID_CHANNELS + visits.channel) * _CAMPAIGNS + visits.campaign
    return np.where(paid, number, -1)


def _parts(cell: Ints) -> tuple[Ints, Ints, Ints]:
    """Day, channel and campaign of a cell."""
    rest, campaign = np.divmod(cell, _CAMPAIGNS)
    day, channel = np.divmod(rest, traffic.PAID_CHANNELS)
    return day, channel, campaign


def _per_cell(cell: Ints, amounts: Ints | None = None) -> Ints:
    """Rows, or the sum of the amounts, of each cell; far below 2**53, so that a double holds it exactly."""
    return np.bincount(cell, weights=amounts, minlength=_CELLS).astype(np.int64)
