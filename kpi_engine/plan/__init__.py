"""Stage: catalogue + question -> plan."""

from __future__ import annotations

from kpi_engine.plan.build import make_plan
from kpi_engine.plan.completeness import partial_periods
from kpi_engine.plan.needs import extent_requests, merged_preparations
from kpi_engine.plan.notes import shown
from kpi_engine.plan.show import show_plan
from kpi_engine.plan.span import parse_as_of

__all__ = [
    "extent_requests",
    "make_plan",
    "merged_preparations",
    "parse_as_of",
    "partial_periods",
    "show_plan",
    "shown",
]
