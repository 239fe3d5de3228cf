"""The packs that come with the engine: complete, described, with cases that hold, and data only."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import kpi_engine
from kpi_engine.inspect.packs import asked_names, check_pack, open_pack, pack_outcomes
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText
from kpi_engine.pipeline import load_texts
from kpi_engine.project import ProjectConfig
from kpi_engine.project.packs import bundled, pack_at

from .projects import write_project

PLUGINS = Path(__file__).parents[2] / "plugins"
NAMES = ("care", "marketing", "sales")


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_lacks_nothing(name: str) -> None:
    """Descriptions, types, a case for each metric that holds, a current page."""
    assert [render(each) for each in check_pack(bundled()[name])] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_asked_for_by_a_case(name: str) -> None:
    folder = bundled()[name]
    metrics = set(open_pack(folder).metrics)
    assert len(metrics) >= 19 and metrics <= asked_names(folder)
    assert {each.status for each in pack_outcomes(folder)} == {"passed"}


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_is_data_and_a_distribution(name: str) -> None:
    folder = PLUGINS / f"kpi-{name}"
    assert not list(folder.rglob("*.py"))
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    info = pack_at(folder / f"kpi_pack_{name}", name).info
    assert (project["version"], project["entry-points"]["kpi_engine.packs"]) == (
        info.version,
        {name: f"kpi_pack_{name}"},
    )
    assert (folder / "LICENSE").is_file() and info.requires


def catalog(text: str) -> Catalog:
    """What a project sees that maps nothing."""
    loaded = load_texts((SourceText("p", f"calendar\n  currency: EUR\n{text}"),), ProjectConfig(Path()), {})
    assert loaded.errors == ()
    return loaded.catalog


def test_names_that_are_led_mean_the_same() -> None:
    """All metrics under `use ... as` have the meaning that they have under `use`."""
    plain = catalog("use sales\nuse marketing\nuse care\n")
    led = catalog("use sales as s\nuse marketing as m\nuse care as c\n")
    aliases = {"sales": "s", "marketing": "m", "care": "c"}
    for name, metric in plain.metrics.items():
        other = f"{aliases[metric.pack]}.{name}"
        assert str(led.metrics[other].display) == str(metric.display)
        assert _shape(led, other) == _shape(plain, name)
    assert len(plain.metrics) == len(led.metrics) == 126


def _shape(catalog: Catalog, name: str) -> tuple[object, ...]:
    """A metric's meaning without the names of tables, which differ."""
    metric = catalog.metrics[name]
    bare = tuple(each.rpartition(".")[2] for each in metric.sources)
    return (
        bare,
        tuple(each.rpartition(".")[2] for each in metric.uses),
        metric.additive,
        metric.type,
        metric.lacks != (),
    )


def test_orders_and_visits_are_enough_for_what_they_allow(tmp_path: Path) -> None:
    """Metrics over orders and visits alone are there; all others wait for their tables."""
    orders = "order_id,ordered_at,customer_id,visitor_id,status,total\na,2026-01-01 10:00:00,c,v,ok,10.00\n"
    tables = {"o.csv": orders, "v.csv": "visit_id,started_at,visitor_id,channel\nx,2026-01-01 09:00:00,v,search\n"}
    text = "calendar\n  currency: EUR\nuse sales\nuse marketing\nuse care\n"
    maps = 'map sales.orders to "o.csv"\nmap sales.visits to "v.csv"\n'
    project = kpi_engine.open(write_project(tmp_path, text + maps, tables))
    metrics = project.catalog.metrics
    enough = {name for name, metric in metrics.items() if not metric.lacks}
    wanted = {
        "revenue",
        "conversion_rate",
        "visitor_conversion",
        "retention_rate",
        "new_customers",
        "traffic_source_share",
    }
    assert wanted <= enough and len(enough) >= 40
    assert not enough & {"margin_rate", "cart_abandonment", "roas", "nps", "order_fulfilment_time", "complaint_rate"}
    assert metrics["margin_rate"].lacks == ("orders.cost",)
    # Every one of them has an answer, and every other one is refused.
    assert len(project.eval(sorted(enough), grain="month").table) == 1
    for name in metrics.keys() - enough:
        with pytest.raises(KpiError, match="E795"):
            project.eval(name, grain="month")
