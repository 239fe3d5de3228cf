"""States made in a database, rows read from it, and Parquet files give one answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kpi_engine
import pytest
import shop
from conftest import DATABASES

METRICS = [line.partition(" = ")[0] for line in shop.DEFINITIONS.splitlines() if line[:1].isalpha() and " = " in line]
METRICS = [name for name in METRICS if not name.startswith("dimension")]


@pytest.fixture(scope="session")
def projects(connection: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    opened: dict[tuple[str, str], Any] = {}

    def project(kind: str, more: str = "") -> Any:
        if (kind, more) not in opened:
            folder: Path = tmp_path_factory.mktemp(f"project-{kind}")
            settings = "" if kind == "files" else connection(kind) + more
            opened[kind, more] = kpi_engine.open(shop.project(folder, settings))
        return opened[kind, more]

    return project


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("grain", [None, "day", "week", "month", "quarter", "year", "hour"])
@pytest.mark.parametrize("by", [(), ("channel",), ("country", "title")])
def test_pushed_or_not_the_answer_is_that_of_files(
    projects: Callable[..., Any], kind: str, grain: str | None, by: tuple[str, ...]
) -> None:
    metrics = [name for name in METRICS if not by or name not in ("paid", "seen")]
    metrics = [name for name in metrics if grain is not None or name != "last_month"]
    if grain == "hour":
        metrics = ["many", "revenue", "buyers", "middle", "latest"]
    question: dict[str, Any] = {"by": by, "grain": grain, "start": "2025-10", "end": "2026-05"}
    if grain == "hour":
        question |= {"start": "2025-10-25", "end": "2025-10-27"}
    expected = projects("files").eval(metrics, **question)
    read = projects(kind, "aggregate = false\n").eval(metrics, **question)
    pushed = projects(kind).eval(metrics, **question)
    assert expected.table.num_rows
    assert shop.values(read.table) == shop.values(expected.table)
    assert shop.values(pushed.table) == shop.values(expected.table)
