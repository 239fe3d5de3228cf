"""`kpi values`: what a dimension can be."""

from __future__ import annotations

from typing import Annotated

import typer

from kpi_engine.cli import completing
from kpi_engine.cli.answers import Shown, row_limit, show
from kpi_engine.cli.command_line import listed
from kpi_engine.cli.failures import note
from kpi_engine.cli.options import Format, Output, Where
from kpi_engine.cli.progress import progress
from kpi_engine.cli.session import session_of

MOST_VALUES = 100
"""Values shown where no limit is given."""


def values(
    context: typer.Context,
    dimensions: Annotated[
        list[str],
        typer.Argument(
            metavar="DIM",
            help="Dimensions, or columns as orders.status; several give their combinations.",
            autocompletion=completing.dimensions,
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--in", metavar="SOURCE", help="Count rows of this source alone.", autocompletion=completing.sources
        ),
    ] = None,
    where: Where = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=f"At most so many values; otherwise {MOST_VALUES}.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show the values of dimensions, with row counts.

    \b
    Example:
      kpi values channel --in orders
    """
    from kpi_engine.cli.output import chosen_format

    session = session_of(context)
    chosen = chosen_format(format, output, session)
    shown = Shown(chosen, output, stats=False, profile=False, errors=session.errors)
    most = row_limit(limit) or MOST_VALUES
    with progress("reading values"):
        # One more than is shown tells whether there are more.
        result = session.open().values(listed(dimensions), source=source, where=where, limit=most + 1)
    show(result.head(most), shown)
    if len(result) > most:
        note(f"there are more than these {most} values; --limit shows more of them", session.errors)
