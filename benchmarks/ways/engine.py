"""A question in the language of metrics, answered by kpi_engine in a process that is set up as the command `kpi` is."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any

from questions import AS_OF, HERE, Question

import kpi_engine
from kpi_engine.cli.imports import end_process, leave_out_documentation, make_functions_late, own_process

own_process()
leave_out_documentation()
make_functions_late()
atexit.register(end_process)


def answer(question: Question, data: Path) -> Any:
    """The answer as an Arrow table, read by `rows`. Of earlier runs a project opened anew knows definitions and the
    forms of footers, and nothing of the data."""
    kpi_engine.keep_freed_memory()
    project = kpi_engine.open(definitions=[definitions_for(data)], data=data)
    return project.eval(list(question.metrics), by=list(question.by), grain=question.grain, as_of=AS_OF).table


def rows(question: Question, table: Any) -> list[tuple[Any, ...]]:
    """Keys, then metrics in order."""
    columns = [table.column(name).to_pylist() for name in (*question.keys, *question.metrics)]
    return list(zip(*columns, strict=True))


def definitions_for(data: Path) -> Path:
    """shop.kpi, or for CSV files a copy beside them that names those."""
    definitions = HERE / "shop.kpi"
    if not (data / "customers.csv").exists():
        return definitions
    copy = data / "shop.kpi"
    copy.write_text(definitions.read_text(encoding="utf-8").replace(".parquet", ".csv"), encoding="utf-8")
    return copy
