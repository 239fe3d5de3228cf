"""The public Python API: open a project, bind data, ask questions."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from kpi_engine import pipeline
from kpi_engine.arguments import (
    When,
    as_text,
    check_choice,
    check_flags,
    check_given,
    check_names,
    check_number,
    check_paths,
    check_texts,
)
from kpi_engine.extend.rows import TableRequest
from kpi_engine.garbage import kept
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.question import Question
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.span import SourceText
from kpi_engine.opened import Opened
from kpi_engine.project import ProjectConfig
from kpi_engine.project.config import load_config

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa

    from kpi_engine.testing.running import Outcome

AnyPath = str | os.PathLike[str]
Names = str | Sequence[str]
Stage = Literal["tree", "catalog", "plan", "optimized"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""The stages that `Project.explain` shows."""


def open_project(
    path: AnyPath | None = None,
    *,
    definitions: AnyPath | Sequence[AnyPath] | None = None,
    data: AnyPath | None = None,
    plugins: bool = True,
    store: AnyPath | Literal[False] | None = None,
) -> Project:
    """Open a project: a folder with a kpi.toml (default: the nearest one upward), or files of definitions.

    `definitions` are files or folders that are read instead of the project's own; `data` is the folder that relative
    tables are looked for in. Without `plugins` none of those that kpi.toml lists is loaded. `store` is the folder in
    which states are kept between questions, False for none; by default a project with a kpi.toml has one. Nothing is
    read before it is needed. Raises `KpiError` when there is no such project.
    """
    check_paths(path=path, definitions=definitions, data=data, store=None if store is False else store)
    check_flags(plugins=plugins)
    return Project(load_config(path, definitions=definitions, data=data, plugins=plugins, store=store))


