"""`kpi test`: the examples that belong to definitions, with the results expected of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kpi_engine.cli.failures import note
from kpi_engine.cli.session import session_of
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode
from kpi_engine.ir.span import SourceText, Span

if TYPE_CHECKING:
    from kpi_engine.testing.running import Outcome


def test(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS", help="Case files or folders of them. Default: those of the project."),
    ] = None,
    named: Annotated[
        str, typer.Option("-k", metavar="WORDS", help="Only cases with these words in their title or file name.")
    ] = "",
    accept: Annotated[bool, typer.Option("--accept", help="Write what is answered into results that differ.")] = False,
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit XML report, which CI servers show.")
    ] = None,
) -> None:
    """Run case files: small tables, a question, the result expected.

    \b
    Example:
      kpi test -k revenue
    """
    from kpi_engine.testing.running import summary

    session = session_of(context)
    started = time.perf_counter()
    found = session.open().test(paths or (), named=named, accept=accept)
    outcomes = [replace(outcome, path=_shown(outcome.path)) for outcome in found]
    seconds = time.perf_counter() - started
    if session.errors == "json":
        _report_as_json(outcomes)
    else:
        _report(outcomes)
    sys.stdout.flush()
    if junit is not None:
        _write_junit(outcomes, junit)
    note(summary(outcomes, seconds), session.errors)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(ExitCode.RULE_FAILED)


def _report(outcomes: Sequence[Outcome]) -> None:
    """What is not as expected, on standard output."""
    from kpi_engine.cli.output import surface_of
    from kpi_engine.present.cells import safe_text
    from kpi_engine.testing.showing import explained

    surface = surface_of(sys.stdout)
    for outcome in outcomes:
        if outcome.status == "passed":
            continue
        place = f"{outcome.path}:{outcome.line}: "
        sys.stdout.write(f"{_bold(place + safe_text(outcome.title or 'not a case file'), surface.colour)}")
        if outcome.status == "accepted":
            sys.stdout.write(": rewritten\n")
            continue
        sys.stdout.write(f"\n{explained(outcome, surface.width, colour=surface.colour)}\n\n")


def _report_as_json(outcomes: Sequence[Outcome]) -> None:
    from kpi_engine.cli.failures import report
    from kpi_engine.testing.showing import explained

    for outcome in outcomes:
        if outcome.passed:
            continue
        source = SourceText(str(outcome.path), outcome.path.read_text("utf-8-sig"))
        start = source.line_starts[outcome.line - 1]
        span = Span(source, start, start + len(source.line(outcome.line)))
        report([Diagnostic("E732", f"{outcome.title}\n{explained(outcome)}".strip(), span)], "json")


def _write_junit(outcomes: Sequence[Outcome], file: str) -> None:
    from kpi_engine.project.writing import replacing
    from kpi_engine.testing.junit import junit_xml
    from kpi_engine.testing.showing import explained

    with replacing(Path(file)) as sink:
        sink.write(junit_xml(outcomes, explained))


def _shown(path: Path) -> Path:
    """From the working folder where the file lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _bold(text: str, colour: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if colour else text
