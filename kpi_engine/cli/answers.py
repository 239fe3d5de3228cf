"""`kpi eval` and `kpi explain`: questions."""

from __future__ import annotations

import sys
from typing import Annotated, Literal, get_args

import typer

from kpi_engine.cli.command_line import listed
from kpi_engine.cli.failures import note, usage_error
from kpi_engine.cli.session import session_of
from kpi_engine.ir.diagnostic import did_you_mean

Stage = Literal["tree", "catalog", "plan", "optimized"]
STAGES: tuple[Stage, ...] = get_args(Stage)

By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="DIM", help="Split by a dimension; repeat, or write a comma list."),
]
Grain = Annotated[
    str | None,
    typer.Option("--grain", metavar="GRAIN", help="A row per hour, day, week, month, quarter, year, ..."),
]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="EXPR", help="Only rows for which this holds: 'channel = \"app\"'."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="PERIOD", help="The first period: 2027, 2027-Q1, 2027-03, 2027-W07, a date."),
]
To = Annotated[str | None, typer.Option("--to", metavar="PERIOD", help="The last period, which still belongs to it.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="As if asked at this date or instant; or now, or data."),
]
Metrics = Annotated[list[str], typer.Argument(metavar="METRIC", help="Names of metrics; or a comma list.")]
SkipEmpty = Annotated[bool, typer.Option("--skip-empty", help="Leave out rows without any data.")]
OrderBy = Annotated[
    list[str] | None,
    typer.Option("--order-by", metavar="NAME[:desc]", help="Sort by a column; repeat, or a comma list."),
]
Limit = Annotated[str | None, typer.Option("--limit", metavar="N", help="At most so many rows, after sorting.")]
Stats = Annotated[bool, typer.Option("--stats", help="Say what was read and how long each stage took.")]
Format = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--format",
        metavar="FORMAT",
        help="table, csv, json, jsonl, markdown, arrow or parquet. A table on a terminal, else csv.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write a file; its ending chooses the format."),
]


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
    stats: Stats = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Compute metrics.

    \b
    Example:
      kpi eval conversion --by channel --grain month --from 2026-01 --to 2026-06
    """
    from kpi_engine.cli.output import chosen_format, write_answer
    from kpi_engine.present.notes import note_lines, run_lines

    session = session_of(context)
    # A flag that cannot be used is said before any data is read.
    chosen = chosen_format(format, output)
    names = _metric_names(metrics)
    rows = _row_limit(limit)
    result = session.open().eval(
        names,
        by=listed(by),
        grain=grain,
        where=where,
        start=start,
        end=end,
        as_of=as_of,
        skip_empty=skip_empty,
        order_by=listed(order_by),
        limit=rows,
    )
    write_answer(result, chosen, output)
    sys.stdout.flush()
    for line in note_lines(result):
        note(line, session.errors)
    if stats:
        for line in run_lines(result.stats):
            note(line, session.errors)


def explain(
    context: typer.Context,
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="Name of a metric.")],
    by: By = None,
    grain: Grain = None,
    where: Where = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    at: Annotated[
        str,
        typer.Option("--at", metavar="STAGE", help="The stage to show: tree, catalog, plan or optimized."),
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


def _row_limit(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise usage_error("E726", f"--limit cannot be `{text}`", "write a whole number above 0, as --limit 10")
