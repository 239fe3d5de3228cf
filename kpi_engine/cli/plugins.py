"""`kpi plugins`: what is installed, whether it works, pins, and new packages."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kpi_engine.cli import plugin_packs
from kpi_engine.cli.failures import note, usage_error
from kpi_engine.cli.session import Session, session_of
from kpi_engine.cli.typer_classes import PlainCommand, PlainGroup
from kpi_engine.ir.diagnostic import ExitCode, KpiError

if TYPE_CHECKING:
    from kpi_engine.managing import Row
    from kpi_engine.project import ProjectConfig

plugins = typer.Typer(
    name="plugins",
    cls=PlainGroup,
    help="Connectors, plugins and packs: what is installed, and whether it works.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write an array of objects.")]


@plugins.command("list", cls=PlainCommand)
def list_plugins(context: typer.Context, as_json: Json = False) -> None:
    """List connectors, plugins and packs, and how they stand. Nothing is imported.

    Packs are those that kpi.toml names by folder, the installed and the bundled; of one name the first of these counts.

    \b
    Example:
      kpi plugins list
    """
    from kpi_engine.managing import listed

    _print(listed(_config(session_of(context))), as_json)


@plugins.command("doctor", cls=PlainCommand)
def doctor(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these.")] = None,
    as_json: Json = False,
) -> None:
    """See whether what the project names works.

    Each is imported in a process of its own, and so are others where their names are given.

    \b
    Example:
      kpi plugins doctor
    """
    from kpi_engine.managing import looked_at

    session = session_of(context)
    rows = looked_at(_config(session), tuple(names or ()))
    _print(rows, as_json)
    bad = [row for row in rows if row.status in ("failed", "unusable", "not installed")]
    if not as_json:
        found = f"{len(rows)} looked at, {len(bad)} not working"
        note(found if rows else "the project names no plugin", session.errors)
    if bad:
        raise typer.Exit(ExitCode.DATA)


@plugins.command("freeze", cls=PlainCommand)
def freeze(context: typer.Context) -> None:
    """Pin what the project names in its kpi.toml.

    Versions and hashes are written, and from then on enforced.

    \b
    Example:
      kpi plugins freeze
    """
    from kpi_engine.managing import freeze as write_pins

    session = session_of(context)
    pins = write_pins(session.config())
    for name, pin in pins.items():
        sys.stdout.write(f"{name} {pin.version}\n")
    note(f"{len(pins)} pinned in kpi.toml", session.errors)


@plugins.command("new", cls=PlainCommand)
def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="connector, functions or pack.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="One word, as kpi.toml will name it.")],
    folder: Annotated[str, typer.Option("--in", metavar="DIR", help="Where its folder is made.")] = ".",
) -> None:
    """Write a new package, kpi-NAME, with its tests.

    \b
    Example:
      kpi plugins new connector zendesk
    """
    from kpi_engine.managing import built_in
    from kpi_engine.scaffold import KINDS, new_package

    if kind not in KINDS:
        raise usage_error("E753", f"there is nothing new of the kind `{kind}`", f"write one of {', '.join(KINDS)}")
    if taken := built_in(kind, name):
        raise usage_error("E753", taken, f"choose another name, such as `my_{name}`")
    for path in new_package(kind, name, Path(folder)):
        sys.stdout.write(f"{path}\n")


def _config(session: Session) -> ProjectConfig | None:
    """The project's settings; None outside of any project."""
    try:
        return session.config()
    except KpiError as error:
        if error.diagnostics[0].code == "E701" and session.project is None:
            return None
        raise


def _standing(row: Row) -> str:
    return f"{row.status}, instead of {' and '.join(row.hides)}" if row.hides else row.status


def _print(rows: Sequence[Row], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2) + "\n")
        return
    from kpi_engine.cli.describing import print_list

    print_list(
        [
            (
                f"{row.kind} {row.name}",
                row.provider,
                ": ".join(part for part in (_standing(row), row.cause) if part),
            )
            for row in rows
        ]
    )


plugin_packs.register(plugins)
