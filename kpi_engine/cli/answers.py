"""`kpi eval` and `kpi explain`: questions."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from kpi_engine.cli import completing
from kpi_engine.cli.command_line import listed
from kpi_engine.cli.failures import note, usage_error
from kpi_engine.cli.options import (
    AsOf,
    By,
    Detail,
    Format,
    From,
    Grain,
    Limit,
    Memory,
    Metrics,
    NoStore,
    OrderBy,
    Output,
    Profile,
    SkipEmpty,
    Stats,
    Store,
    To,
    Watch,
    Where,
)
from kpi_engine.cli.progress import progress
from kpi_engine.cli.session import session_of
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.sizes import size_of

if TYPE_CHECKING:
    from kpi_engine import Project, Result
    from kpi_engine.extend.formats import OutputFormat

Stage = Literal["tree", "catalog", "plan", "optimized"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def evaluate(
    context: typer.Context,
    metrics: Metrics,
    by: By = None,
    grain: Grain = None,
    where: Where = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    skip_empty: SkipEmpty = False,
    order_by: OrderBy = None,
    limit: Limit = None,
    detail: Detail = False,
    watch: Watch = False,
    stats: Stats = False,
    profile: Profile = False,
    store: Store = None,
    no_store: NoStore = False,
    memory: Memory = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Compute metrics.

    \b
    Example:
      kpi eval conversion --by channel --grain month --from 2026-01 --to 2026-06
    """
    from kpi_engine.cli.output import chosen_format

    session = session_of(context).with_store(chosen_store(store, no_store))
    # A flag that cannot be used is said before any data is read.
    limit_memory(memory)
    shown = Shown(chosen_format(format, output, session), output, stats, profile, session.errors)
    names = _metric_names(metrics)
    question: dict[str, Any] = {
        "by": listed(by),
        "grain": grain,
        "where": where,
        "start": start,
        "end": end,
        "as_of": as_of,
        "skip_empty": skip_empty,
        "order_by": listed(order_by),
        "limit": row_limit(limit),
        "detail": detail,
    }
    if watch:
        from kpi_engine.cli.watching import keep_watching

        keep_watching(session, lambda project: show(_asked(project, names, question), shown))
    else:
        show(_asked(session.open(), names, question), shown)


def _asked(project: Project, names: tuple[str, ...], question: dict[str, Any]) -> Result:
    with progress("reading definitions"):
        return project.eval(names, **question)


@dataclass(frozen=True, slots=True)
class Shown:
    """Where an answer goes and how: the format, the file, whether the run and its times are told too, how notes are
    written."""

    format: OutputFormat
    output: str | None
    stats: bool
    profile: bool
    errors: str


def show(result: Result, shown: Shown) -> None:
    """Write an answer, then its notes to standard error."""
    from kpi_engine.cli.output import write_answer
    from kpi_engine.present.notes import note_lines, run_lines

    in_answer = shown.stats and shown.format.name == "json"
    write_answer(result, shown.format, shown.output, with_report=in_answer)
    sys.stdout.flush()
    lines = [*note_lines(result), *(run_lines(result.stats) if shown.stats and not in_answer else [])]
    if shown.profile:
        from kpi_engine.present.profile import profile_lines

        lines += profile_lines(result.stats)
    for line in lines:
        note(line, shown.errors)


def explain(
    context: typer.Context,
    metric: Annotated[
        str, typer.Argument(metavar="METRIC", help="Name of a metric.", autocompletion=completing.metrics)
    ],
    by: By = None,
    grain: Grain = None,
    where: Where = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="STAGE",
            help="The stage to show: tree, catalog, plan or optimized.",
            autocompletion=completing.one_of(*STAGES),
        ),
    ] = "plan",
) -> None:
    """Show how a metric is understood and computed.

    \b
    Example:
      kpi explain conversion --by channel --at plan
    """
    stage = next((stage for stage in STAGES if stage == at), None)
    if stage is None:
        help = did_you_mean(at, STAGES) or f"there are {', '.join(STAGES)}"
        raise usage_error("E725", f"there is no stage `{at}`", help)
    text = (
        session_of(context)
        .open()
        .explain(metric, by=listed(by), grain=grain, where=where, start=start, end=end, as_of=as_of, at=stage)
    )
    sys.stdout.write(text.rstrip("\n") + "\n")


def _metric_names(given: list[str]) -> tuple[str, ...]:
    names = listed(given)
    if not names:
        raise usage_error("E720", "no metric is named", "`kpi list` shows the metrics there are")
    return names


def chosen_store(folder: str | None, off: bool) -> str | Literal[False] | None:
    """The folder of the state store, False for none, None if the environment and kpi.toml decide."""
    if folder is not None and off:
        raise usage_error("E720", "--store and --no-store do not go together", "leave one of them out")
    return False if off else folder


def limit_memory(size: str | None) -> None:
    """Let the answers of this process take no more memory."""
    if size is None:
        return
    if size_of(size) is None:
        raise usage_error("E823", f"--memory is no amount of memory: `{size}`", 'write --memory "2 GB"')
    os.environ["KPI_MEMORY"] = size


def row_limit(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise usage_error("E726", f"--limit cannot be `{text}`", "write a whole number above 0, as --limit 10")
