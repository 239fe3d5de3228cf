"""`kpi init DIR --data FOLDER`: a first project for tables that are there."""

from __future__ import annotations

import sys
from pathlib import Path

from kpi_engine.cli.failures import note, suggest

_MOST_SHOWN = 2


def draft(folder: str, data: str, style: str) -> None:
    """Write the draft, and say what it is made of and what to try next. KpiError E604, E710, E711."""
    from kpi_engine.inspect.draft.project import draft_project
    from kpi_engine.inspect.wording import counted
    from kpi_engine.project.templates import check_free, write_new

    target = Path(folder)
    check_free(target, ("kpi.toml", "sources.kpi", "metrics.kpi", "tests/metrics.kpitest"))
    note(f"reading the tables in {data} ...", style)
    made = draft_project(target, Path(data))
    for path in write_new(target, made.files):
        sys.stdout.write(f"{path}\n")
    sys.stdout.flush()
    parts = [counted(made.sources, "source"), counted(len(made.dimensions), "dimension")]
    parts.append(counted(len(made.metrics), "metric"))
    unsure = f"; not sure of {counted(len(made.doubts), 'thing')}, see the end of sources.kpi" if made.doubts else ""
    note(f"drafted {', '.join(parts)} from {counted(made.rows, 'row')}{unsure}", style)
    commands = ["kpi check --data"]
    if made.metrics:
        by = f" --by {made.split}" if made.split else ""
        commands += [f"kpi eval {' '.join(made.best[:_MOST_SHOWN])}{by} --grain month", "kpi test"]
    suggest(folder, commands, style)
