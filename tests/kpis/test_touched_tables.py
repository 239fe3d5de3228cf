"""Questions about the demo are planned from the tables that they can touch as they are from all 25."""

from __future__ import annotations

from pathlib import Path

import kpi_engine
from kpi_engine import pipeline
from kpi_engine.ir.question import Question

EVERY = 6


def test_plans_are_those_of_a_project_that_knows_all_tables(demo_dir: Path) -> None:
    known = kpi_engine.open(demo_dir)
    metrics = list(known.catalog.metrics)[::EVERY]
    fewer = 0
    for metric in metrics:
        by = tuple(known.splits(metric)[:1])
        question = Question((metric,), by, "month", None, None, None, "2026-06-01")
        partly = kpi_engine.open(demo_dir)
        found, expected = partly._prepare(question, False), known._prepare(question, False)
        assert found.optimized == expected.optimized
        assert pipeline.result_columns(found) == pipeline.result_columns(expected)
        fewer += bool(found.loaded.unseen)
    assert fewer == len(metrics)
