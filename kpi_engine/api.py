"""The public Python API: open a project, bind data, ask questions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kpi_engine import pipeline
from kpi_engine.extend.rows import Connector, TableRequest
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.question import Question
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.span import SourceText
from kpi_engine.project import ProjectConfig
from kpi_engine.project.config import load_config

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa

_OUT_OF_REACH = ("E60", "E61", "E62")
"""Codes of tables that cannot be read."""

AnyPath = str | os.PathLike[str]
Names = str | Sequence[str]


def open_project(
    path: AnyPath | None = None,
    *,
    definitions: AnyPath | Sequence[AnyPath] | None = None,
    data: AnyPath | None = None,
) -> Project:
    """Open a project: a folder with a kpi.toml (default: the nearest one upward), or files of definitions.

    `definitions` are files or folders that are read instead of the project's own; `data` is the folder that relative
    tables are looked for in. Nothing is read before it is needed. Raises `KpiError` when there is no such project.
    """
    return Project(load_config(path, definitions=definitions, data=data))


class Project:
    """Definitions, and the data that they speak of.

    >>> import pyarrow as pa, kpi_engine
    >>> project = kpi_engine.Project.from_text('source orders\\n  time: day\\n\\nrevenue = sum(orders.total)\\n')
    >>> import datetime
    >>> project.bind("orders", pa.table({"day": [datetime.date(2026, 3, 1)], "total": [5]}))
    >>> project.eval("revenue", as_of="2026-04-01").table.to_pylist()
    [{'revenue': 5}]
    """

    def __init__(self, config: ProjectConfig, texts: Sequence[SourceText] | None = None) -> None:
        self.config = config
        self._given = tuple(texts) if texts is not None else None
        self._bound: dict[str, Connector] = {}
        self._loaded: pipeline.Loaded | None = None

    @classmethod
    def from_text(cls, text: str, *, data: AnyPath | None = None, name: str = "definitions.kpi") -> Project:
        """A project of one text of definitions; the as-of is where the data ends."""
        config = load_config(definitions=(name,), data=data, environment={})
        return cls(config, (SourceText(name, text),))

    def _load(self) -> pipeline.Loaded:
        if self._loaded is None:
            if self._given is None:
                self._loaded = pipeline.load(self.config, self._bound)
            else:
                self._loaded = pipeline.load_texts(self._given, self.config, self._bound)
        return self._loaded

    def _sound(self) -> pipeline.Loaded:
        """The project without errors in its definitions; tables out of reach matter only when they are asked."""
        loaded = self._load()
        broken = [each for each in loaded.errors if not each.code.startswith(_OUT_OF_REACH)]
        if broken:
            raise KpiError(broken)
        return loaded

    @property
    def texts(self) -> tuple[SourceText, ...]:
        """The texts of the definitions. Raises `KpiError` (E7xx) when they cannot be read."""
        return self._load().texts

    @property
    def catalog(self) -> Catalog:
        """Everything defined. Raises `KpiError` with all errors if definitions are broken."""
        return self._sound().catalog

    def splits(self, metric: str) -> tuple[str, ...]:
        """The names that `by` may hold for a metric: dimensions first, then columns of its own sources.

        Raises `KeyError` for a metric that the catalogue does not have.
        """
        return pipeline.splits(self._sound(), metric)

    def bind(self, source: str, data: Any) -> None:
        """Let a source read an object instead of its table.

        `data` is a pyarrow Table, RecordBatch, Dataset or RecordBatchReader, or anything that speaks
        `__arrow_c_stream__` (a pandas or polars frame, a DuckDB relation). A stream is read once and kept.
        Raises `KpiError` (E622) for what is no table.
        """
        from kpi_engine.builtin.connectors.memory import MemoryConnector

        connector = MemoryConnector(source, data)
        connector.schema(TableRequest((), source=source))
        self._bound[source] = connector
        self._loaded = None

    def check(self) -> tuple[Diagnostic, ...]:
        """All problems of the definitions: errors first, in the order of the text within each."""
        return pipeline.in_order(self._load().diagnostics)

    def eval(
        self,
        metrics: Names,
        *,
        by: Names = (),
        grain: str | None = None,
        where: str | None = None,
        start: str | None = None,
        end: str | None = None,
        as_of: str | None = None,
        skip_empty: bool = False,
        order_by: Names = (),
        limit: int | None = None,
    ) -> Result:
        """Compute metrics: a row for each period (with `grain`) and each group of the dimensions in `by`.

        `start` and `end` are periods or dates, both included; `as_of` a date, an hour or an instant. Raises `KpiError`:
        E5xx for a question that has no answer, E6xx for data that does not fit, E8xx for limits.
        """
        question = Question(
            _names(metrics), _names(by), grain, where, start, end, as_of, skip_empty, _names(order_by), limit
        )
        prepared = pipeline.prepare(self._sound(), question, self.config.as_of)
        return Result(pipeline.run(prepared), pipeline.result_columns(prepared), prepared.stats)

    def explain(
        self,
        metric: str,
        *,
        by: Names = (),
        grain: str | None = None,
        where: str | None = None,
        start: str | None = None,
        end: str | None = None,
        as_of: str | None = None,
        at: Literal["tree", "catalog", "plan", "optimized"] = "plan",
    ) -> str:
        """What a stage makes of a metric, as text."""
        loaded = self._sound()
        if at in ("tree", "catalog"):
            return pipeline.explain_definition(loaded, metric, at)
        question = Question(_names(metric), _names(by), grain, where, start, end, as_of)
        return pipeline.explain_plan(pipeline.prepare(loaded, question, self.config.as_of), at)


def _names(value: Names) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@dataclass(frozen=True, slots=True)
class Result:
    """An answer: `table` (Arrow), `columns` (what each means), `stats` (how it came about).

    The table's columns are `period` (with a grain), the dimensions, the metrics. Percents are fractions, durations
    duration[us], money decimals; each metric's unit is in its field's metadata.
    """

    table: pa.Table
    columns: tuple[ResultColumn, ...]
    stats: RunStats

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table for whoever speaks the Arrow C stream interface."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a pandas frame; pandas must be installed."""
        frame: pandas.DataFrame = self.table.to_pandas()
        return frame

    def to_polars(self) -> polars.DataFrame:
        """The table as a polars frame; polars must be installed."""
        import polars

        return polars.DataFrame(self.table)

    def _repr_html_(self) -> str:
        return pipeline.html_of(self)
