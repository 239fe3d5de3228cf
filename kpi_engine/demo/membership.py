"""What people join and leave: subscriptions, the loyalty programme, the newsletter.

A row is a lifetime: it begins, and it ends or is open. Many subscriptions begin or end at the midnight of a first of
the month, some have been cancelled for a day to come, and a few rows are broken: without a beginning, or ended
before they began.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, people, timeline
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.people import Customers
from kpi_engine.demo.timeline import Floats
from kpi_engine.ir.dataclass import dataclass

_SUBSCRIPTIONS: Final = 3_000
_SUBSCRIPTIONS_FROM: Final = 92  # day: 1 February 2025
PLANS: Final = ("plus", "family")
_READERS: Final = 9_000
_EARLY_READERS: Final = 60  # in October 2024, before the shop opened
FORMS: Final = ("footer", "checkout", "popup")
_KNOWN_AHEAD: Final = 40 * timeline.DAY  # ends are announced up to then
_FIRSTS: Final = np.array([at for at, day in enumerate(timeline.calendar()) if day.day == 1] + [timeline.DAYS])


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Beginnings and ends; 0 where there is none."""

    begins: Ints
    ends: Ints

    def columns(self, begins: str, ends: str) -> dict[str, pa.Array]:
        """Both as columns."""
        return {
            begins: columns.instants(self.begins, self.begins == 0),
            ends: columns.instants(self.ends, self.ends == 0),
        }


def subscriptions(rng: np.random.Generator, customers: Customers) -> pa.Table:
    """The table `subscriptions`."""
    begins = timeline.moments(rng, _SUBSCRIPTIONS, _from_day(_SUBSCRIPTIONS_FROM))
    customer = _registered(rng, customers, begins)
    begins[5:2700:150] = _next_first(begins[5:2700:150])
    leaves = rng.random(_SUBSCRIPTIONS) < 0.75
    ends = begins + _days(rng, _SUBSCRIPTIONS, 170)
    at_month_end = rng.random(_SUBSCRIPTIONS) < 0.6
    ends = np.where(at_month_end & (ends < timeline.ENDS_AT), _next_first(ends), ends)
    ends[40::1400] = begins[40::1400]  # cancelled in the same second
    lifetimes = _blemished(begins, np.where(leaves | (ends == begins), ends, 0), 12, 9)
    return pa.table(
        {
            "subscription_id": columns.numbered("S", np.arange(1, _SUBSCRIPTIONS + 1, dtype=np.int64), 5),
            **lifetimes.columns("started_at", "ended_at"),
            "customer_id": people.ids(customer, rng.random(_SUBSCRIPTIONS) < 0.01),
            "plan": columns.words(PLANS, timeline.draw(rng, np.array([0.7, 0.3]), _SUBSCRIPTIONS)),
        }
    )


def loyalty(rng: np.random.Generator, customers: Customers) -> pa.Table:
    """The table `loyalty`: one row per member, most of whom joined soon after they registered."""
    joined = customers.first_seen + _days(rng, people.COUNT, 12)
    member = np.flatnonzero(customers.loyal & (joined < timeline.ENDS_AT))
    begins = joined[member]
    leaves = rng.random(len(member)) < 0.2
    lifetimes = _blemished(begins, np.where(leaves, begins + _days(rng, len(member), 220), 0), 7, 5)
    return pa.table(
        {
            "member_id": columns.numbered("M", np.arange(1, len(member) + 1, dtype=np.int64), 5),
            **lifetimes.columns("joined_at", "left_at"),
            "customer_id": people.ids(member),
        }
    )


def newsletter(rng: np.random.Generator) -> pa.Table:
    """The table `newsletter`: one row per subscription to it."""
    begins = timeline.moments(rng, _READERS)
    early = (rng.random(_EARLY_READERS) * 25 * 86_400).astype(np.int64) * timeline.SECOND
    begins[:_EARLY_READERS] = np.sort(timeline.OPENED_AT - 26 * timeline.DAY + early)
    leaves = rng.random(_READERS) < 0.45
    lifetimes = _blemished(begins, np.where(leaves, begins + _days(rng, _READERS, 190), 0), 20, 15)
    return pa.table(
        {
            "subscriber_id": columns.numbered("N", np.arange(1, _READERS + 1, dtype=np.int64), 5),
            **lifetimes.columns("subscribed_at", "unsubscribed_at"),
            "form": columns.words(FORMS, timeline.draw(rng, np.array([0.3, 0.5, 0.2]), _READERS)),
        }
    )


def _blemished(begins: Ints, ends: Ints, without_beginning: int, ended_before: int) -> Lifetimes:
    """The lifetimes as the data knows them: far ends are not yet announced, and some rows are broken."""
    count = len(begins)
    known = np.where(ends < timeline.ENDS_AT + _KNOWN_AHEAD, ends, 0)
    lost = np.linspace(0.1 * count, 0.9 * count, without_beginning).astype(np.int64)
    turned = np.linspace(0.15 * count, 0.95 * count, ended_before).astype(np.int64) + 1
    known[turned] = begins[turned] - 9 * timeline.DAY
    kept = begins.copy()
    kept[lost] = 0
    return Lifetimes(kept, known)


def _registered(rng: np.random.Generator, customers: Customers, at: Ints) -> Ints:
    """A customer for each instant, among those registered by then."""
    known: Ints = np.searchsorted(customers.first_seen, at, side="right")
    return (rng.random(len(at)) * known).astype(np.int64)


def _next_first(at: Ints) -> Ints:
    """The local midnight of the first of the month that follows each instant, no later than the data's end."""
    day = np.minimum(timeline.day_number(at), timeline.DAYS - 1)
    midnight: Ints = timeline.OPENED_AT + _FIRSTS[np.searchsorted(_FIRSTS, day, side="right")] * timeline.DAY
    return midnight


def _days(rng: np.random.Generator, count: int, mean: float) -> Ints:
    """Lengths with the given mean in days, to the second."""
    return (-np.log1p(-rng.random(count)) * mean * 86_400).astype(np.int64) * timeline.SECOND


def _from_day(day: int) -> Floats:
    """No demand before a day, the usual one from it on."""
    factors: Mask = np.arange(timeline.DAYS) >= day
    return factors.astype(np.float64)
