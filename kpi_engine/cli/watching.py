"""`kpi eval --watch`: ask again whenever definitions, kpi.toml or data files change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from kpi_engine.cli.failures import note, report
from kpi_engine.ir.diagnostic import KpiError

if TYPE_CHECKING:
    from kpi_engine import Project
    from kpi_engine.cli.session import Session
    from kpi_engine.project import ProjectConfig

INTERVAL = 0.5
"""Seconds between two looks at the files."""

_MOST_FILES = 100_000

Stamps = dict[Path, tuple[int, int]]
"""For each file its time of change in nanoseconds and its size."""


def keep_watching(session: Session, answer: Callable[[Project], None]) -> None:
    """Open the project and answer; again after each change, until Ctrl-C. What goes wrong is said, and ends nothing."""
    tables: tuple[str, ...] = ()
    while True:
        # Stamps are taken before anything is read, so that no change falls between.
        before = stamps(session, tables)
        try:
            project = session.open()
            found = tables_of(project)
            if found != tables:
                tables = found
                before = stamps(session, tables)
            answer(project)
        except KpiError as error:
            report(error.diagnostics, session.errors)
        changed = _wait(session, tables, before)
        note(f"{time.strftime('%H:%M:%S')} {_listed(changed)} changed", session.errors)


def tables_of(project: Project) -> tuple[str, ...]:
    """The names of all tables of a project's sources."""
    return tuple(dict.fromkeys(name for source in project.catalog.sources.values() for name in source.table))


def stamps(session: Session, tables: tuple[str, ...]) -> Stamps:
    """The state of every file that an answer may rest on; what cannot be looked at is as if it were not there."""
    found: Stamps = {}
    for path in _files(session, tables):
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
        if len(found) >= _MOST_FILES:
            break
    return found


def _wait(session: Session, tables: tuple[str, ...], before: Stamps) -> list[Path]:
    """The files that have changed, once a look finds no further change: whoever writes several is let finish."""
    last = before
    while True:
        time.sleep(INTERVAL)
        now = stamps(session, tables)
        if now != before and now == last:
            return sorted({path for path, _ in now.items() ^ before.items()})
        last = now


def _files(session: Session, tables: tuple[str, ...]) -> Iterator[Path]:
    from kpi_engine.project import definition_files

    try:
        config = session.config()
        definitions = definition_files(config)
    except KpiError:
        definitions = ()
        config = None
    yield from definitions
    if config is not None:
        if config.file is not None:
            yield config.file
        yield from _table_files(config, tables)
    elif session.project is not None:
        yield Path(session.project) / "kpi.toml"


def _table_files(config: ProjectConfig, tables: tuple[str, ...]) -> Iterator[Path]:
    for connection in config.connections.values():
        root = Path(connection.folder)
        for name in tables:
            path = root / name
            if path.is_file():
                yield path
            elif path.is_dir():
                yield from path.rglob("*")
            elif has_magic(name):
                yield from root.glob(name)
            elif path.name:
                yield from path.parent.glob(f"{path.name}.*")


def _listed(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:3])
    return f"{names} and {len(paths) - 3} more" if len(paths) > 3 else names
