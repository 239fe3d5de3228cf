"""Every KPI that ships binds, and so does whatever is left of them when the text is damaged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.expression import Measure, MetricReference, walk
from kpi_engine.ir.question import Question
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file
from kpi_engine.resolve import resolve

from .checking import REGISTRY, asked, bound

TEXT = (Path(__file__).parents[1] / "data" / "all_kpis.kpi").read_text("utf-8")
DECLARATIONS = re.split(r"\n(?=[^\s#])", TEXT)
WORDS = sorted(set(re.findall(r"[^\W\d]\w*|[<>=!]+|\d+|\"[^\"\n]*\"", TEXT)))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    found, diagnostics = bound(TEXT)
    assert diagnostics == (), [render(each) for each in diagnostics]
    return found


def test_every_kpi_binds(catalog: Catalog) -> None:
    written = len(re.findall(r"^[a-z_0-9]+ = ", TEXT, re.MULTILINE))
    assert len(catalog.metrics) == written
    assert len(catalog.goals) == len(re.findall(r"^goal ", TEXT, re.MULTILINE))
    assert len(catalog.alerts) == len(re.findall(r"^alert ", TEXT, re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "sources", "display"),
    [
        ("conversion", ("orders", "visits"), "ratio"),
        ("retention_rate", ("orders",), "percent"),
        ("stock_turnover", ("order_lines", "stock"), "ratio"),
        ("average_order_value", ("orders",), "currency(CNY)"),
        ("order_fulfilment_time", ("orders",), "duration(hour)"),
        ("time_on_site", ("visits",), "duration(minute)"),
        ("nps", ("nps_answers",), "points"),
        ("customer_acquisition_cost", ("ad_spend", "acquisition_costs", "orders"), "currency(CNY)"),
        ("affinity_lift", ("basket",), "number"),
        ("price_index", ("price_list", "competitor_prices"), "ratio"),
        ("clv_to_cac", ("orders", "ad_spend", "acquisition_costs"), "ratio"),
        ("average_position", ("search_rank",), "number"),
    ],
)
def test_what_some_of_them_are(catalog: Catalog, name: str, sources: tuple[str, ...], display: str) -> None:
    metric = catalog.metrics[name]
    assert (metric.sources, str(metric.display)) == (sources, display)


def test_sources_are_those_of_the_measures(catalog: Catalog) -> None:
    for metric in catalog.metrics.values():
        measured = {node.source for node in walk(metric.body) if isinstance(node, Measure)}
        assert set(metric.sources) == measured
        named = {node.name for node in walk(metric.body) if isinstance(node, MetricReference)}
        assert set(metric.uses) <= named


EDIT = st.tuples(st.integers(0, len(DECLARATIONS) - 1), st.integers(0, 10**6), st.sampled_from(["", *WORDS]))


@given(st.lists(EDIT, min_size=1, max_size=12), st.sampled_from([None, "hour", "day", "year"]))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_definitions_never_break_the_stage(edits: list[tuple[int, int, str]], grain: str | None) -> None:
    declarations = list(DECLARATIONS)
    for number, place, word in edits:
        parts = re.split(r"(\W+)", declarations[number])
        parts[place % len(parts)] = word
        declarations[number] = "".join(parts)
    file, _ = parse_file(SourceText("damaged", "\n".join(declarations)))
    catalog, diagnostics = resolve([file], {}, REGISTRY)
    assert all(render(each) for each in diagnostics)
    for name in list(catalog.metrics)[:12]:
        try:
            asked(catalog, Question((name,), ("channel",), grain, 'country = "DE"'))
        except KpiError as error:
            assert error.diagnostics
