"""Stage: catalogue + question -> plan."""

from __future__ import annotations

from kpi_engine.plan.build import make_plan
from kpi_engine.plan.completeness import partial_periods, period_values
from kpi_engine.plan.detail import with_detail
from kpi_engine.plan.grains import grains_of_question
from kpi_engine.plan.needs import Needs, extent_requests, gather, gather_source, merged_preparations
from kpi_engine.plan.notes import shown
from kpi_engine.plan.show import show_plan
from kpi_engine.plan.span import parse_as_of, watermarks
from kpi_engine.plan.values import values_plan

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
    "show_plan",
    "shown",
    "values_plan",
    "watermarks",
    "with_detail",
]
