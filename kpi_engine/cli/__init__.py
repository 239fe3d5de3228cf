"""The command `kpi`: arguments in, the public API, answers on standard output, everything else on standard error."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from kpi_engine._version import __version__
from kpi_engine.cli.command_line import CommandLine, arrange
from kpi_engine.cli.imports import end_at_once, end_process, own_process
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError

__all__ = ["command", "main"]

_GRACE = 2.0
"""Seconds that threads of plugins have after the answer is written."""


def command() -> NoReturn:
    """The program `kpi`: run this process's command line, and end the process."""
    code = main()
    end_at_once(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code.

    >>> main(["--version"])
    kpi_engine 0.1.0
    <ExitCode.OK: 0>
    """
    if arguments is None:
        own_process()
    code = _answered(arguments)
    if arguments is None:
        _leave_threads_behind(code)
        end_process()
    return code


def _leave_threads_behind(code: int) -> None:
    """End the process although threads of plugins go on; they get a moment to finish."""
    own_state = sys.modules.get("kpi_engine.extend.own_state")
    if own_state is None:
        return
    last = time.monotonic() + _GRACE
    threads = own_state.lingering_threads()
    for thread in threads:
        thread.join(max(last - time.monotonic(), 0))
    if any(thread.is_alive() for thread in threads):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answered(arguments: Sequence[str] | None) -> int:
    _give_streams()
    line = arrange(sys.argv[1:] if arguments is None else arguments)
    style = line.value("--errors") or os.environ.get("KPI_ERRORS") or "text"
    _prepare(line, style)
    try:
        return _run(line)
    except KpiError as error:
        return _fail(error.diagnostics, error.exit_code, style)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except MemoryError:
        message = "there is not enough memory for this"
        help = "ask for fewer groups, a shorter span, or a coarser grain"
        too_much = Diagnostic("E798", message, help=help, exit_code=ExitCode.LIMIT)
        return _fail([too_much], ExitCode.LIMIT, style)
    except OSError as error:
        from kpi_engine.cli.failures import system_error

        _drop_unwritable_output()
        return _fail([system_error(error)], ExitCode.DATA, style)
    except Exception as error:  # noqa: BLE001
        # The boundary of the program: whatever arrives here is a bug, and is reported as one.
        from kpi_engine.cli.failures import internal_error

        problem = internal_error(error, "--debug" in line.common)
        return _fail([problem], ExitCode.INTERNAL, style)
    finally:
        _end_logging(line, style)


def _prepare(line: CommandLine, style: str) -> None:
    """Log as asked; answer a shell that completes a line. An ordinary call needs neither."""
    if line.verbosity:
        from kpi_engine.cli.progress import log_to_stderr

        log_to_stderr(line.verbosity, style)
    if "_KPI_COMPLETE" in os.environ:
        from kpi_engine.cli.completing import prepare_completion

        prepare_completion()


def _end_logging(line: CommandLine, style: str) -> None:
    """Log lines end with the command: a caller in this process may run another."""
    if line.verbosity:
        from kpi_engine.cli.progress import log_to_stderr

        log_to_stderr(0, style)


def _give_streams() -> None:
    """A stream that the caller closed (`>&-`) takes what is written and drops it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))


def _drop_unwritable_output() -> None:
    """What still waits for an output that takes no more (a full disk) is dropped, so that leaving does not fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_version() -> int:
    try:
        sys.stdout.write(f"kpi_engine {__version__}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _run(line: CommandLine) -> int:
    if "--version" in line.common:
        return _show_version()
    import typer

    from kpi_engine.cli.app import app_for, whole_app
    from kpi_engine.cli.failures import bad_command_line

    app = whole_app() if "_KPI_COMPLETE" in os.environ else app_for(line.rest)

    try:
        # Without standalone mode typer raises its errors and returns what the command returns.
        result = app(line.words or ["--help"], prog_name="kpi", standalone_mode=False)
    except typer.TyperException as error:
        raise KpiError(bad_command_line(error, line)) from error
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except SystemExit:
        # The one case in which typer still exits by itself: nobody reads the help text that it prints.
        return ExitCode.OK
    return result if isinstance(result, int) else ExitCode.OK


def _fail(diagnostics: Sequence[Diagnostic], code: int, style: str) -> int:
    from kpi_engine.cli.failures import report

    sys.stdout.flush()
    report(diagnostics, style)
    return code
