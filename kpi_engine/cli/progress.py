"""What happens meanwhile, on standard error: log lines with `-v`, a line of progress for work that takes a while."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kpi_engine.cli.failures import note

PATIENCE = 1.0
"""Seconds before work shows that it is under way."""

_LOGGER = logging.getLogger("kpi_engine")


class NoteHandler(logging.Handler):
    """Writes log records as notes, with the seconds since the command began."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self._style = style
        self._started = time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        """One line a record."""
        note(f"{time.perf_counter() - self._started:7.3f} s  {record.getMessage()}", self._style)


class LatestHandler(logging.Handler):
    """Keeps the latest message for a line of progress."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def emit(self, record: logging.LogRecord) -> None:
        """Replace the message."""
        self.message = record.getMessage()


def log_to_stderr(verbosity: int, style: str) -> None:
    """Write log lines from now on: stages for 1, every piece of a file for 2 and more."""
    for handler in [each for each in _LOGGER.handlers if isinstance(each, NoteHandler)]:
        _LOGGER.removeHandler(handler)
    if verbosity > 0:
        _LOGGER.addHandler(NoteHandler(style))
        _LOGGER.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
        _LOGGER.propagate = False


@contextmanager
def progress(message: str) -> Iterator[None]:
    """Show what is going on while the block runs, if it runs longer than `PATIENCE` on a terminal.

    Log lines and progress exclude each other: where `-v` writes lines, these are progress enough.
    """
    if not _welcome():
        yield
        return
    latest = LatestHandler(message)
    before = _LOGGER.level
    _LOGGER.addHandler(latest)
    _LOGGER.setLevel(logging.DEBUG)
    done = threading.Event()
    shown = threading.Thread(target=_show, args=(latest, done), daemon=True)
    shown.start()
    try:
        yield
    finally:
        done.set()
        shown.join()
        _LOGGER.setLevel(before)
        _LOGGER.removeHandler(latest)


def _welcome() -> bool:
    """Whether standard error is a terminal that can rewrite a line, and nothing else is written to it."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return False
    return not any(isinstance(handler, NoteHandler) for handler in _LOGGER.handlers)


def _show(latest: LatestHandler, done: threading.Event) -> None:
    if done.wait(PATIENCE):
        return
    from rich.console import Console
    from rich.text import Text

    from kpi_engine.present.cells import safe_text

    started = time.perf_counter() - PATIENCE
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)

    def line() -> Text:
        text = f"{safe_text(latest.message)}  {time.perf_counter() - started:.0f} s"
        return Text(text[: max(10, console.width - 4)], style="dim")

    with console.status(line()) as status:
        while not done.wait(0.1):
            status.update(line())
