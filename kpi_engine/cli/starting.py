"""`kpi init` and `kpi demo`: the first five minutes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kpi_engine.cli.failures import note, suggest, usage_error
from kpi_engine.cli.session import session_of
from kpi_engine.ir.dataclass import dataclass

if TYPE_CHECKING:
    from kpi_engine import Project
    from kpi_engine.ir.result import ResultColumn, RunStats

SCORECARD = (
    "revenue",
    "sales_growth",
    "order_count",
    "average_order_value",
    "margin_rate",
    "conversion_rate",
    "active_customers",
    "roas",
)
"""What the demo shows first, as far as its definitions have it."""

SCORECARD_MONTHS = 6


def init(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder to start in; made if need be.")],
) -> None:
    """Start a project: two small tables and five metrics.

    With --data FOLDER, a project for the tables in there: all rows are read, and every guess says why.

    \b
    Example:
      kpi init shop
      kpi init shop --data exports
    """
    from kpi_engine.project.templates import write_starter

    _check_folder(folder)
    session = session_of(context)
    if session.data is not None:
        from kpi_engine.cli.drafting import draft

        draft(folder, session.data, session.errors)
        return
    for path in write_starter(Path(folder)):
        sys.stdout.write(f"{path}\n")
    sys.stdout.flush()
    suggest(
        folder,
        ["kpi list", "kpi eval revenue conversion --by channel --grain month", "kpi describe conversion", "kpi test"],
        session.errors,
    )


def demo(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder to write.")] = "kpi-demo",
) -> None:
    """Write the demo shop and show its scorecard.

    It has two years of orders, visits and advertising.

    \b
    Example:
      kpi demo
    """
    import kpi_engine
    from kpi_engine import demo as shop
    from kpi_engine.cli.output import surface_of
    from kpi_engine.present.notes import note_lines
    from kpi_engine.present.table import write_sideways

    _check_folder(folder)
    session = session_of(context)
    note(f"writing two years of a shop into {folder} ...", session.errors)
    try:
        shop.write(Path(folder))
    except OSError as error:
        raise usage_error("E711", f"cannot write the demo: {error}", "choose an empty folder") from error
    scorecard = _scorecard(kpi_engine.open(folder))
    write_sideways(scorecard, sys.stdout.buffer, surface_of(sys.stdout))
    sys.stdout.buffer.flush()
    for line in note_lines(scorecard):
        note(line, session.errors)
    suggest(
        folder,
        [
            "kpi list",
            "kpi describe conversion_rate",
            "kpi eval conversion_rate --by channel --grain quarter",
            "kpi eval product_revenue --by category --grain month --from 2026-05",
            "kpi explain conversion_rate --by channel",
        ],
        session.errors,
    )


def _check_folder(folder: str) -> None:
    if not folder.strip():
        raise usage_error("E720", "the name of the folder is empty", "write `.` for the folder that you are in")


@dataclass(frozen=True, slots=True)
class _LastRows:
    """The end of an answer."""

    table: Any
    columns: tuple[ResultColumn, ...]
    stats: RunStats


def _scorecard(project: Project) -> _LastRows:
    metrics = [name for name in SCORECARD if name in project.catalog.metrics]
    result = project.eval(metrics, grain="month")
    first = max(0, result.table.num_rows - SCORECARD_MONTHS)
    return _LastRows(result.table.slice(first), result.columns, result.stats)
