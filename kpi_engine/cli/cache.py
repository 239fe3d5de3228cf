"""`kpi cache`: what is kept between questions, whether it is whole, and emptying it."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from kpi_engine.cli.failures import note
from kpi_engine.cli.session import Session, session_of
from kpi_engine.cli.typer_classes import PlainCommand, PlainGroup
from kpi_engine.ir.diagnostic import ExitCode, KpiError

if TYPE_CHECKING:
    from kpi_engine.project import ProjectConfig
    from kpi_engine.store.upkeep import Contents, KeptUnder

cache = typer.Typer(
    name="cache",
    cls=PlainGroup,
    help="What is kept between questions: the state store, and whether it is whole.",
    rich_markup_mode=None,
)

Store = Annotated[
    str | None,
    typer.Option("--store", metavar="DIR", help="The folder of the store (or KPI_STORE); else the project's."),
]
Json = Annotated[bool, typer.Option("--json", help="Write an object.")]

_OFF = "no state store is in use: there is no kpi.toml, or it is turned off"


@cache.command("info", cls=PlainCommand)
def info(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """Say where states are kept, and how much.

    How many there are, how large and how old, by what belongs together.

    \b
    Example:
      kpi cache info
    """
    from kpi_engine.caching import described

    session = session_of(context)
    found = described(_config(session, store))
    if as_json:
        sys.stdout.write(json.dumps(None if found is None else _as_json(found), ensure_ascii=False, indent=2) + "\n")
    elif found is None:
        note(_OFF, session.errors)
    else:
        _print(found)


@cache.command("verify", cls=PlainCommand)
def verify(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """Read all that is kept again, and list what is damaged.

    Damaged files are moved to quarantine; if there are any, it ends with 6.

    \b
    Example:
      kpi cache verify
    """
    from kpi_engine.caching import verified
    from kpi_engine.cli.describing import print_list
    from kpi_engine.present.notes import count_text, size_text

    session = session_of(context)
    found = verified(_config(session, store))
    if as_json:
        sys.stdout.write(json.dumps(None if found is None else asdict(found), ensure_ascii=False, indent=2) + "\n")
    elif found is None:
        note(_OFF, session.errors)
    else:
        print_list([(each.file, each.label, f"{each.problem}; it {each.became}") for each in found.damage])
        sys.stdout.flush()
        whole = f"{count_text(found.records, 'record')} whole, {size_text(found.size)}"
        gone = f"; {found.gone} gone" if found.gone else ""
        note(f"{whole}{gone}; {count_text(len(found.damage), 'damaged file')}", session.errors)
    if found is not None and found.damage:
        raise typer.Exit(ExitCode.STATE)


@cache.command("clear", cls=PlainCommand)
def clear(context: typer.Context, store: Store = None) -> None:
    """Remove all that is kept. The next question reads its data again.

    \b
    Example:
      kpi cache clear
    """
    from kpi_engine.caching import cleared
    from kpi_engine.present.cells import safe_text
    from kpi_engine.present.notes import count_text, size_text

    session = session_of(context)
    found = cleared(_config(session, store))
    if found is None:
        note(_OFF, session.errors)
        return
    note(f"removed {count_text(found.files, 'file')}, {size_text(found.size)}", session.errors)
    if found.foreign:
        note(safe_text(f"left alone, as no part of the store: {', '.join(found.foreign)}"), session.errors)


def _config(session: Session, store: str | None) -> ProjectConfig:
    """The settings that name the store; without a project those of files that are named by hand."""
    session = session if store is None else session.with_store(store)
    try:
        return session.config()
    except KpiError as error:
        named = store is not None or os.environ.get("KPI_STORE")
        if error.diagnostics[0].code == "E701" and session.project is None and named:
            return replace(session, definitions=(".",)).config()
        raise


def _print(found: Contents) -> None:
    from kpi_engine.cli.describing import Facts, print_facts, print_list
    from kpi_engine.present.notes import count_text, size_text

    rows = [
        ("records", f"{count_text(found.records, 'record')}, {size_text(found.size)}" if found.records else "none"),
        ("at most", size_text(found.limit)),
        ("made", f"{_time(min(each.made for each in found.labels))} and later" if found.labels else ""),
        ("last used", _time(max(each.used for each in found.labels)) if found.labels else ""),
        ("waiting", f"{size_text(found.waiting)} that nothing needs any longer" if found.waiting else ""),
        ("quarantine", _quarantine(found)),
    ]
    meaning = "What earlier answers were made of. It is safe to remove."
    known = tuple((label, value) for label, value in rows if value)
    print_facts(Facts(str(found.folder), "state store", meaning, known))
    print_list(
        [
            (each.label, f"{count_text(each.records, 'record')}, {size_text(each.size)}", _used(each))
            for each in found.labels
        ]
    )


def _used(each: KeptUnder) -> str:
    return f"used {_time(each.used)}"


def _quarantine(found: Contents) -> str:
    from kpi_engine.present.notes import count_text, size_text

    if not found.quarantined:
        return ""
    return f"{count_text(found.quarantined, 'damaged file')}, {size_text(found.quarantined_size)}"


def _as_json(found: Contents) -> dict[str, object]:
    """The facts under keys that do not change; times in UTC."""
    return {
        "folder": str(found.folder),
        "records": found.records,
        "size": found.size,
        "limit": found.limit,
        "waiting": found.waiting,
        "quarantined": {"files": found.quarantined, "size": found.quarantined_size},
        "labels": [{**asdict(each), "made": _utc(each.made), "used": _utc(each.used)} for each in found.labels],
    }


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
