"""Layers of metrics on DuckDB that people use for this job, and which questions each one's own metrics express."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from questions import QUESTIONS, REFRESH
from records import Key, Record, Results
from workloads import Way

SIDEMANTIC, BORING, METRICFLOW = "sidemantic", "boring-semantic-layer", "MetricFlow"

_DISTINCT_WINDOW: Final = "a window adds daily counts up, so that a customer of two days counts twice"
_NO_SNAPSHOT: Final = "nothing is counted as of an instant between two columns of time"
_PART: Final = "not all of its metrics can be expressed"
INABILITY: Final[dict[str, dict[str, str]]] = {
    SIDEMANTIC: {
        "retention": "cohorts by first event only, not from one month to the next",
        "new_customers": "no first event over all history by the month of it",
        "rolling": _DISTINCT_WINDOW,
        "tickets": f"{_NO_SNAPSHOT}; no percentiles but the median",
        "full": _PART,
        "funnel": "a funnel is of one table, and takes the first event of each kind",
        REFRESH: _PART,
    },
    BORING: {
        "retention": "no aggregation over two neighbouring periods of one customer",
        "rolling": "no windows over distinct counts",
        "tickets": _NO_SNAPSHOT,
        "full": _PART,
        "funnel": "no events after events",
        REFRESH: _PART,
    },
    METRICFLOW: {
        "repeat": "a filter by a metric looks at all time, not at the month",
        "retention": "no aggregation over two neighbouring periods of one customer",
        "new_customers": "no first event over all history by the month of it",
        "growth": "a year back is taken day by day: February 2025 is compared with 28 of the 29 days of 2024",
        "tickets": _NO_SNAPSHOT,
        "full": _PART,
        "funnel": "a conversion gives each order to one visit",
        REFRESH: _PART,
    },
}


def ways(layers: str | None, boring: str | None, metricflow: str | None) -> tuple[Way, ...]:
    """The layers for which there is an interpreter."""
    found = []
    for name, module, python in (
        (SIDEMANTIC, "sidemantic_layer", layers),
        (BORING, "boring_layer", boring),
        (METRICFLOW, "metricflow_layer", metricflow),
    ):
        if python is not None:
            can = frozenset(QUESTIONS) - INABILITY[name].keys()
            found.append(Way(name, module, python, with_pandas=True, can=can, is_prepared=name == METRICFLOW))
    return tuple(found)


def record_inability(found: Sequence[Way], orders: int, results: Results) -> None:
    """Say why there is no figure where there is none."""
    for way in found:
        results.add(
            [
                Record(Key("peers", question, way.name, orders), problem=f"not expressible: {why}")
                for question, why in INABILITY[way.name].items()
            ]
        )
