"""Visits: who came, when, from where, on which device, for how long."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, people, timeline
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.people import Customers
from kpi_engine.demo.timeline import Floats
from kpi_engine.ir.dataclass import dataclass

COUNT: Final = 600_000
CHANNELS: Final = ("search", "social", "video", "affiliate", "direct", "email")
PAID_CHANNELS: Final = 4  # the first ones of CHANNELS
_AT_FIRST: Final = np.array([0.33, 0.14, 0.04, 0.09, 0.30, 0.10])
_IN_THE_END: Final = np.array([0.25, 0.22, 0.14, 0.07, 0.22, 0.10])
_UNKNOWN_SHARE: Final = 0.035  # visits whose channel the tracking lost

CAMPAIGNS: Final = ("always on", "brand", "retargeting", "festival", "newsletter")
FESTIVAL: Final = 3
NEWSLETTER: Final = 4
_EVERYDAY: Final = np.array([0.5, 0.3, 0.2])  # of the campaigns that always run

DEVICES: Final = ("phone", "desktop", "tablet")
_DEVICE_SHARES: Final = np.array([0.68, 0.24, 0.08])
_EXPERIMENT_STARTS: Final = 304  # day of the A/B test of the checkout: 1 September 2025


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits in order of time; codes are positions in the lists above, -1 means null."""

    started: Ints
    customer: Ints  # -1: somebody who never registered
    visitor: Ints
    length: Ints  # seconds
    channel: Ints
    campaign: Ints
    device: Ints

    def table(self) -> pa.Table:
        """The table `visits`."""
        variant = np.where(timeline.day_number(self.started) < _EXPERIMENT_STARTS, -1, self.visitor % 2)
        return pa.table(
            {
                "visit_id": columns.numbered("V", np.arange(1, COUNT + 1, dtype=np.int64), 7),
                "started_at": columns.instants(self.started),
                "visitor_id": columns.scattered(self.visitor),
                "visit_number": pa.array(_occurrence(self.visitor)),
                "length": columns.seconds(self.length),
                "channel": columns.words(CHANNELS, self.channel),
                "campaign": columns.words(CAMPAIGNS, self.campaign),
                "device": columns.words(DEVICES, self.device),
                "variant": columns.words(("A", "B"), variant),
            }
        )


def visits(rng: np.random.Generator, customers: Customers) -> Visits:
    """Visits by registered customers and by strangers."""
    started = timeline.moments(rng, COUNT)
    customer = _customers(rng, started, customers)
    channel = _channels(rng, started)
    return Visits(
        started=started,
        customer=customer,
        visitor=_visitors(rng, customer),
        length=(12 - 260 * np.log1p(-rng.random(COUNT))).astype(np.int64),
        channel=channel,
        campaign=_campaigns(rng, started, channel),
        device=timeline.draw(rng, _DEVICE_SHARES, COUNT),
    )


def _customers(rng: np.random.Generator, started: Ints, customers: Customers) -> Ints:
    """The customer of each visit, among those registered by then and by their weights; -1 for strangers."""
    share = 0.2 + 0.42 * np.minimum(timeline.day_number(started) / 120, 1)
    registered = np.searchsorted(customers.first_seen, started, side="right")
    reach = np.concatenate(([0.0], np.cumsum(customers.weight)))
    picked = np.searchsorted(reach, rng.random(COUNT) * reach[registered], side="right") - 1
    known: Mask = (rng.random(COUNT) < share) & (registered > 0)
    return np.where(known, np.minimum(picked, registered - 1), -1).astype(np.int64)


def _visitors(rng: np.random.Generator, customer: Ints) -> Ints:
    """The number of each visit's browser: a customer's own, or one of a stranger who comes a few times."""
    stranger = customer < 0
    order = np.cumsum(stranger) + 2_500 * np.log1p(-rng.random(COUNT))
    number = np.maximum(order * 0.6, 0).astype(np.int64)
    return np.where(stranger, people.COUNT + number, customer)


def _channels(rng: np.random.Generator, started: Ints) -> Ints:
    """The mix of channels moves from search towards social and video."""
    age = timeline.day_number(started) / timeline.DAYS
    late = rng.random(COUNT) < age
    first, last = (timeline.draw(rng, shares, COUNT) for shares in (_AT_FIRST, _IN_THE_END))
    unknown = rng.random(COUNT) < _UNKNOWN_SHARE
    return np.where(unknown, -1, np.where(late, last, first)).astype(np.int64)


def _campaigns(rng: np.random.Generator, started: Ints, channel: Ints) -> Ints:
    """Seven paid visits in ten carry a campaign; in season half of those carry the festival's."""
    season = np.array([timeline.is_campaign_season(day) for day in timeline.calendar()])
    everyday = timeline.draw(rng, _EVERYDAY, COUNT)
    festival = season[timeline.day_number(started)] & (rng.random(COUNT) < 0.5)
    paid = np.where(festival, FESTIVAL, everyday)
    tagged: Mask = (channel >= 0) & (channel < PAID_CHANNELS) & (rng.random(COUNT) < 0.7)
    newsletter = channel == CHANNELS.index("email")
    return np.where(tagged, paid, np.where(newsletter, NEWSLETTER, -1)).astype(np.int64)


def _occurrence(values: Ints) -> Ints:
    """For each row how often its value has occurred so far, counting from 1."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.concatenate((starts, [len(values)])))
    result = np.empty(len(values), dtype=np.int64)
    result[order] = np.arange(len(values)) - np.repeat(starts, sizes) + 1
    return result


def purchase_chance(visits: Visits) -> Floats:
    """The chance that a visit ends with an order."""
    by_channel = np.array([1.0, 0.85, 0.7, 1.05, 1.15, 1.3, 1.0])  # the last one for an unknown channel
    by_device = np.array([0.95, 1.15, 0.95])
    base = np.where(visits.customer >= 0, 0.465, 0.125)
    chance: Floats = base * by_channel[visits.channel] * by_device[visits.device]
    return chance
