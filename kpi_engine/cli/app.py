"""The commands of `kpi`, put together: of one call as few as it takes.

Typer reads the signature of every command that it is told of, which takes longer than to answer a small question. So a
call that names a command is given that one alone, and the list of all of them their names and descriptions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, get_type_hints

import typer

from kpi_engine.cli.session import Session, error_style
from kpi_engine.cli.typer_classes import PlainCommand, PlainGroup

HELP = """Metrics defined once in a small language, computed on Arrow.

Start with `kpi demo`, or `kpi init DIR` for a project of your own. The options below may stand anywhere on the
line; each has an environment variable too.
"""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("starting", "init"),
    "demo": ("starting", "demo"),
    "check": ("checking", "check"),
    "diff": ("comparing", "diff"),
    "fmt": ("formatting", "fmt"),
    "test": ("testing", "test"),
    "list": ("inspecting", "list_metrics"),
    "describe": ("inspecting", "describe"),
    "eval": ("answers", "evaluate"),
    "explain": ("answers", "explain"),
    "values": ("valuing", "values"),
    "completion": ("completing", "completion"),
    "plugins": ("plugins", "plugins"),
    "cache": ("cache", "cache"),
}
"""Where each command is: a function, or a group of commands; in the order of the help text."""

_ASKS_FOR_HELP = ("-h", "--help")


def app_for(words: Sequence[str]) -> typer.Typer:
    """What answers the words after the global options: the command that they name; for help the names of all commands;
    all commands where it is not that simple."""
    if words and words[0] in COMMANDS:
        return _app([_found(words[0])])
    if not words or words[0] in _ASKS_FOR_HELP:
        return _app([(name, _described(found)) for name, found in map(_found, COMMANDS)])
    return whole_app()


def whole_app() -> typer.Typer:
    """All commands."""
    return _app([_found(name) for name in COMMANDS])


def _app(commands: Sequence[tuple[str, Callable[..., Any] | typer.Typer]]) -> typer.Typer:
    app = typer.Typer(
        name="kpi",
        help=HELP,
        cls=PlainGroup,
        add_completion=False,
        suggest_commands=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": [*_ASKS_FOR_HELP]},
    )
    app.callback()(_typed(options))
    for name, command in commands:
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command(name, cls=PlainCommand)(_typed(command))
    return app


def _typed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose annotations are no texts any more: typer would evaluate these four times."""
    command.__annotations__ = get_type_hints(command, include_extras=True)
    return command


def _found(name: str) -> tuple[str, Callable[..., Any] | typer.Typer]:
    module, attribute = COMMANDS[name]
    command: Callable[..., Any] | typer.Typer = getattr(import_module(f"kpi_engine.cli.{module}"), attribute)
    return name, command


def _described(command: Callable[..., Any] | typer.Typer) -> Callable[[], None]:
    """A command that says what another one does, and takes nothing."""

    def described() -> None:
        """Never called: it stands in a list."""

    described.__doc__ = command.info.help if isinstance(command, typer.Typer) else inspect.getdoc(command)
    return described


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