class Project:
    """Definitions, and the data that they speak of, both as they are when they are asked.

    >>> import pyarrow as pa, kpi_engine
    >>> project = kpi_engine.Project.from_text('source orders\\n  time: day\\n\\nrevenue = sum(orders.total)\\n')
    >>> import datetime
    >>> project.bind("orders", pa.table({"day": [datetime.date(2026, 3, 1)], "total": [5]}))
    >>> project.eval("revenue", as_of="2026-04-01").table.to_pylist()
    [{'revenue': 5}]
    """

    def __init__(self, config: ProjectConfig, texts: Sequence[SourceText] | None = None) -> None:
        self.config = config
        self._opened = Opened(config, texts)

    def __reduce__(self) -> NoReturn:
        """Connections and what is in memory stay in their process."""
        raise TypeError("a Project can be neither copied nor pickled: open it again where it is needed")

    @classmethod
    def from_text(cls, text: str, *, data: AnyPath | None = None, name: str = "definitions.kpi") -> Project:
        """A project of one text of definitions; the as-of is where the data ends."""
        check_given(text=text, name=name)
        check_texts(text=text, name=name)
        check_paths(data=data)
        config = load_config(definitions=(name,), data=data, environment={})
        return cls(config, (SourceText(name, text),))

    def _prepare(self, question: Question, detail: bool) -> pipeline.Run:
        """A question made ready, without looking at tables that it does not touch. What goes wrong is told by the
        project as a whole, in which all names are known."""
        with kept():
            loaded = self._opened.touched(question)
            if loaded is not None:
                with suppress(KpiError):
                    prepared = pipeline.prepare(loaded, question, self.config.as_of, detail=detail)
                    if not pipeline.reads_unseen(prepared):
                        return prepared
            return pipeline.prepare(self._opened.sound(), question, self.config.as_of, detail=detail)

    @property
    def texts(self) -> tuple[SourceText, ...]:
        """The texts of the definitions. Raises `KpiError` (E7xx) when they cannot be read."""
        return self._opened.whole().texts

    @property
    def catalog(self) -> Catalog:
        """Everything defined. Raises `KpiError` with all errors if definitions are broken."""
        return self._opened.sound().catalog

    def splits(self, metric: str) -> tuple[str, ...]:
        """The names that `by` may hold for a metric: dimensions first, then columns of its own sources.

        Raises `KeyError` for a metric that the catalogue does not have.
        """
        return pipeline.splits(self._opened.sound(), metric)

    def known_name(self, name: str) -> str:
        """The name under which the catalogue has what a name means: `sales.revenue` may be `revenue` there.

        Raises `KpiError` E792 for a bare name that several packs have.
        """
        return self._opened.whole().linked.metric_name(name)

    def bind(self, source: str, data: Any) -> None:
        """Let a source read an object instead of its table.

        `data` is a pyarrow Table, RecordBatch, Dataset or RecordBatchReader, or anything that speaks
        `__arrow_c_stream__` (a pandas or polars frame, a DuckDB relation). A stream is read once and kept.
        Raises `KpiError`: E622 for what is no table; E727 if there is no such source.
        """
        check_given(source=source)
        check_texts(source=source)
        pipeline.check_bound(self._opened.parse(), source)
        from kpi_engine.builtin.connectors.memory import MemoryConnector

        connector = MemoryConnector(source, data)
        connector.schema(TableRequest((), source=source))
        self._opened.bind(source, connector)

    def check(self) -> tuple[Diagnostic, ...]:
        """All problems of the definitions: errors first, in the order of the text within each."""
        self._opened.look_again()
        return pipeline.in_order(self._opened.whole().diagnostics)

    def check_data(self, today: datetime.date | None = None) -> tuple[Diagnostic, ...]:
        """What is odd about the data: errors and warnings with counts and examples, in the order of the sources.

        Every source is read once. `today` is what counts as the present (default: the current day of the calendar's
        zone). Raises `KpiError` with all errors if definitions are broken.
        """
        from kpi_engine.inspect.check import check_data

        self._opened.look_again()
        return check_data(self._opened.sound(), self.config.as_of, today)

    def eval(
        self,
        metrics: Names,
        *,
        by: Names = (),
        grain: Names | None = None,
        where: str | None = None,
        start: When | None = None,
        end: When | None = None,
        as_of: When | None = None,
        skip_empty: bool = False,
        order_by: Names = (),
        limit: int | None = None,
        detail: bool = False,
    ) -> Result:
        """Compute metrics: a row for each period (with `grain`) and each group of the dimensions in `by`.

        Several grains (`"month,week"`, or a list) give the rows of each below each other, led by a column `grain`.

        `start` and `end` are periods or dates, both included; `as_of` a date, an hour or an instant; all as text or as
        Python's own. With `detail` columns follow each metric: `m.numerator` and `m.denominator` of a quotient,
        `m.rows` (how many rows stand behind the value) and `m.complete`. Raises `KpiError`: E5xx for a question that
        has no answer, E6xx for data that does not fit, E8xx for limits, E734 for an argument of the wrong type.
        """
        start, end, as_of = as_text("start", start), as_text("end", end), as_text("as_of", as_of)
        check_given(metrics=metrics)
        check_names(metrics=metrics, by=by, grain=grain, order_by=order_by)
        check_texts(where=where)
        check_number(limit=limit)
        check_flags(skip_empty=skip_empty, detail=detail)
        question = Question(
            _names(metrics), _names(by), _grain(grain), where, start, end, as_of, skip_empty, _names(order_by), limit
        )
        prepared = self._prepare(question, detail)
        return Result(pipeline.run(prepared), pipeline.result_columns(prepared), prepared.stats)

    def test(
        self, paths: AnyPath | Sequence[AnyPath] = (), *, named: str = "", accept: bool = False
    ) -> tuple[Outcome, ...]:
        """Run case files (`*.kpitest`): questions over small tables of their own, with the results expected.

        `paths` are files and folders; without any, those beside the definitions and in folders named `tests`. `named`
        chooses the cases with these words in their title or file name. `accept` writes what is answered into results
        that differ. The project's own data is not read. Raises `KpiError`: E730 if there is nothing to run, the
        problems of the definitions if these cannot be parsed.
        """
        from kpi_engine.ask.case_files import run_files

        check_texts(named=named)
        return run_files(self.config, self._opened.texts, _paths(paths), named, accept=accept)

    def values(
        self, dimensions: Names, *, source: str | None = None, where: str | None = None, limit: int | None = None
    ) -> Result:
        """The values of dimensions, or of columns of sources, with the number of rows that have them.

        A row a combination of values, the most frequent first, and a column a source: those that have the dimensions,
        or `source` alone. All rows count, whatever their time. Raises `KpiError` E501, E503, E727 for names that do not
        go together or do not exist.
        """
        from kpi_engine.ask.values import values

        check_given(dimensions=dimensions)
        check_names(dimensions=dimensions)
        check_texts(source=source, where=where)
        check_number(limit=limit)
        self._opened.look_again()
        return Result(*values(self._opened.sound(), _names(dimensions), source, where, limit))

    def explain(
        self,
        metric: str,
        *,
        by: Names = (),
        grain: Names | None = None,
        where: str | None = None,
        start: When | None = None,
        end: When | None = None,
        as_of: When | None = None,
        at: Stage = "plan",
    ) -> str:
        """What a stage makes of a metric, as text."""
        start, end, as_of = as_text("start", start), as_text("end", end), as_text("as_of", as_of)
        check_names(by=by, grain=grain)
        check_given(metric=metric)
        check_texts(metric=metric, where=where)
        check_choice(at, STAGES, "at")
        self._opened.look_again()
        loaded = self._opened.sound()
        metric = loaded.linked.metric_name(metric)
        if at in ("tree", "catalog"):
            return pipeline.explain_definition(loaded, metric, at)
        question = Question(_names(metric), _names(by), _grain(grain), where, start, end, as_of)
        return pipeline.explain_plan(pipeline.prepare(loaded, question, self.config.as_of), at)


