"""States made in a database, rows read from it, and Parquet files give one answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kpi_engine

from . import shop
from .databases import DATABASES

METRICS = [line.partition(" = ")[0] for line in shop.DEFINITIONS.splitlines() if line[:1].isalpha() and " = " in line]
METRICS = [name for name in METRICS if not name.startswith("dimension")]


@pytest.fixture(scope="session")
def projects(connection_text: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    opened: dict[tuple[str, str], Any] = {}

    def project(kind: str, more: str = "", definitions: str = shop.DEFINITIONS) -> Any:
        if (kind, more + definitions) not in opened:
            folder: Path = tmp_path_factory.mktemp(f"project-{kind}")
            settings = "" if kind == "files" else connection_text(kind) + more
            opened[kind, more + definitions] = kpi_engine.open(shop.project(folder, settings, definitions))
        return opened[kind, more + definitions]

    return project


QUESTIONS = [
    (None, ("country", "title"), METRICS),
    ("day", (), METRICS),
    ("week", ("channel",), METRICS),
    ("month", ("country", "channel"), METRICS),
    ("quarter", (), METRICS),
    ("year", ("title",), METRICS),
    ("hour", ("channel",), ["many", "revenue", "buyers", "middle", "latest"]),
]


@pytest.mark.parametrize(("grain", "by", "metrics"), QUESTIONS, ids=[str(each[0]) for each in QUESTIONS])
def test_pushed_or_not_the_answer_is_that_of_files(
    projects: Callable[..., Any], grain: str | None, by: tuple[str, ...], metrics: list[str]
) -> None:
    metrics = [name for name in metrics if not by or name not in ("paid", "seen")]
    metrics = [name for name in metrics if grain is not None or name != "last_month"]
    question: dict[str, Any] = {"by": by, "grain": grain, "start": "2025-10", "end": "2026-05"}
    if grain == "day":
        question |= {"start": "2026-03-20", "end": "2026-04-05"}
    if grain == "hour":
        question |= {"start": "2025-10-25", "end": "2025-10-27"}
    expected = projects("files").eval(metrics, **question)
    assert expected.table.num_rows
    for kind in DATABASES:
        pushed = projects(kind).eval(metrics, **question)
        assert shop.values(pushed.table) == shop.values(expected.table), kind
        for name, source in pushed.report()["sources"].items():
            assert all("states made by" in line for line in source["pushdown"]), (kind, source["pushdown"])
            before = expected.report()["sources"][name]
            for count in ("rows_without_time", "rows_past_watermark"):
                assert source[count] == before[count], (kind, name, count)


@pytest.mark.parametrize("kind", DATABASES)
def test_rows_give_the_answer_of_files(projects: Callable[..., Any], kind: str) -> None:
    question: dict[str, Any] = {"grain": "month", "start": "2025-10", "end": "2026-05"}
    read = projects(kind, "aggregate = false\n").eval(METRICS, **question)
    assert shop.values(read.table) == shop.values(projects("files").eval(METRICS, **question).table)
    assert any("`aggregate = false`" in line for line in read.report()["sources"]["orders"]["pushdown"])


@pytest.mark.parametrize("kind", DATABASES)
def test_what_is_not_on_the_list_is_made_of_rows(projects: Callable[..., Any], kind: str) -> None:
    """Sums of floats are exact in the engine; upper case is not the same in every database."""
    answers = {}
    for name in ("files", kind):
        project = projects(name, "", shop.DEFINITIONS + shop.ROWS_ONLY)
        answers[name] = project.eval(["heft", "shouted", "local_latest"], grain="month", start="2026-02", end="2026-05")
    assert shop.values(answers[kind].table) == shop.values(answers["files"].table)
    said = " ".join(line for each in answers[kind].report()["sources"].values() for line in each["pushdown"])
    assert "sums of floats are exact here" in said or "upper is not on the list" in said
    assert "local times of a zone are kept" in said
