"""`kpi fmt`: definitions in their canonical form."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from kpi_engine.cli.failures import note
from kpi_engine.cli.session import Session, session_of
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.span import SourceText


def fmt(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS", help="Files or folders; `-` reads standard input. Default: the project."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if something would.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would change.")] = False,
) -> None:
    """Format definitions.

    \b
    Example:
      kpi fmt --check
    """
    session = session_of(context)
    if paths == ["-"]:
        if _format_stdin(check=check, diff=diff, style=session.errors) and (check or diff):
            raise typer.Exit(ExitCode.RULE_FAILED)
        return
    changed = 0
    problems: list[Diagnostic] = []
    files = _files(paths or [], session)
    for path in files:
        try:
            changed += _format_file(path, check=check, diff=diff, style=session.errors)
        except KpiError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise KpiError(problems)
    verb = "would change" if check or diff else "changed"
    note(f"{changed} of {len(files)} {'file' if len(files) == 1 else 'files'} {verb}", session.errors)
    if changed and (check or diff):
        raise typer.Exit(ExitCode.RULE_FAILED)


def _files(paths: list[str], session: Session) -> tuple[Path, ...]:
    from dataclasses import replace

    from kpi_engine.project import ProjectConfig, definition_files

    if not paths:
        return definition_files(session.config())
    return definition_files(replace(ProjectConfig(Path.cwd()), files=tuple(map(Path, paths))))


def _format_file(path: Path, *, check: bool, diff: bool, style: str) -> bool:
    """Whether the file is not in canonical form; it is rewritten unless only asked about."""
    import kpi_engine
    from kpi_engine.project import read_text
    from kpi_engine.project.writing import replacing

    source = read_text(path)
    formatted = kpi_engine.format_text(source)
    if formatted == source.text:
        return False
    if diff:
        sys.stdout.write(_difference(source, formatted))
    elif check:
        note(f"would change {source.name}", style)
    else:
        with replacing(path) as sink:
            sink.write(formatted.encode())
        note(f"changed {source.name}", style)
    return True


def _format_stdin(*, check: bool, diff: bool, style: str) -> bool:
    """Whether standard input is not in canonical form; its canonical form is printed unless only asked about."""
    import kpi_engine

    # What a file may hold, standard input may hold too: UTF-8 and nothing else.
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"standard input is not UTF-8 text: byte 0x{error.object[error.start]:02x} at offset {error.start}"
        raise KpiError(Diagnostic("E706", message)) from None
    source = SourceText("standard input", text)
    formatted = kpi_engine.format_text(source)
    changed = formatted != source.text
    if diff:
        sys.stdout.write(_difference(source, formatted) if changed else "")
    elif not check:
        sys.stdout.write(formatted)
    elif changed:
        note("would change standard input", style)
    return changed


def _difference(source: SourceText, formatted: str) -> str:
    before = source.text.splitlines(keepends=True)
    after = formatted.splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, source.name, f"{source.name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline at end of file\n" for line in lines)
