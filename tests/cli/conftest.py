"""The command line in this process, with a stand-in for the project."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine.cli import main
from kpi_engine.ir.catalog import CalendarSettings, Catalog, Metric, Source
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.expression import Constant
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.types import COUNT, RATIO, Display


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str
    raw: bytes = b""


@pytest.fixture
def kpi(capsysbinary: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `kpi` with these words."""
    for name in ("KPI_PROJECT", "KPI_DEFINITIONS", "KPI_DATA", "KPI_ERRORS", "KPI_AS_OF", "KPI_PLUGINS", "KPI_STORE"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Outcome:
        capsysbinary.readouterr()
        code = main(list(words))
        out, err = capsysbinary.readouterr()
        return Outcome(code, out.decode("utf-8", "replace"), err.decode(), out)

    return run


@dataclass
class StandIn:
    """A project that remembers what it was asked."""

    answer: Any
    findings: Sequence[Diagnostic] = ()
    catalog: Any = None
    opened: list[tuple[object, object, object]] = field(default_factory=list)
    asked: list[tuple[object, dict[str, object]]] = field(default_factory=list)
    failure: BaseException | None = None
    config: Any = field(default_factory=lambda: SimpleNamespace(plugins=()))

    def open(self, path: object = None, *, definitions: object = None, data: object = None) -> StandIn:
        self.opened.append((path, definitions, data))
        return self

    def eval(self, metrics: object, **settings: object) -> Any:
        if self.failure is not None:
            raise self.failure
        self.asked.append((metrics, settings))
        return self.answer

    def explain(self, metric: object, **settings: object) -> str:
        self.asked.append((metric, settings))
        return "Measure count(orders)\n"

    def known_name(self, name: str) -> str:
        return name

    def check(self) -> tuple[Diagnostic, ...]:
        if self.failure is not None:
            raise self.failure
        return tuple(self.findings)


@pytest.fixture
def answer() -> Any:
    """Two months of one channel."""
    columns = [
        ResultColumn("period", "period", grain="month"),
        ResultColumn("channel", "dimension"),
        ResultColumn("revenue", "metric", Display("currency", "EUR")),
    ]
    table = pa.table(
        {
            "period": pa.array([datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)], pa.date32()),
            "channel": ["app", "=cmd"],
            "revenue": pa.array([Decimal("1234.50"), None], pa.decimal128(12, 2)),
        }
    )
    return SimpleNamespace(
        table=table, columns=columns, stats=RunStats(as_of="2026-03-01 00:00", seconds={"scan": 0.1})
    )


@pytest.fixture
def project(answer: Any, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """What `kpi_engine.open` gives in these tests."""
    stand_in = StandIn(answer, catalog=catalog())
    monkeypatch.setitem(vars(kpi_engine), "open", stand_in.open)
    return stand_in


def catalog() -> Catalog:
    """Two metrics over one source."""
    body = Constant(1, COUNT)
    metrics = [
        Metric("order_count", body, COUNT, Display("count"), ("orders",), tags=("sales",), additive=True),
        Metric(
            "conversion", body, RATIO, Display("percent"), ("orders", "visits"),
            uses=("order_count",), description="Orders per visitor", not_additive_because="it divides",
        ),
    ]  # fmt: skip
    sources = [Source(name, name[:-1], (f"{name}.csv",), {}) for name in ("orders", "visits")]
    return Catalog(
        CalendarSettings(), {s.name: s for s in sources}, {}, {}, {metric.name: metric for metric in metrics}
    )


@pytest.fixture
def broken() -> KpiError:
    """One error in one file."""
    from kpi_engine.ir.span import SourceText, Span

    source = SourceText("sales.kpi", "conversion = count(ordres)/count(distinct visitors)\n")
    return KpiError(
        Diagnostic("E201", "no source or entity named `ordres`", Span(source, 19, 25), "did you mean `orders`?")
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
