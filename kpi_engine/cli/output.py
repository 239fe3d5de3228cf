"""Where answers go: standard output, or a file that is either the old one or the complete new one."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kpi_engine.builtin.formats import FORMATS
from kpi_engine.cli.failures import may_colour, usage_error
from kpi_engine.extend.formats import Answer, OutputFormat, Surface
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean

_FILE_WIDTH = 200
"""Terminal cells of a table that is written to a file or a pipe and not looked at in a terminal."""


def write_answer(answer: Answer, format: OutputFormat, output: str | None) -> None:
    """Write to `output`, or to standard output for None and `-`."""
    write = format.writer()
    if output in (None, "-"):
        write(answer, sys.stdout.buffer, surface_of(sys.stdout))
        sys.stdout.buffer.flush()
        return
    with replacing(Path(str(output))) as sink:
        write(answer, sink, Surface(_FILE_WIDTH))


def chosen_format(name: str | None, output: str | None) -> OutputFormat:
    """The format asked for; else by the file's ending; else a table on a terminal, CSV in a pipe."""
    to_terminal = output in (None, "-") and sys.stdout.isatty()
    if name is not None:
        found = _named(name)
    elif output in (None, "-"):
        found = _named("table" if to_terminal else "csv")
    else:
        found = _by_ending(Path(str(output)))
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


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file when the block ends well; otherwise the file stays as it was.

    What is no regular file (a pipe, /dev/null) is written to directly. KpiError E724 if it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as sink:
                yield sink
        else:
            yield from _replaced(Path(os.path.realpath(path)))
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        missing = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError | PermissionError)
        code = ExitCode.USAGE if missing else ExitCode.DATA
        raise KpiError(Diagnostic("E724", f"cannot write {path}: {reason}", exit_code=code)) from error


def _replaced(target: Path) -> Iterator[IO[bytes]]:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        temporary.chmod(_mode_for(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _mode_for(target: Path) -> int:
    """The rights of the file that is replaced, or those of any new file."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _named(name: str) -> OutputFormat:
    by_name = {format.name: format for format in FORMATS}
    if name in by_name:
        return by_name[name]
    help = did_you_mean(name, by_name) or f"there are {', '.join(by_name)}"
    raise usage_error("E721", f"there is no format `{name}`", help)


def _by_ending(path: Path) -> OutputFormat:
    ending = path.suffix.removeprefix(".").lower()
    by_ending = {format.extension: format for format in FORMATS}
    if ending in by_ending:
        return by_ending[ending]
    if not ending:
        return _named("csv")
    message = f"no format is known by the ending `.{ending}`"
    help = f"add -f with one of {', '.join(format.name for format in FORMATS)}"
    raise usage_error("E721", message, help)
