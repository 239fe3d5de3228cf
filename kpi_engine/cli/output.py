"""Where answers go: standard output, or a file that is either the old one or the complete new one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from kpi_engine.builtin.formats import FORMATS
from kpi_engine.cli.failures import may_colour, usage_error
from kpi_engine.cli.session import Session
from kpi_engine.extend.formats import Answer, OutputFormat, Surface, Writer
from kpi_engine.ir.diagnostic import Diagnostic, KpiError, did_you_mean

_FILE_WIDTH = 200
"""Terminal cells of a table that is written to a file or a pipe and not looked at in a terminal."""


def write_answer(answer: Answer, format: OutputFormat, output: str | None, *, with_report: bool = False) -> None:
    """Write to `output`, or to standard output for None and `-`; JSON may hold the report of the run as well."""
    write = _with_report if with_report else _writer(format)
    if output in (None, "-"):
        write(answer, sys.stdout.buffer, surface_of(sys.stdout))
        sys.stdout.buffer.flush()
        return
    from kpi_engine.project.writing import replacing

    with replacing(Path(str(output))) as sink:
        write(answer, sink, Surface(_FILE_WIDTH))


def _writer(format: OutputFormat) -> Writer:
    """The format's writer; what one of a plugin raises is told as its own failure."""
    if format in FORMATS:
        return format.writer()

    def write(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
        from kpi_engine.extend.contained import contained

        with contained(f"the output format `{format.name}` of a plugin", "output"):
            format.writer()(answer, sink, surface)

    return write


def _with_report(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    from kpi_engine.present.json_rows import write_json_report

    write_json_report(answer, sink)


def chosen_format(name: str | None, output: str | None, session: Session) -> OutputFormat:
    """The format asked for; else by the file's ending; else a table on a terminal, CSV in a pipe.

    Plugins are loaded for it only where the engine has no such format itself.
    """
    to_terminal = output in (None, "-") and sys.stdout.isatty()
    if name is not None:
        found = _named(name, session)
    elif output in (None, "-"):
        found = _named("table" if to_terminal else "csv", session)
    else:
        found = _by_ending(Path(str(output)), session)
    if found.binary and to_terminal:
        message = f"{found.name} is not for terminals"
        help = f"write it to a file (-o answer.{found.extension}), or into a pipe"
        raise usage_error("E723", message, help)
    return found


def surface_of(stream: IO[str]) -> Surface:
    """The width and the abilities of a stream; a pipe is as wide as COLUMNS says, or wide enough."""
    terminal = stream.isatty()
    width = shutil.get_terminal_size((80 if terminal else _FILE_WIDTH, 24)).columns
    return Surface(max(width, 20), may_colour(stream), terminal)


def _named(name: str, session: Session) -> OutputFormat:
    by_name = {format.name: format for format in FORMATS}
    left_out: list[Diagnostic] = []
    if name not in by_name:
        added, left_out = session.formats()
        by_name = {**by_name, **added}
    if name in by_name:
        return by_name[name]
    if left_out:
        raise KpiError(left_out)
    help = did_you_mean(name, by_name) or f"there are {', '.join(by_name)}"
    raise usage_error("E721", f"there is no format `{name}`", help)


def _by_ending(path: Path, session: Session) -> OutputFormat:
    ending = path.suffix.removeprefix(".").lower()
    if not ending:
        return _named("csv", session)
    found = _with_ending(ending, FORMATS) or _with_ending(ending, session.formats()[0].values())
    if found is not None:
        return found
    message = f"no format is known by the ending `.{ending}`"
    help = f"add -f with one of {', '.join(format.name for format in FORMATS)}"
    raise usage_error("E721", message, help)


def _with_ending(ending: str, formats: Iterable[OutputFormat]) -> OutputFormat | None:
    return next((format for format in formats if format.extension == ending), None)
