"""`kpi diff`: what changed in the meaning of metrics between two states of the definitions."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kpi_engine.cli.failures import may_colour, usage_error
from kpi_engine.cli.session import session_of
from kpi_engine.ir.diagnostic import ExitCode, did_you_mean

FORMATS = ("text", "json", "markdown")


def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A revision of git, or a folder or file of definitions.")],
    new: Annotated[str | None, typer.Argument(metavar="[NEW]", help="The same; default: the working tree.")] = None,
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json, or markdown (for pull requests).")
    ] = "text",
    data: Annotated[
        bool, typer.Option("--data", help="Compute changed metrics on both sides, and show by how much they differ.")
    ] = False,
    grain: Annotated[str, typer.Option("--grain", metavar="GRAIN", help="The periods that --data compares.")] = "month",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 if a meaning changed.")] = False,
) -> None:
    """Tell which metrics mean something else now, and why.

    Names, spelling, descriptions and how values are shown have no part in the meaning.

    \b
    Example:
      kpi diff main --data
    """
    from kpi_engine.inspect.compare import compare
    from kpi_engine.inspect.revisions import opened
    from kpi_engine.inspect.telling import as_json, as_markdown, as_text
    from kpi_engine.inspect.value_changes import value_changes

    if format not in FORMATS:
        help = did_you_mean(format, FORMATS) or f"there are {', '.join(FORMATS)}"
        raise usage_error("E721", f"there is no format `{format}`", help)
    session = session_of(context)
    config = session.config()
    with opened(old, config) as before, opened(new, config) as after:
        changes = compare(before, after)
        wanted = data or session.data is not None
        values = list(value_changes(changes, before, after, grain)) if wanted else []
        if format == "text":
            text = as_text(changes, values, before.name, after.name, colour=may_colour(sys.stdout))
        else:
            text = (as_json if format == "json" else as_markdown)(changes, values, before.name, after.name)
    sys.stdout.write(text)
    sys.stdout.flush()
    if exit_code and any(change.status in ("meaning", "added", "removed", "renamed") for change in changes):
        raise typer.Exit(ExitCode.RULE_FAILED)
