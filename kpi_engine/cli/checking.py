"""`kpi check`: every problem of the definitions at once."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from kpi_engine.cli.failures import as_json, note, print_diagnostic, usage_error
from kpi_engine.cli.session import Session, session_of
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, Severity, did_you_mean

FORMATS = ("full", "concise", "json", "github")
_GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def check(
    context: typer.Context,
    format: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", help="full, concise, json, or github (annotations of a pull request)."
        ),
    ] = "full",
    data: Annotated[
        bool, typer.Option("--data", help="Read the data too, of the folder that may follow, and report what is odd.")
    ] = False,
) -> None:
    """Report every problem of kpi.toml and the definitions.

    \b
    Example:
      kpi check --format concise
    """
    refuse_unknown(format)
    session = session_of(context)
    try:
        project = session.open()
        found: Sequence[Diagnostic] = project.check()
        if (data or session.data is not None) and not _has_errors(found):
            found = [*found, *project.check_data()]
    except KpiError as error:
        found = error.diagnostics
    tell(found, format, session)


def refuse_unknown(format: str) -> None:
    """E721 for a format in which findings cannot be written."""
    if format not in FORMATS:
        help = did_you_mean(format, FORMATS) or f"there are {', '.join(FORMATS)}"
        raise usage_error("E721", f"there is no format `{format}`", help)


def tell(found: Sequence[Diagnostic], format: str, session: Session) -> None:
    """Write findings to standard output and their number to standard error, and end with their exit code."""
    _print_findings(found, format)
    sys.stdout.flush()
    if format != "json" and session.errors != "json":
        note(_summary(found), session.errors)
    if code := _exit_code(found):
        raise typer.Exit(code)


def _print_findings(found: Sequence[Diagnostic], format: str) -> None:
    match format:
        case "json":
            sys.stdout.write(json.dumps(list(map(as_json, found)), ensure_ascii=False, indent=2) + "\n")
        case "github":
            for diagnostic in found:
                sys.stdout.write(_annotation(diagnostic) + "\n")
        case _:
            for diagnostic in found:
                print_diagnostic(diagnostic, format, sys.stdout)


def _has_errors(found: Sequence[Diagnostic]) -> bool:
    """Whether definitions have errors; tables out of reach are none, the others can still be looked at."""
    return any(each.severity is Severity.ERROR and each.exit_code is not ExitCode.DATA for each in found)


def _exit_code(found: Sequence[Diagnostic]) -> int:
    """That of the first error; 1 when there are only warnings about definitions; 0 for notes and for nothing.

    Warnings about data change from day to day and are no reason to stop: they end with 0.
    """
    for diagnostic in found:
        if diagnostic.severity is Severity.ERROR:
            return diagnostic.exit_code
    warned = any(each.severity is Severity.WARNING and each.exit_code is not ExitCode.DATA for each in found)
    return ExitCode.RULE_FAILED if warned else ExitCode.OK


def _summary(found: Sequence[Diagnostic]) -> str:
    counts = Counter(diagnostic.severity for diagnostic in found)
    parts = [
        f"{counts[severity]} {severity.value}{'' if counts[severity] == 1 else 's'}"
        for severity in Severity
        if counts[severity]
    ]
    waiting = any(diagnostic.code == "N791" for diagnostic in found)
    more = "; `kpi list --disabled` says what each metric waits for" if waiting else ""
    return (", ".join(parts) or "no problems found") + more


def _annotation(diagnostic: Diagnostic) -> str:
    """A workflow command as GitHub reads it."""
    fields = {"title": f"{diagnostic.code}"}
    place = as_json(diagnostic)
    for key, name in (("file", "file"), ("line", "line"), ("column", "col"), ("end_line", "endLine")):
        if place[key] is not None:
            fields[name] = str(place[key])
    if place["end_column"] is not None and place["line"] == place["end_line"]:
        fields["endColumn"] = str(place["end_column"])
    message = f"{diagnostic.message}\nhelp: {diagnostic.help}" if diagnostic.help else diagnostic.message
    properties = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in fields.items())
    return f"::{_GITHUB_LEVELS[diagnostic.severity]} {properties}::{_escaped(message, '')}"


def _escaped(text: str, more: str) -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
