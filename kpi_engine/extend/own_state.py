"""What belongs to the process, kept from the code of plugins: standard output, the working folder, locale, warnings.

Standard output carries answers. While code of a plugin runs on a thread, what that thread prints goes to standard
error, and closing or replacing the stream touches nothing. What an import or a hook changes besides is put back.

Not kept: what threads print that a plugin starts itself, what native code writes, environment variables, and all that
code changes later, while rows are read.
"""

from __future__ import annotations

import locale
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kpi_engine.ir.dataclass import dataclass

_NAMES = ("stdout", "stderr")


class _Depth(threading.local):
    """How many calls of foreign code this thread is in."""

    value = 0


_depth = _Depth()
_lock = threading.Lock()
_inside = 0
_has_run = False
_streams: dict[str, Any] = {}


class _Routed:
    """Stands for a stream of the process: foreign code on a thread gets standard error, all others the stream."""

    def __init__(self, stream: Any, errors: Any) -> None:
        self._stream = stream
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        if not _depth.value:
            return getattr(self._stream, name)
        return _nothing if name in ("close", "detach") else getattr(self._errors, name)


def _nothing() -> None:
    """Closes nothing."""


@contextmanager
def own_output() -> Iterator[None]:
    """While the block runs, what this thread prints goes to standard error. Blocks may nest, and run on many threads.

    >>> with own_output():
    ...     print("a plugin's greeting")
    >>> print("ours")
    ours
    """
    with routed(), foreign():
        yield


@contextmanager
def foreign() -> Iterator[None]:
    """The code of the block, on this thread, is not the engine's. It matters while streams are `routed`."""
    _depth.value += 1
    try:
        yield
    finally:
        _depth.value -= 1


@contextmanager
def routed() -> Iterator[None]:
    """While the block runs, streams tell foreign code from the engine's; then they are what they were before."""
    global _inside, _has_run
    with _lock:
        _has_run = True
        _inside += 1
        if _inside == 1:
            _streams.update((name, getattr(sys, name)) for name in _NAMES)
            for name in _NAMES:
                setattr(sys, name, _Routed(_streams[name], _streams["stderr"]))
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                for name in _NAMES:
                    setattr(sys, name, _streams.pop(name))


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """A second way to the file behind a stream, for the case that the first one is closed, or the stream itself is."""

    name: str
    number: int
    spare: int

    def closed_streams(self) -> list[str]:
        holders = (self.name, f"__{self.name}__")
        return [each for each in holders if getattr(getattr(sys, each), "closed", False)]

    def is_lost(self) -> bool:
        try:
            same = os.path.sameopenfile(self.number, self.spare)
        except OSError:
            same = False
        return not same or bool(self.closed_streams())

    def open_again(self) -> None:
        """Open the file, and the streams that stand for it where they are closed."""
        os.dup2(self.spare, self.number)
        for holder in self.closed_streams():
            setattr(sys, holder, os.fdopen(self.number, "w", encoding="utf-8", closefd=False))


@contextmanager
def put_back() -> Iterator[list[str]]:
    """Puts back what the block changes of the process; the list says what, when the block is done.

    Filters of warnings are put back without a word, since many packages add some.

    >>> import os
    >>> before = os.getcwd()
    >>> with put_back() as changed:
    ...     os.chdir("/")
    >>> changed, os.getcwd() == before
    (['the working folder'], True)
    """
    changed: list[str] = []
    folder, language = _working_folder(), locale.setlocale(locale.LC_ALL)
    descriptors = list(_descriptors())
    try:
        with warnings.catch_warnings():
            yield changed
    finally:
        for each in descriptors:
            if each.is_lost():
                each.open_again()
                changed.append({"stdout": "standard output", "stderr": "standard error"}[each.name])
            os.close(each.spare)
        if folder is not None and _working_folder() != folder:
            os.chdir(folder)
            changed.append("the working folder")
        if locale.setlocale(locale.LC_ALL) != language:
            locale.setlocale(locale.LC_ALL, language)
            changed.append("the locale")


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _descriptors() -> Iterator[_Descriptor]:
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(getattr(sys, name), "closed", False):
            continue
        with suppress(OSError):  # the caller closed it: there is nothing to keep
            yield _Descriptor(name, number, os.dup(number))


def lingering_threads() -> list[threading.Thread]:
    """Threads that would keep the process from ending, beside the main one; none unless foreign code has run."""
    if not _has_run:
        return []
    main = threading.main_thread()
    return [each for each in threading.enumerate() if each is not main and each.is_alive() and not each.daemon]