def _paths(value: AnyPath | Sequence[AnyPath]) -> tuple[Path, ...]:
    return (Path(value),) if isinstance(value, str | os.PathLike) else tuple(map(Path, value))


def _names(value: Names) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _grain(value: Names | None) -> str | None:
    return value if value is None or isinstance(value, str) else ",".join(value)


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """An answer: `table` (Arrow), `columns` (what each means), `stats` (how it came about).

    The table's columns are `grain` (with several grains), `period` (with any), the dimensions, the metrics. Percents
    are fractions, durations duration[us], money decimals; each metric's unit is in its field's metadata.
    """

    table: pa.Table
    columns: tuple[ResultColumn, ...]
    stats: RunStats

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table for whoever speaks the Arrow C stream interface."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __str__(self) -> str:
        """The answer as a table for people, with its notes."""
        from kpi_engine.present.terminal import answer_text

        return answer_text(self)

    def __repr__(self) -> str:
        rows = "1 row" if len(self) == 1 else f"{len(self)} rows"
        return f"<Result of {rows}: {', '.join(column.name for column in self.columns)}>"

    def head(self, rows: int = 10) -> Result:
        """The first rows."""
        return replace(self, table=self.table.slice(0, rows))

    def report(self) -> dict[str, object]:
        """How the answer came about, under keys that do not change: the `stats` of `kpi eval --stats -f json`."""
        from kpi_engine.present.report import report

        return report(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a pandas frame; pandas must be installed."""
        frame: pandas.DataFrame = self.table.to_pandas()
        return frame

    def to_polars(self) -> polars.DataFrame:
        """The table as a polars frame; polars must be installed."""
        import polars

        frame = polars.from_arrow(self.table)
        assert isinstance(frame, polars.DataFrame)
        return frame

    def _repr_html_(self) -> str:
        """The table with units and notes, for notebooks; every text is escaped."""
        from kpi_engine.present.html import table_html

        return table_html(self)
