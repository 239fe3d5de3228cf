"""Stage: catalogue + question -> plan. What few questions need is in modules of its own: `detail`, `show`, `values`."""

from __future__ import annotations

from kpi_engine.plan.build import make_plan
from kpi_engine.plan.completeness import partial_periods, period_values
from kpi_engine.plan.grains import grains_of_question
from kpi_engine.plan.needs import Needs, extent_requests, gather, gather_source, merged_preparations
from kpi_engine.plan.notes import shown
from kpi_engine.plan.span import parse_as_of, watermarks

__all__ = [
    "Needs",
    "extent_requests",
    "gather",
    "gather_source",
    "grains_of_question",
    "make_plan",
    "merged_preparations",
    "parse_as_of",
    "partial_periods",
    "period_values",
    "shown",
    "watermarks",
]
