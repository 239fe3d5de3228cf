"""The commands of `kpi`, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from kpi_engine.cli import (
    answers,
    cache,
    checking,
    comparing,
    completing,
    formatting,
    inspecting,
    plugin_packs,
    plugins,
    starting,
    testing,
    valuing,
)
from kpi_engine.cli.session import Session, error_style
from kpi_engine.cli.typer_classes import PlainCommand, PlainGroup

HELP = """Metrics defined once in a small language, computed on Arrow.

Start with `kpi demo`, or `kpi init DIR` for a project of your own. The options below may stand anywhere on the
line; each has an environment variable too.
"""

app = typer.Typer(
    name="kpi",
    help=HELP,
    cls=PlainGroup,
    add_completion=False,
    suggest_commands=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    starting.init,
    starting.demo,
    checking.check,
    comparing.diff,
    formatting.fmt,
    testing.test,
    inspecting.list_metrics,
    inspecting.describe,
    answers.evaluate,
    answers.explain,
    valuing.values,
    completing.completion,
):
    name = {"list_metrics": "list", "evaluate": "eval"}.get(command.__name__, command.__name__)
    app.command(name, cls=PlainCommand)(command)
plugin_packs.register(plugins.plugins)
app.add_typer(plugins.plugins)
app.add_typer(cache.cache)


@app.callback()
def options(
    context: typer.Context,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="DIR", help="Folder with the kpi.toml to use (or KPI_PROJECT)."),
    ] = None,
    definitions: Annotated[
        list[str] | None,
        typer.Option("--definitions", metavar="FILE...", help="Definitions to use (or KPI_DEFINITIONS)."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="Folder of the tables (or KPI_DATA).")
    ] = None,
    errors: Annotated[
        str, typer.Option("--errors", metavar="text|json", help="How errors are written (or KPI_ERRORS).")
    ] = "",
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Load no plugin, whatever kpi.toml lists (or KPI_PLUGINS=).")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Log stages to standard error; -vv logs every file too.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """What holds for every command. All flags but the first four are acted on before commands are looked at."""
    context.obj = Session(project, definitions or (), data, error_style(errors), not no_plugins)
