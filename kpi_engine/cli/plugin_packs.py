"""`kpi plugins map`, `diff`, `check` and `page`: what makers and users of packs need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kpi_engine.cli.failures import may_colour, note
from kpi_engine.cli.session import session_of
from kpi_engine.cli.typer_classes import PlainCommand
from kpi_engine.ir.diagnostic import ExitCode


def map_pack(
    context: typer.Context,
    pack: Annotated[str, typer.Argument(metavar="PACK", help="The name of a pack, as `use` writes it.")],
    to: Annotated[str, typer.Option("--to", metavar="CONNECTION", help="A connection of kpi.toml.")] = "default",
) -> None:
    """Draft the `map` lines of a pack from the names and types of a connection's tables.

    \b
    Example:
      kpi plugins map sales --to default > sales.kpi
    """
    from kpi_engine.inspect.pack_maps import draft_maps

    session = session_of(context)
    text = draft_maps(pack, to, session.config())
    sys.stdout.write(text)
    sys.stdout.flush()
    note(f"{text.count('review:')} guesses to look at", session.errors)


def diff_packs(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The folder of a pack, with its pack.toml.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="That of another version.")],
) -> None:
    """Tell what changed between two versions of a pack, and whether the new version says so. If not, end with 1.

    A major step is for metrics that mean something else and names that are gone, a minor one for new names, a patch for
    words.

    \b
    Example:
      kpi plugins diff kpi-sales-1.0/kpi_pack_sales kpi-sales-1.1/kpi_pack_sales
    """
    from kpi_engine.inspect.pack_changes import pack_changes, verdict
    from kpi_engine.inspect.telling import as_text

    found = pack_changes(Path(old), Path(new))
    if found.changes:
        sides = [f"{each.name} {each.version}" for each in (found.old, found.new)]
        sys.stdout.write(as_text(found.changes, (), *sides, colour=may_colour(sys.stdout)) + "\n")
    for step, said in found.tables:
        sys.stdout.write(f"{said} ({step})\n")
    sys.stdout.write(f"{verdict(found)}\n")
    sys.stdout.flush()
    if not found.enough:
        raise typer.Exit(ExitCode.RULE_FAILED)


def check_one(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder of a pack, with its pack.toml.")],
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="full, concise, json, or github, as in `kpi check`.")
    ] = "full",
) -> None:
    """Report what is wrong with a pack, and what its users would miss.

    Every metric needs a description, a direction, a unit and a case that holds; every column a type.

    \b
    Example:
      kpi plugins check kpi-sales/kpi_pack_sales
    """
    from kpi_engine.cli.checking import refuse_unknown, tell
    from kpi_engine.pack_checks import check_pack

    refuse_unknown(format)
    tell(check_pack(Path(folder)), format, session_of(context))


def page(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder of a pack, with its pack.toml.")],
) -> None:
    """Bring the catalogue in a pack's README.md up to date.

    \b
    Example:
      kpi plugins page kpi-sales/kpi_pack_sales
    """
    from kpi_engine.inspect.pack_pages import write_page

    sys.stdout.write(f"{write_page(Path(folder))}\n")


def register(group: typer.Typer) -> None:
    """Add the commands to `kpi plugins`."""
    for name, command in (("map", map_pack), ("diff", diff_packs), ("check", check_one), ("page", page)):
        group.command(name, cls=PlainCommand)(command)
