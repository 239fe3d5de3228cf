"""Outreach: newsletters sent, the place in search results, posts in social networks, and what else winning costs."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, timeline
from kpi_engine.demo.columns import Ints

_THURSDAYS: Final = np.arange(20, timeline.DAYS, 7, dtype=np.int64)  # the first e-mail went out after three weeks
_FIRST_AUDIENCE: Final = 250
_LAST_AUDIENCE: Final = 900
KINDS: Final = ("offer", "digest", "service")

_WORDS: Final = ("gift", "tea", "teapot", "lamp", "desk lamp", "headphones", "speaker", "sneakers", "rain jacket",
                 "tent", "sleeping bag", "face cream", "shampoo", "rice cooker", "blanket", "puzzle", "building set",
                 "backpack", "camping stove", "perfume")  # fmt: skip
NETWORKS: Final = ("weibo", "douyin", "xiaohongshu")
_POST_EVERY: Final = np.array([2, 3, 4])  # days, by network
_POST_LIVES: Final = 10  # days
_OUTAGE: Final = range(400, 404)  # days on which one network did not report comments

COST_KINDS: Final = ("salaries", "agency", "tools")
_MONTHLY_CENTS: Final = np.array([6_200_000, 1_800_000, 450_000])


def emails(rng: np.random.Generator) -> pa.Table:
    """The table `emails`: every Thursday one to each reader, of whom some open it and some of these click."""
    sizes = np.linspace(_FIRST_AUDIENCE, _LAST_AUDIENCE, len(_THURSDAYS)).astype(np.int64)
    count = int(sizes.sum())
    mailing = np.repeat(np.arange(len(_THURSDAYS)), sizes)
    minutes = (rng.random(count) * 90).astype(np.int64) * 60 * timeline.SECOND
    sent = timeline.OPENED_AT + _THURSDAYS[mailing] * timeline.DAY + 10 * timeline.HOUR + minutes
    kind = mailing % 4 // 2 + (rng.random(count) < 0.1)
    arrives = rng.random(count)
    delivered, unknown = arrives < 0.965, arrives > 0.995
    interest = np.array([0.26, 0.34, 0.55])[kind]
    opens = (arrives < 0.97) & (rng.random(count) < interest)  # a few that were said to have bounced are opened
    clicks = opens & (rng.random(count) < 0.22)
    opened = sent + _later(rng, count, 9)
    clicked = opened + _later(rng, count, 0.2)
    return pa.table(
        {
            "message_id": columns.numbered("E", np.arange(1, count + 1, dtype=np.int64), 7),
            "sent_at": columns.instants(sent),
            "kind": columns.words(KINDS, kind),
            "delivered": columns.booleans(delivered, unknown),
            "opened_at": columns.instants(opened, ~opens),
            "clicked_at": columns.instants(clicked, ~clicks),
        }
    )


def search_rank(rng: np.random.Generator) -> pa.Table:
    """The table `search_rank`: one row per day and keyword; a keyword nobody looked for has no position."""
    days = np.arange(timeline.DAYS, dtype=np.int64)
    day, word = (part.ravel() for part in np.meshgrid(days, np.arange(len(_WORDS)), indexing="ij"))
    count = len(day)
    wanted = np.array([900, 300, 80, 200, 60, 700, 400, 650, 90, 120, 70, 350, 300, 160, 140, 110, 100, 260, 14, 5])
    impressions = (-np.log1p(-rng.random(count)) * wanted[word] * timeline.demand()[day]).astype(np.int64)
    better = 1 - 0.45 * day / timeline.DAYS
    tenths = (10 + (20 + word * 17 % 90) * 2 * better * (0.8 + 0.4 * rng.random(count))).astype(np.int64)
    return pa.table(
        {
            "day": columns.days(day + timeline.OPENED_DAY),
            "keyword": columns.words(_WORDS, word),
            "impressions": pa.array(impressions),
            "position": columns.decimals(tenths, 5, 1, impressions == 0),
        }
    )


def social(rng: np.random.Generator) -> pa.Table:
    """The table `social`: one row per post and day of its short life."""
    post_network, post_day = _posts()
    post = np.repeat(np.arange(len(post_day)), _POST_LIVES)
    age = np.tile(np.arange(_POST_LIVES), len(post_day))
    day = post_day[post] + age
    running = day < timeline.DAYS
    post, age, day = post[running], age[running], day[running]
    network = post_network[post]
    reach = (4_000 - 2_500 * np.log1p(-rng.random(len(post_day))))[post] * np.power(0.6, age)
    impressions = (reach * (0.7 + 0.6 * day / timeline.DAYS)).astype(np.int64)
    silent = np.isin(day, _OUTAGE) & (network == 1)
    return pa.table(
        {
            "day": columns.days(day + timeline.OPENED_DAY),
            "post_id": columns.numbered("B", post + 1, 4),
            "network": columns.words(NETWORKS, network),
            "impressions": pa.array(impressions),
            "likes": pa.array(_reactions(rng, impressions, 0.041)),
            "comments": columns.integers(_reactions(rng, impressions, 0.006), silent),
            "shares": pa.array(_reactions(rng, impressions, 0.004)),
            "clicks": pa.array(_reactions(rng, impressions, 0.013)),
        }
    )


def acquisition_costs(rng: np.random.Generator) -> pa.Table:
    """The table `acquisition_costs`: what is booked on the 25th of each month, and one credit note."""
    booked = np.array([at for at, day in enumerate(timeline.calendar()) if day.day == 25], dtype=np.int64)
    month, kind = (part.ravel() for part in np.meshgrid(np.arange(len(booked)), np.arange(3), indexing="ij"))
    grown = _MONTHLY_CENTS[kind] * (100 + month) // 100
    amount = (grown * (0.97 + 0.06 * rng.random(len(month)))).astype(np.int64)
    month, kind = np.append(month, 13), np.append(kind, 1)
    return pa.table(
        {
            "cost_id": columns.numbered("AC", np.arange(1, len(month) + 1, dtype=np.int64), 4),
            "booked_on": columns.days(booked[month] + timeline.OPENED_DAY),
            "kind": columns.words(COST_KINDS, kind),
            "amount": columns.money(np.append(amount, -250_000)),
        }
    )


def _posts() -> tuple[Ints, Ints]:
    """Network and day of each post, in order of the day."""
    networks = [np.full(len(range(0, timeline.DAYS, every)), at) for at, every in enumerate(_POST_EVERY)]
    days = [np.arange(0, timeline.DAYS, every) for every in _POST_EVERY]
    network, day = np.concatenate(networks), np.concatenate(days)
    order = np.argsort(day, kind="stable")
    return network[order], day[order]


def _reactions(rng: np.random.Generator, impressions: Ints, share: float) -> Ints:
    """About that share of the impressions."""
    return (impressions * share * (0.5 + rng.random(len(impressions)))).astype(np.int64)


def _later(rng: np.random.Generator, count: int, mean: float) -> Ints:
    """Lengths with the given mean in hours, to the second."""
    return (-np.log1p(-rng.random(count)) * mean * 3600).astype(np.int64) * timeline.SECOND
