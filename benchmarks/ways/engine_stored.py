"""A question answered by kpi_engine with a store of states beside the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from questions import AS_OF, Question

import kpi_engine
from ways.engine import definitions_for, rows

__all__ = ["answer", "ask", "open_project", "rows", "store_of"]


def answer(question: Question, data: Path) -> Any:
    """The answer as an Arrow table."""
    return ask(open_project(data), question).table


def open_project(data: Path) -> Any:
    """The project with its store."""
    kpi_engine.keep_freed_memory()
    return kpi_engine.open(definitions=[definitions_for(data)], data=data, store=store_of(data))


def ask(project: Any, question: Question) -> Any:
    """The result, which knows what was read."""
    return project.eval(list(question.metrics), by=list(question.by), grain=question.grain, as_of=AS_OF)


def store_of(data: Path) -> Path:
    """The folder of the store."""
    return data / "store"
