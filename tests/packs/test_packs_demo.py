"""A shop with two tables, orders and visits: what `kpi check` does not disable has the values of the whole shop."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine import demo
from kpi_engine.cli import main

TWO = 'map sales.orders to "orders/*.parquet"\nmap sales.visits to "visits.parquet"\n'


MIDNIGHT = "2026-06-01 00:00:00+08"
"""When the first of June begins in the shop's zone."""


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The demo, and the same calendar and packs over its orders and visits alone."""
    whole = tmp_path_factory.mktemp("demo")
    demo.write(whole)
    small = tmp_path_factory.mktemp("small")
    config = (whole / "kpi.toml").read_text("utf-8").replace('path = "data"', f'path = "{whole / "data"}"')
    (small / "kpi.toml").write_text(config, "utf-8")
    (small / "shop.kpi").write_text(f"{(whole / 'shop.kpi').read_text('utf-8')}\n{TWO}", "utf-8")
    return whole, small


@pytest.fixture(scope="module")
def allowed(shops: tuple[Path, Path]) -> list[str]:
    """The metrics that `kpi check` does not name as disabled."""
    project = kpi_engine.open(shops[1])
    notes = [each for each in project.check() if each.code == "N791"]
    assert [each.code for each in project.check()] == ["N791"] * len(notes)
    disabled = sum(int(re.search(r"(\d+) metrics? (?:is|are) disabled", each.message)[1]) for each in notes)  # type: ignore[index]
    lacking = [metric for metric in project.catalog.metrics.values() if metric.lacks]
    # Each is told once for each table that it misses.
    assert disabled == sum(len({each.partition(".")[0] for each in metric.lacks}) for metric in lacking)
    return sorted(project.catalog.metrics.keys() - {each.name for each in lacking})


def test_everything_that_two_tables_allow_has_the_value_of_the_whole_shop(
    shops: tuple[Path, Path], allowed: list[str]
) -> None:
    assert len(allowed) == 59
    found, wanted = (
        kpi_engine.open(folder).eval(allowed, grain="year", as_of="2026-06-01").table for folder in reversed(shops)
    )
    assert found.num_rows == 3
    assert found.equals(wanted)
    values = found.to_pydict()
    assert [name for name in allowed if set(values[name]) == {None}] == []


def test_the_values_are_those_of_sql(shops: tuple[Path, Path]) -> None:
    """Some of them by another road: DuckDB over the two tables, over all time."""
    data = shops[0] / "data"
    with duckdb.connect() as connection:
        before = f"< timestamptz '{MIDNIGHT}'"
        valid = f"status not in ('cancelled', 'test') and ordered_at {before}"
        connection.execute(f"create view o as select * from '{data}/orders/*.parquet' where {valid}")
        connection.execute(f"create view v as select * from '{data}/visits.parquet' where started_at {before}")
        wanted = connection.execute(
            "select (select sum(total) from o), (select count(*) from o), (select count(distinct visitor_id) from v),"
            " (select count(*) from v), (select count(*) from o) / (select count(distinct visitor_id) from v),"
            " (select count(distinct visitor_id) from v a where exists ("
            "select 1 from o where o.visitor_id = a.visitor_id"
            " and o.ordered_at >= a.started_at and o.ordered_at < a.started_at + interval 7 days))"
            " / (select count(distinct visitor_id) from v)"
        ).fetchone()
    metrics = ["revenue", "order_count", "visitor_count", "site_traffic", "conversion_rate", "visitor_conversion"]
    found: pa.Table = kpi_engine.open(shops[1]).eval(metrics, as_of="2026-06-01").table
    assert tuple(found.to_pylist()[0].values()) == wanted


def test_the_list_says_what_each_other_metric_waits_for(
    shops: tuple[Path, Path], allowed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--project", str(shops[1]), "list", "--disabled"]) == 0
    lines = capsys.readouterr().out.splitlines()
    needs = {line.split()[0]: line.partition("needs ")[2] for line in lines}
    assert len(needs) == 126 - 59 and not needs.keys() & set(allowed)
    assert needs["return_rate"] == "sales.returns: order_id, requested_at"
    assert needs["bounce_rate"] == "sales.page_views: viewed_at, visit_id"
    assert needs["subscription_churn"] == "sales.subscriptions: ended_at, started_at"
    assert needs["cost_per_click"] == "marketing.ad_spend: clicks, cost, day"
    assert needs["price_index"] == (
        "sales.competitor_prices: day, price, product_id; sales.price_list: day, price, product_id"
    )
    assert main(["--project", str(shops[1]), "check"]) == 0
    assert "`kpi list --disabled` says what each metric waits for" in capsys.readouterr().err
