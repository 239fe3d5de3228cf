"""The packs that come with the engine: complete, described, with cases that hold, and data only."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import kpi_engine
from kpi_engine.cli import main
from kpi_engine.inspect.packs import open_pack
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.fingerprint import metric_fingerprint
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText
from kpi_engine.pack_checks import asked_names, check_pack
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


def test_the_wheel_brings_every_pack() -> None:
    build = tomllib.loads((PLUGINS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    brought = build["targets"]["wheel"]["force-include"]
    found = {str(folder.relative_to(PLUGINS.parent)): name for name, folder in bundled().items()}
    assert {path: f"kpi_engine/bundled_packs/{name}" for path, name in found.items()}.items() <= brought.items()
    assert sorted(found.values()) == sorted(NAMES)


def catalog(aliases: Mapping[str, str]) -> Catalog:
    """What a project sees whose tables are called as the packs call them, out of reach; no pack is read twice."""
    uses = [f"use {name}" + (f" as {alias}" if alias != name else "") for name, alias in aliases.items()]
    maps = [
        f'map {aliases[name]}.{source.rpartition(".")[2]} to "{source.rpartition(".")[2]}"'
        for name in NAMES
        for source in open_pack(bundled()[name]).sources
    ]
    text = "\n".join(["calendar", "  currency: EUR", *uses, *maps, ""])
    loaded = load_texts((SourceText("p", text),), ProjectConfig(Path()), {})
    assert {each.code for each in loaded.errors} <= {"E620"}, "there is no connection, and nothing else is wrong"
    return loaded.catalog


def test_names_that_are_led_mean_the_same() -> None:
    """All metrics under `use ... as` have, down to stored columns, the meaning that they have under `use`."""
    plain = catalog({"sales": "sales", "marketing": "marketing", "care": "care"})
    led = catalog({"sales": "s", "marketing": "m", "care": "c"})
    assert len(plain.metrics) == len(led.metrics) == 126
    aliases = {"sales": "s", "marketing": "m", "care": "c"}
    different = [
        name
        for name, metric in plain.metrics.items()
        if metric_fingerprint(plain, name) != metric_fingerprint(led, f"{aliases[metric.pack]}.{name}")
    ]
    assert different == []
    assert {f"{aliases[metric.pack]}.{name}" for name, metric in plain.metrics.items()} == set(led.metrics)


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


SALES_CHANGES = {
    "patch": ("Revenue per valid order", "What a valid order brings", {"average_order_value"}),
    "minor": (
        "order_count = count(orders where is_valid)",
        "big_orders = count(orders where total > 1000)\n\norder_count = count(orders where is_valid)",
        {"big_orders"},
    ),
    "major": ("revenue / order_count", "revenue / count(orders)", {"average_order_value"}),
}


@pytest.mark.parametrize("step", SALES_CHANGES)
@pytest.mark.parametrize("version", ["1.0.1", "1.1.0", "2.0.0"])
def test_two_versions_of_sales_say_which_step_they_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str, version: str
) -> None:
    """1 if the new version's step is too small; the metrics that change are named, and no others."""
    old, new = bundled()["sales"], tmp_path / "kpi_pack_sales"
    shutil.copytree(old, new)
    before, after, changed = SALES_CHANGES[step]
    definitions, manifest = new / "definitions" / "sales.kpi", new / "pack.toml"
    definitions.write_text(definitions.read_text("utf-8").replace(before, after, 1), "utf-8")
    manifest.write_text(manifest.read_text("utf-8").replace('"1.0.0"', f'"{version}"'), "utf-8")
    taken = {"1.0.1": "patch", "1.1.0": "minor", "2.0.0": "major"}[version]
    order = ("patch", "minor", "major")
    enough = order.index(taken) >= order.index(step)
    assert main(["plugins", "diff", str(old), str(new)]) == (0 if enough else 1)
    out = capsys.readouterr().out
    last = out.splitlines()[-1]
    if enough:
        assert last == f"sales 1.0.0 -> {version}: the changes need a {step} step, and this is one"
    else:
        needed = {"minor": "1.1.0", "major": "2.0.0"}[step]
        said = f"sales 1.0.0 -> {version} is a {taken} step, and these changes need a {step} one: call it {needed}"
        assert last == said
    assert set(re.findall(r"^  (\w+)(?::|$)", out, re.MULTILINE)) == changed
