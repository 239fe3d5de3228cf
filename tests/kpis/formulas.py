"""Every metric of the demo and what it should be."""

from __future__ import annotations

from .baskets import BASKETS
from .care import CARE
from .entities import ENTITIES
from .events import EVENTS
from .outreach import OUTREACH
from .plain import PLAIN
from .stocks import STOCKS
from .terms import Formula

FORMULAS: dict[str, Formula] = PLAIN | ENTITIES | BASKETS | EVENTS | STOCKS | OUTREACH | CARE
