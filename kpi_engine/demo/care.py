"""Customer care: tickets and the messages in them.

Some tickets stay open for months, some were never answered, a few are to be closed on a day to come, and a few rows
are broken: without an opening, or closed before they were opened.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, people, timeline
from kpi_engine.demo.columns import Ints, Mask
from kpi_engine.demo.people import Customers
from kpi_engine.ir.dataclass import dataclass

_TICKETS: Final = 14_000
CHANNELS: Final = ("email", "chat", "phone")
_CHANNEL_SHARES: Final = np.array([0.45, 0.40, 0.15])
_REPLY_HOURS: Final = np.array([5.0, 0.06, 0.4])
TOPICS: Final = ("delivery", "product", "payment", "return", "account")
_TOPIC_SHARES: Final = np.array([0.36, 0.24, 0.10, 0.22, 0.08])
_SCHEDULED: Final = 6  # the last open tickets, to be closed in November 2026
_NEVER_OPENED: Final = 5
_CLOSED_BEFORE: Final = 10
_MESSAGES: Final = np.array([0.20, 0.25, 0.22, 0.15, 0.10, 0.08])  # 1, 2, ... per ticket


@dataclass(frozen=True, slots=True)
class Tickets:
    """Tickets in order of time; `replied` and `closed` are 0 where it did not happen."""

    opened: Ints
    replied: Ints
    closed: Ints
    customer: Ints  # -1: unknown
    channel: Ints
    topic: Ints
    escalated: Mask
    unsure: Mask

    def table(self) -> pa.Table:
        """The table `tickets`."""
        opened, closed = self._written()
        return pa.table(
            {
                "ticket_id": ids(np.arange(_TICKETS, dtype=np.int64)),
                "opened_at": columns.instants(opened, opened == 0),
                "first_reply_at": columns.instants(self.replied, self.replied == 0),
                "closed_at": columns.instants(closed, closed == 0),
                "customer_id": people.ids(self.customer, self.customer < 0),
                "channel": columns.words(CHANNELS, self.channel),
                "topic": columns.words(TOPICS, self.topic),
                "escalated": columns.booleans(self.escalated, self.unsure),
            }
        )

    def _written(self) -> tuple[Ints, Ints]:
        """Openings and closings as they stand in the data."""
        opened, closed = self.opened.copy(), self.closed.copy()
        closed[np.linspace(500, _TICKETS - 500, _CLOSED_BEFORE).astype(np.int64)] = timeline.OPENED_AT
        opened[np.linspace(900, _TICKETS - 900, _NEVER_OPENED).astype(np.int64)] = 0
        last_open = np.flatnonzero(closed == 0)[-_SCHEDULED:]
        closed[last_open] = timeline.ENDS_AT + (1 + np.arange(_SCHEDULED)) * timeline.DAY
        return opened, closed


def ids(ticket: Ints, null: Mask | None = None) -> pa.Array:
    """The id of each ticket; null where `null` is true."""
    return columns.numbered("T", ticket + 1, 5, null)


def tickets(rng: np.random.Generator, customers: Customers) -> Tickets:
    """Tickets of customers and of strangers."""
    opened = timeline.moments(rng, _TICKETS)
    channel = timeline.draw(rng, _CHANNEL_SHARES, _TICKETS)
    topic = timeline.draw(rng, _TOPIC_SHARES, _TICKETS)
    replied = opened + _hours(rng, _TICKETS) * _REPLY_HOURS[channel]
    slow = rng.random(_TICKETS) < 0.015
    closed = replied + _hours(rng, _TICKETS) * np.where(slow, 2_400.0, 30.0)
    unanswered = rng.random(_TICKETS) < 0.03
    left_open = rng.random(_TICKETS) < np.where(unanswered, 0.5, 0.01)
    known = np.searchsorted(customers.first_seen, opened, side="right")
    customer = (rng.random(_TICKETS) * known).astype(np.int64)
    return Tickets(
        opened=opened,
        replied=_until_the_end(replied, unanswered),
        closed=_until_the_end(closed, left_open),
        customer=np.where((rng.random(_TICKETS) < 0.85) & (known > 0), customer, -1),
        channel=channel,
        topic=topic,
        escalated=rng.random(_TICKETS) < np.where(slow, 0.5, 0.05),
        unsure=rng.random(_TICKETS) < 0.004,
    )


def messages(rng: np.random.Generator, tickets: Tickets) -> pa.Table:
    """The table `messages`: what was written in the tickets, mostly by way of the ticket's own channel."""
    sizes = timeline.draw(rng, _MESSAGES, _TICKETS) + 1
    ticket = np.repeat(np.arange(_TICKETS), sizes)
    count = len(ticket)
    until = np.where(tickets.closed == 0, tickets.opened + 2 * timeline.DAY, tickets.closed)[ticket]
    opened = tickets.opened[ticket]
    received = opened + (rng.random(count) * ((until - opened) // timeline.SECOND)).astype(np.int64) * timeline.SECOND
    received = np.minimum(received, timeline.ENDS_AT - timeline.SECOND)
    order = np.argsort(received, kind="stable")
    elsewhere = rng.random(count) < 0.08
    channel = np.where(elsewhere, timeline.draw(rng, _CHANNEL_SHARES, count), tickets.channel[ticket])
    return pa.table(
        {
            "message_id": columns.numbered("G", np.arange(1, count + 1, dtype=np.int64), 6),
            "received_at": columns.instants(received[order]),
            "ticket_id": ids(ticket[order], rng.random(count) < 0.01),
            "channel": columns.words(CHANNELS, channel[order]),
            "inbound": columns.booleans(rng.random(count) < 0.58, rng.random(count) < 0.003),
        }
    )


def _hours(rng: np.random.Generator, count: int) -> timeline.Floats:
    """Lengths with a mean of one hour, in microseconds."""
    hours: timeline.Floats = -np.log1p(-rng.random(count)) * timeline.HOUR
    return hours


def _until_the_end(at: timeline.Floats, never: Mask) -> Ints:
    """Whole seconds, 0 for what never happened or had not yet happened when the data ended."""
    seconds = at.astype(np.int64) // timeline.SECOND * timeline.SECOND
    return np.where(never | (seconds >= timeline.ENDS_AT), 0, seconds)
