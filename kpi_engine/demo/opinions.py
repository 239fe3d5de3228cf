"""Opinions: product reviews, answers to "would you recommend us?" and to "are you satisfied?".

Half of the invited never answer: their row has an invitation and nothing else. Some answer without a score, some
with -1 for "cannot say".
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import assortment, columns, people, timeline
from kpi_engine.demo.assortment import Products
from kpi_engine.demo.columns import Ints
from kpi_engine.demo.people import Customers
from kpi_engine.demo.timeline import Floats

_REVIEWS: Final = 14_000
_HALF_STARS: Final = np.array([0.03, 0.01, 0.03, 0.02, 0.06, 0.05, 0.16, 0.16, 0.48])  # 1, 1.5, ... 5

_INVITED: Final = 18_000
_INVITED_FROM: Final = 33  # day: early December 2024
_ANSWERED_SHARE: Final = 0.47
NPS_TOUCHPOINTS: Final = ("purchase", "delivery", "support")
THEMES: Final = ("delivery", "price", "quality", "service", "website")
_SCORES: Final = np.array([2, 1, 1, 2, 2, 5, 6, 13, 22, 22, 24]) / 100  # 0, 1, ... 10
_LATER_SCORES: Final = np.array([1, 1, 1, 1, 1, 4, 4, 10, 19, 25, 33]) / 100

_SATISFACTION: Final = 9_000
CSAT_TOUCHPOINTS: Final = ("checkout", "delivery", "chat")
_STARS: Final = np.array([0.06, 0.07, 0.14, 0.33, 0.40])
COMMENTS: Final = (
    "Fast and friendly",
    "Came late",
    "Parcel was damaged",
    "Great price",
    "Could not pay by card",
    "好评",
)

YEARS: Final = (2024, 2025, 2026)
INDUSTRIES: Final = ("department stores", "online retail", "speciality retail")
_BENCHMARKS: Final = ((31, 42, 36), (33, 44, 35), (32, 46, 38))  # a year each


def reviews(rng: np.random.Generator, products: Products) -> pa.Table:
    """The table `reviews`: written mostly about what sells most; a few have words but no stars."""
    half_stars = timeline.draw(rng, _HALF_STARS, _REVIEWS)
    return pa.table(
        {
            "review_id": columns.numbered("RV", np.arange(1, _REVIEWS + 1, dtype=np.int64), 5),
            "created_at": columns.instants(timeline.moments(rng, _REVIEWS)),
            "product_id": assortment.ids(timeline.draw(rng, products.popularity, _REVIEWS)),
            "rating": columns.decimals(10 + 5 * half_stars, 2, 1, rng.random(_REVIEWS) < 0.03),
        }
    )


def nps_answers(rng: np.random.Generator, customers: Customers) -> pa.Table:
    """The table `nps_answers`: one row per invitation."""
    invited = timeline.moments(rng, _INVITED, _from_day(_INVITED_FROM))
    known = np.searchsorted(customers.first_seen, invited, side="right")
    customer = (rng.random(_INVITED) * known).astype(np.int64)
    hours = -np.log1p(-rng.random(_INVITED)) * 30
    answered = invited + (hours * 3600).astype(np.int64) * timeline.SECOND
    silent = (rng.random(_INVITED) >= _ANSWERED_SHARE) | (answered >= timeline.ENDS_AT)
    no_score = silent | (rng.random(_INVITED) < 0.01)
    no_theme = silent | (rng.random(_INVITED) < 0.25)
    return pa.table(
        {
            "answer_id": columns.numbered("A", np.arange(1, _INVITED + 1, dtype=np.int64), 6),
            "invited_at": columns.instants(invited),
            "answered_at": columns.instants(answered, silent),
            "customer_id": people.ids(customer, rng.random(_INVITED) < 0.1),
            "touchpoint": columns.words(NPS_TOUCHPOINTS, timeline.draw(rng, np.array([0.5, 0.35, 0.15]), _INVITED)),
            "theme": columns.words(THEMES, np.where(no_theme, -1, _themes(rng, _INVITED))),
            "score": columns.integers(_scores(rng, invited), no_score),
        }
    )


def _scores(rng: np.random.Generator, invited: Ints) -> Ints:
    """Better ones as the shop grows up; -1 for those who cannot say."""
    first, later = (timeline.draw(rng, shares, _INVITED) for shares in (_SCORES, _LATER_SCORES))
    grown_up = rng.random(_INVITED) < timeline.day_number(invited) / timeline.DAYS
    cannot_say = rng.random(_INVITED) < 0.006
    return np.where(cannot_say, -1, np.where(grown_up, later, first))


def csat_answers(rng: np.random.Generator) -> pa.Table:
    """The table `csat_answers`: one row per answer; one in three has a comment."""
    answered = timeline.moments(rng, _SATISFACTION)
    theme = _themes(rng, _SATISFACTION)
    comment = timeline.draw(rng, np.array([5, 4, 2, 3, 1, 3.0]), _SATISFACTION)
    return pa.table(
        {
            "answer_id": columns.numbered("Q", np.arange(1, _SATISFACTION + 1, dtype=np.int64), 5),
            "answered_at": columns.instants(answered),
            "touchpoint": columns.words(CSAT_TOUCHPOINTS, timeline.draw(rng, np.ones(3), _SATISFACTION)),
            "theme": columns.words(THEMES, np.where(rng.random(_SATISFACTION) < 0.15, -1, theme)),
            "score": columns.integers(timeline.draw(rng, _STARS, _SATISFACTION) + 1, rng.random(_SATISFACTION) < 0.02),
            "comment": columns.words(COMMENTS, np.where(rng.random(_SATISFACTION) < 0.35, comment, -1)),
        }
    )


def nps_benchmarks() -> pa.Table:
    """The table `nps_benchmarks`: one row per year and industry, as published."""
    rows = [(year, name, nps) for year, line in zip(YEARS, _BENCHMARKS, strict=True)
            for name, nps in zip(INDUSTRIES, line, strict=True)]  # fmt: skip
    years, industries, scores = zip(*rows, strict=True)
    return pa.table({"year": years, "industry": industries, "nps": scores})


def _themes(rng: np.random.Generator, count: int) -> Ints:
    """What an answer is about."""
    return timeline.draw(rng, np.array([0.32, 0.16, 0.24, 0.18, 0.10]), count)


def _from_day(day: int) -> Floats:
    """No demand before a day, the usual one from it on."""
    return (np.arange(timeline.DAYS) >= day).astype(np.float64)
