"""Stage: plan -> plan. Each rule is one pure function in one file; `RULES` is the order in which they run."""

from __future__ import annotations

from kpi_engine.ir.plan import Plan
from kpi_engine.optimize.hoist_shared_filter import hoist_shared_filter
from kpi_engine.optimize.merge_queries_of_equal_keys import merge_queries_of_equal_keys
from kpi_engine.optimize.offer_filters_to_fragments import offer_filters_to_fragments
from kpi_engine.optimize.read_sets_off_keyed_states import read_sets_off_keyed_states
from kpi_engine.optimize.rule import Rule
from kpi_engine.optimize.scan_each_source_once import scan_each_source_once
from kpi_engine.optimize.skip_rows_outside_windows import skip_rows_outside_windows

RULES: tuple[tuple[str, Rule], ...] = (
    ("merge_queries_of_equal_keys", merge_queries_of_equal_keys),
    ("read_sets_off_keyed_states", read_sets_off_keyed_states),
    ("hoist_shared_filter", hoist_shared_filter),
    ("scan_each_source_once", scan_each_source_once),
    ("skip_rows_outside_windows", skip_rows_outside_windows),
    ("offer_filters_to_fragments", offer_filters_to_fragments),
)


def optimize(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan after all rules, and the names of those that changed it."""
    fired = []
    for name, rule in RULES:
        changed = rule(plan)
        if changed != plan:
            fired.append(name)
        plan = changed
    return plan, tuple(fired)


__all__ = ["RULES", "optimize"]
