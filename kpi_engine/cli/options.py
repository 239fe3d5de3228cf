"""The options of questions, which several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from kpi_engine.cli import completing

By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="DIM",
        help="Split by a dimension; repeat, or write a comma list.",
        autocompletion=completing.dimensions,
    ),
]
Grain = Annotated[
    str | None,
    typer.Option(
        "--grain",
        metavar="GRAIN",
        autocompletion=completing.grains,
        help="A row per hour, day, week, month, quarter, year, ...; or a comma list of grains.",
    ),
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
Metrics = Annotated[
    list[str],
    typer.Argument(metavar="METRIC", help="Names of metrics; or a comma list.", autocompletion=completing.metrics),
]
SkipEmpty = Annotated[bool, typer.Option("--skip-empty", help="Leave out rows without any data.")]
OrderBy = Annotated[
    list[str] | None,
    typer.Option("--order-by", metavar="NAME[:desc]", help="Sort by a column; repeat, or a comma list."),
]
Limit = Annotated[str | None, typer.Option("--limit", metavar="N", help="At most so many rows, after sorting.")]
Stats = Annotated[
    bool, typer.Option("--stats", help="Say what was read and how long each stage took; with -f json as data.")
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="How much memory the answer may take, as 2 GB (or KPI_MEMORY)."),
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Say where the time went: a table by source and step, and by stage.")
]
Detail = Annotated[
    bool,
    typer.Option("--detail", help="Beside each metric: numerator, denominator, rows, and whether it is complete."),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Answer again whenever definitions or data files change; Ctrl-C ends.")
]
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="DIR", help="Keep states for the next question in this folder (or KPI_STORE)."),
]
NoStore = Annotated[
    bool, typer.Option("--no-store", help="Read all data, and keep nothing for the next question (or KPI_STORE=off).")
]
Format = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--format",
        metavar="FORMAT",
        help="table, csv, json, jsonl, markdown, arrow or parquet. A table on a terminal, else csv.",
        autocompletion=completing.formats,
    ),
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write a file; its ending chooses the format."),
]
