"""The first minutes with the real engine: what `kpi init` and `kpi demo` write works, and its numbers are right."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

Run = Callable[..., Any]


@pytest.fixture
def shop(kpi: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The starter project as the working folder."""
    assert kpi("init", "shop").code == 0
    monkeypatch.chdir(folder / "shop")
    return folder / "shop"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_starter_is_sound_and_in_canonical_form(kpi: Run, shop: Path) -> None:
    done = kpi("check")
    assert (done.code, done.out) == (0, "")
    assert kpi("fmt", "--check").code == 0
    assert [each["name"] for each in json.loads(kpi("list", "--json").out)] == [
        "revenue", "order_count", "average_order_value", "conversion", "revenue_growth"
    ]  # fmt: skip


def test_the_starter_answers_as_its_tables_say(kpi: Run, shop: Path) -> None:
    revenue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    orders: dict[tuple[str, str], int] = defaultdict(int)
    visitors: dict[tuple[str, str], set[str]] = defaultdict(set)
    for order in rows(shop / "data" / "orders.csv"):
        key = (order["ordered_at"][:7], order["channel"])
        orders[key] += 1
        revenue[key] += Decimal(order["total"]) if order["status"] == "paid" else 0
    for visit in rows(shop / "data" / "visits.csv"):
        visitors[visit["started_at"][:7], visit["channel"]].add(visit["visitor_id"])
    done = kpi("eval", "revenue", "conversion", "--by", "channel", "--grain", "month", "-f", "json")
    answered = json.loads(done.out, parse_float=Decimal)
    assert {(row["period"][:7], row["channel"]) for row in answered} == set(visitors) | set(orders)
    for row in answered:
        key = (row["period"][:7], row["channel"])
        assert row["revenue"] == revenue[key]
        assert float(row["conversion"]) == float(Fraction(orders[key], len(visitors[key])))


def test_names_are_described(kpi: Run, shop: Path) -> None:
    done = kpi("describe", "conversion")
    assert re.search(r"formula +count\(orders\) / count\(distinct visitors\)\n", done.out)
    assert re.search(r"reads +orders, visits\n", done.out) and re.search(r"adds up +no", done.out)
    assert re.search(r"(split by|or column) +.*channel", done.out)
    assert re.search(r"used by +average_order_value, revenue_growth\n", kpi("describe", "revenue").out)
    assert re.search(r"total: currency\(EUR\)\n", kpi("describe", "orders").out)
    assert re.search(r"ids in +orders.visitor_id, visits.visitor_id\n", kpi("describe", "visitor").out)


def test_every_stage_explains_itself(kpi: Run, shop: Path) -> None:
    for stage in ("tree", "catalog", "plan", "optimized"):
        done = kpi("explain", "conversion", "--by", "channel", "--grain", "month", "--at", stage)
        assert done.code == 0 and "visit" in done.out, stage


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["eval", "revenu"], 2, "did you mean `revenue`?"),
        (["eval", "revenue", "--by", "chanel"], 2, "did you mean `channel`?"),
        (["eval", "revenue", "--grain", "mnth"], 2, "did you mean `month`?"),
        (["eval", "revenue", "--from", "2025-13"], 2, "2025-13"),
        (["explain", "revenu"], 2, "did you mean `revenue`?"),
    ],
)
def test_questions_that_have_no_answer(kpi: Run, shop: Path, words: list[str], code: int, said: str) -> None:
    done = kpi(*words)
    assert (done.code, done.out) == (code, "") and said in done.err


def test_broken_definitions_data_and_settings_have_codes_of_their_own(kpi: Run, shop: Path) -> None:
    metrics = shop / "metrics.kpi"
    sound = metrics.read_text()
    metrics.write_text(sound.replace("sum(orders.total", "sum(orders.totl"))
    done = kpi("eval", "revenue")
    assert done.code == 3 and "did you mean `total`?" in done.err
    assert kpi("check").code == 3
    metrics.write_text(sound)
    orders = shop / "data" / "orders.csv"
    orders.write_text(orders.read_text().replace("39.95", "39,95x", 1).replace("39,95x", "thirty", 1))
    done = kpi("eval", "revenue")
    assert done.code == 4 and "thirty" in done.err
    (shop / "kpi.toml").write_text("nam = 1\n")
    assert kpi("eval", "revenue").code == 3


def test_without_a_project(kpi: Run, shop: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = kpi("eval", "revenue").out
    monkeypatch.chdir(folder)
    assert kpi("eval", "revenue").code == 3
    named = kpi("eval", "revenue", "--definitions", "shop/metrics.kpi", "--data", "shop/data")
    assert (named.code, named.out) == (0, expected)
    assert kpi("--project", "shop", "eval", "revenue").out == expected


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("demo")


def test_the_demo_shows_a_scorecard_that_its_data_bears_out(
    kpi: Run, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo_folder)
    done = kpi("demo")
    assert done.code == 0, done.err
    query = """
        select strftime(ordered_at at time zone 'Asia/Shanghai', '%Y-%m') as month, sum(total), count(*)
        from 'kpi-demo/data/orders/*.parquet' where status not in ('cancelled', 'test')
        group by 1 having month between '2026-05' and '2026-10' order by 1
    """
    text = done.out.replace("\u202f", " ")
    for month, revenue, orders in duckdb.sql(query).fetchall():
        assert month in text
        assert f"¥{revenue:,}".replace(",", " ") in text
        assert f" {orders:,}".replace(",", " ") in text
    suggested = [shlex.split(line)[1:] for line in done.err.splitlines() if line.startswith("  kpi ")]
    assert len(suggested) >= 4
    monkeypatch.chdir(demo_folder / "kpi-demo")
    for words in suggested:
        assert kpi(*words).code == 0, words


def test_the_demo_leaves_other_files_alone(kpi: Run, folder: Path) -> None:
    (folder / "kpi-demo").mkdir()
    (folder / "kpi-demo" / "kpi.toml").write_text("mine")
    done = kpi("demo")
    assert done.code == 2 and "E711" in done.err
    assert (folder / "kpi-demo" / "kpi.toml").read_text() == "mine"
