"""Several grains and grains from tables on the command line, over the starter project."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

GRAIN = """
grain school_term
  table: "terms.csv"
  time: starts_on
  label: name
  description: "Terms of the schools nearby."
"""


@pytest.fixture
def shop(kpi: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The starter project as the working folder, with a grain of its own over the time of its orders."""
    assert kpi("init", "shop").code == 0
    monkeypatch.chdir(folder / "shop")
    text = (folder / "shop" / "data" / "orders.csv").read_text("utf-8")
    days = sorted(row["ordered_at"][:10] for row in csv.DictReader(io.StringIO(text)))
    middle = days[len(days) // 2]
    rows = f"starts_on,name\n{days[0][:4]}-01-01,spring\n{middle},autumn\n2099-01-01,\n"
    (folder / "shop" / "data" / "terms.csv").write_text(rows, "utf-8")
    (folder / "shop" / "terms.kpi").write_text(GRAIN, "utf-8")
    return folder / "shop"


def table(kpi: Run, *words: str) -> list[list[str]]:
    """An answer as rows of cells, without the ruler."""
    done = kpi("eval", *words, "-f", "markdown")
    assert done.code == 0, done.err
    lines = [line for line in done.out.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_names_of_periods_are_shown_and_starts_are_written(kpi: Run, shop: Path) -> None:
    assert kpi("check").code == 0
    shown = table(kpi, "order_count", "--grain", "school_term")
    assert [cells[0].rstrip("\\*") for cells in shown] == ["school_term", "spring", "autumn"]
    raw = list(csv.DictReader(io.StringIO(kpi("eval", "order_count", "--grain", "school_term", "-f", "csv").out)))
    assert [re.fullmatch(r"\d{4}-\d\d-\d\d", row["period"]) is not None for row in raw] == [True, True]
    assert [int(row["order_count"]) for row in raw] == [int(cells[1].replace("\u202f", "")) for cells in shown[1:]]


def test_several_grains_in_one_answer(kpi: Run, shop: Path) -> None:
    both = table(kpi, "order_count", "--grain", "year, school_term")
    assert both[0] == ["grain", "period", "order_count"]
    years, terms = (table(kpi, "order_count", "--grain", grain) for grain in ("year", "school_term"))
    assert both[1:] == [
        *(["year", *cells] for cells in years[1:]),
        *(["school_term", *cells] for cells in terms[1:]),
    ]
    rows = json.loads(kpi("eval", "order_count", "--grain", "year,month", "--limit", "2", "-f", "json").out)
    assert [row["grain"] for row in rows] == ["year", "year" if len(years) > 2 else "month"]


def test_a_grain_is_described(kpi: Run, shop: Path) -> None:
    done = kpi("describe", "school_term")
    assert "Terms of the schools nearby." in done.out
    assert re.search(r"table +terms.csv\n +time +starts_on\n +label +name\n", done.out)
    assert "did you mean `school_term`?" in kpi("describe", "school_trm").err


def test_a_table_that_is_too_short_is_said(kpi: Run, shop: Path) -> None:
    done = kpi("eval", "order_count", "--grain", "school_term", "--to", "2099-02")
    assert done.code == 2
    assert "error[E526]" in done.err and "terms.csv has periods from" in done.err
