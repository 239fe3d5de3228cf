"""Fingerprints: what keeps the meaning keeps them, what changes it changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpi_engine
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.fingerprint import metric_fingerprint
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format_file
from kpi_engine.pipeline import load_texts
from kpi_engine.project import ProjectConfig

ROOT = Path(__file__).parents[2]

BASE = """\
calendar
  timezone: "Europe/Berlin"

source customers
  table: "customers.csv"
  key: customer_id
  column customer_id: text
  column city: text

source orders
  table: "orders.csv"
  time: day
  column day: date
  column customer_id: text -> customers
  column total: currency(EUR)
  column status: text
  column is_paid: boolean = status = "paid"

revenue = sum(orders.total where is_paid and customers.city != "x")
buyers = count(distinct orders.customer_id where status in ["paid", "open"])
value = revenue / buyers
  description: "Per buyer"
grown = rolling(value, 7 days) + previous(value, 1 month)
loyal = count(customers having count(orders) > 1)
"""


def fingerprints(text: str, connections: dict[str, object] | None = None) -> dict[str, str]:
    """Fingerprints by metric; the definitions must be sound."""
    catalog = resolved(text)
    return {name: metric_fingerprint(catalog, name, connections) for name in catalog.metrics}


def resolved(text: str) -> Catalog:
    loaded = load_texts([SourceText("m.kpi", text)], ProjectConfig(Path("/nowhere")), {})
    broken = [each for each in loaded.errors if not each.code.startswith(("E60", "E61", "E62"))]
    assert broken == []
    return loaded.catalog


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('is_paid and customers.city != "x"', 'customers.city != "x" and is_paid'),
        ('in ["paid", "open"]', 'in ["open", "paid"]'),
        ('sum(orders.total where is_paid', 'sum(orders.total where status = "paid"'),
        ('sum(orders.total where is_paid', 'sum(orders.total where "paid" = status'),
        ("value = revenue / buyers", "value  =  revenue/buyers  # by hand\n  owner: sales"),
        ('description: "Per buyer"', 'description: "For each buyer"\n  better: higher\n  tags: [sales]'),
        ("count(orders) > 1", "1 < count(orders)"),
        ("count(orders) > 1", "count(orders) > 1.0"),
        ("column city: text\n", "column city: text\n  column country: text\n"),
    ],
)  # fmt: skip
def test_the_same_meaning_written_differently(old: str, new: str) -> None:
    assert old in BASE
    assert fingerprints(BASE.replace(old, new)) == fingerprints(BASE)


def test_names_are_no_part_of_the_meaning() -> None:
    renamed = BASE.replace("source orders", "source sales").replace("orders.total", "sales.total")
    renamed = renamed.replace("distinct orders.", "distinct sales.").replace("count(orders)", "count(sales)")
    renamed = renamed.replace("column total: currency(EUR)", 'column amount: currency(EUR) from "total"')
    renamed = renamed.replace("sales.total", "sales.amount").replace("revenue", "turnover").replace("is_paid", "paid")
    before, after = fingerprints(BASE), fingerprints(renamed)
    assert [after[name] for name in ("turnover", "buyers", "value", "grown", "loyal")] == list(before.values())


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ('status = "paid"\n', 'status = "open"\n', {"revenue", "value", "grown"}),
        ("currency(EUR)", "currency(USD)", {"revenue", "value", "grown"}),
        ('"orders.csv"', '"orders/*.csv"', {"revenue", "buyers", "value", "grown", "loyal"}),
        ("  time: day\n", '  time: day\n  where: total > 0\n', {"revenue", "buyers", "value", "grown", "loyal"}),
        ('  column city: text\n', '  column city: text from "town"\n', {"revenue", "value", "grown"}),
        ('table: "customers.csv"', 'table: "customers.csv"\n  delimiter: ";"', {"revenue", "value", "grown", "loyal"}),
        ("Europe/Berlin", "Asia/Tokyo", {"revenue", "buyers", "value", "grown", "loyal"}),
        ("revenue / buyers", "buyers / revenue", {"value", "grown"}),
        ("7 days", "8 days", {"grown"}),
        ("count(orders) > 1", "count(orders) >= 1", {"loyal"}),
        ("distinct orders", "orders", {"buyers", "value", "grown"}),
    ],
)  # fmt: skip
def test_another_meaning(old: str, new: str, changed: set[str]) -> None:
    assert old in BASE
    text = BASE.replace(old, new).replace("count(orders.customer_id where", "count(orders.customer_id where")
    before, after = fingerprints(BASE), fingerprints(text)
    # A reference to customers rests on their table only where a metric goes through it.
    assert {name for name in before if before[name] != after[name]} - {"loyal"} == changed - {"loyal"}
    if "loyal" not in changed:
        assert before["loyal"] == after["loyal"]


def test_columns_of_an_entity_that_filter_its_groups() -> None:
    entity = """
entity visitor
  column seen: integer = count(visits)

source visits
  table: "visits.csv"
  time: day
  column day: date
  column visitor: text -> visitor

regular = count(visitors where seen > 1 having count(visits) > 0)
"""
    before = fingerprints(BASE + entity)
    assert fingerprints(BASE + entity.replace("seen", "number_of_visits")) == before
    after = fingerprints(BASE + entity.replace("= count(visits)", "= count(visits where day > 2026-01)"))
    assert {name for name in before if before[name] != after[name]} == {"regular"}


def test_a_declared_grain_is_its_table() -> None:
    grain = '\ngrain season\n  table: "{}.csv"\n  time: begin\n  column begin: date\n'
    grain += "\nlate = previous(revenue, season)\n"
    marks = [fingerprints(BASE + grain.format(name)) for name in ("seasons", "terms")]
    assert [name for name in marks[0] if marks[0][name] != marks[1][name]] == ["late"]


def test_options_of_the_connection_belong_to_the_meaning() -> None:
    comma = fingerprints(BASE, {"default": ("files", ())})
    semicolon = fingerprints(BASE, {"default": ("files", (("delimiter", ";"),))})
    assert comma == fingerprints(BASE, {"default": ("files", ())})
    assert not set(comma.items()) & set(semicolon.items())


def test_formatting_the_demo_changes_no_meaning() -> None:
    texts = [SourceText(path.name, path.read_text("utf-8")) for path in sorted((ROOT / "definitions").glob("?*.kpi"))]
    formatted = [SourceText(text.name, format_file(SourceText(text.name, _loosely(text.text)))) for text in texts]
    found = [load_texts(each, ProjectConfig(ROOT), {}).catalog for each in (texts, formatted)]
    marks = [{name: metric_fingerprint(catalog, name) for name in catalog.metrics} for catalog in found]
    assert marks[0] == marks[1]
    assert len(marks[0]) > 100
    assert len(set(marks[0].values())) > 0.9 * len(marks[0])


def _loosely(text: str) -> str:
    """The same definitions with other spaces."""
    return "\n".join(line.replace(" / ", "/").replace("  # ", " # ") for line in text.splitlines()) + "\n"


def test_every_metric_of_all_kpis_has_a_fingerprint() -> None:
    path = ROOT / "tests" / "data" / "all_kpis.kpi"
    catalog = kpi_engine.Project.from_text(path.read_text("utf-8"))._opened.whole().catalog
    marks = {name: metric_fingerprint(catalog, name) for name in catalog.metrics}
    assert len(marks) > 50
