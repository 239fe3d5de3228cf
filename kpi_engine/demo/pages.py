"""Page views: what the visitors who agreed to it looked at.

One visitor in five agreed to be followed from page to page. A few views have lost their visit, and a few were
stamped 2062 by a broken clock.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from kpi_engine.demo import columns, timeline
from kpi_engine.demo.columns import Ints
from kpi_engine.demo.sales import YEARS_2026_TO_2062
from kpi_engine.demo.traffic import Visits

SECTIONS: Final = ("home", "category", "product", "search", "cart", "blog", "help")
_AT_FIRST: Final = np.array([0.30, 0.20, 0.26, 0.09, 0.01, 0.12, 0.02])
_LATER: Final = np.array([0.08, 0.24, 0.38, 0.11, 0.12, 0.04, 0.03])
_VIEWS: Final = np.array([0.42, 0.23, 0.14, 0.09, 0.05, 0.03, 0.02, 0.02])  # 1, 2, ... per visit
_ONE_IN: Final = 5  # visitors who agreed
_LOST_SHARE: Final = 0.003
_BROKEN_CLOCKS: Final = 12


def page_views(rng: np.random.Generator, visits: Visits) -> pa.Table:
    """The table `page_views`, in the order of the visits."""
    followed = np.flatnonzero(visits.visitor % _ONE_IN == 0)
    sizes = timeline.draw(rng, _VIEWS, len(followed)) + 1
    visit = np.repeat(followed, sizes)
    first = np.cumsum(sizes) - sizes
    place = np.arange(len(visit)) - np.repeat(first, sizes)
    lost = rng.random(len(visit)) < _LOST_SHARE
    return pa.table(
        {
            "view_id": columns.numbered("PV", np.arange(1, len(visit) + 1, dtype=np.int64), 7),
            "viewed_at": columns.instants(_viewed(rng, visits, visit, place, np.repeat(sizes, sizes))),
            "visit_id": columns.numbered("V", visit + 1, 7, lost),
            "visitor_id": columns.scattered(visits.visitor[visit]),
            "section": columns.words(SECTIONS, _sections(rng, place)),
        }
    )


def _viewed(rng: np.random.Generator, visits: Visits, visit: Ints, place: Ints, size: Ints) -> Ints:
    """The first view begins the visit, the others follow in order."""
    share = (place - (place > 0) * rng.random(len(place))) / size
    at = visits.started[visit] + (share * visits.length[visit]).astype(np.int64) * timeline.SECOND
    in_time: Ints = np.minimum(at, timeline.ENDS_AT - timeline.SECOND)
    seconds_of_two = np.flatnonzero((size == 2) & (place == 1))
    in_time[seconds_of_two[-_BROKEN_CLOCKS * 100 :: 100]] += YEARS_2026_TO_2062
    return in_time


def _sections(rng: np.random.Generator, place: Ints) -> Ints:
    """Where a visit begins, and where it goes on."""
    first, later = (timeline.draw(rng, shares, len(place)) for shares in (_AT_FIRST, _LATER))
    return np.where(place == 0, first, later)
