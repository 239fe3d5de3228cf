"""How many random examples are looked at, and which: `KPI_EXAMPLES` and `KPI_SEED` say it for hours of them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings

EXAMPLES = int(os.environ.get("KPI_EXAMPLES", "300"))
"""A test looks at so many, or at a share of them."""

SEED = int(os.environ.get("KPI_SEED", "0" if "CI" in os.environ else random.randrange(2**32)))
"""A change is judged on the same examples each time; a run by hand looks at new ones."""


def examples(test: Callable[..., Any]) -> Any:
    """Run a test on `EXAMPLES` examples that begin with `SEED`."""
    looked_at = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        print_blob=False,
    )
    return seed(SEED)(looked_at(test))
