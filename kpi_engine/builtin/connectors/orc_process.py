"""Asks the process that decodes ORC (`orc_worker`), starts it and notices its death."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from kpi_engine.builtin.connectors.orc_worker import RANGE, receive, send
from kpi_engine.builtin.connectors.stored_file import StoredFile

_SCRIPT = Path(__file__).with_name("orc_worker.py")
_SECONDS_TO_END = 5


class ReaderDied(OSError):
    """The process that decodes ORC ended while it read a file."""


def stored_schema(file: StoredFile) -> tuple[pa.Schema, int]:
    """The columns of an ORC file and the number of its stripes. pa.ArrowInvalid or OSError if it cannot be read."""
    schema = _ask(file, None, ()).schema
    return schema.remove_metadata(), int(schema.metadata[b"stripes"])


def stored_stripe(file: StoredFile, stripe: int, columns: Sequence[str]) -> pa.RecordBatch:
    """Some columns of one stripe, validated. pa.ArrowInvalid or OSError if it cannot be read."""
    batch = _ask(file, stripe, columns).read_next_batch()
    batch.validate(full=True)  # a decoder that went astray may have sent anything
    return batch


def _ask(file: StoredFile, stripe: int | None, columns: Sequence[str]) -> Any:
    """A stream of Arrow's that answers one request. A process that answered is kept for the next request."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    try:
        with file.open() as opened:
            request = {"size": opened.size(), "stripe": stripe, "columns": list(columns)}
            frame = worker.answer(json.dumps(request).encode(), opened)
    except BaseException:
        worker.end()  # it may be in the middle of an answer
        raise
    _idle.append(worker)
    if frame[:1] == b"-":
        raise pa.ArrowInvalid(frame[1:].decode())
    return pa.ipc.open_stream(pa.py_buffer(frame).slice(1))


class _Worker:
    """One process, used by one thread at a time."""

    def __init__(self) -> None:
        # The paths of this interpreter, as some are not in its environment; -P keeps the script's own folder out.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        if receive(self._from) != b"ready":
            self.end()
            raise OSError(f"the process that decodes ORC does not start ({sys.executable})")

    def answer(self, request: bytes, file: Any) -> bytes:
        """The frame that answers a request; ReaderDied if there is none."""
        try:
            send(self._to, request)
            while (frame := receive(self._from)) is not None:
                if frame[:1] != b"?":
                    return frame
                offset, length = RANGE.unpack(frame[1:])
                send(self._to, file.read_at(length, offset))
        except BrokenPipeError as error:
            raise ReaderDied(self._cause()) from error
        raise ReaderDied(self._cause())

    def _cause(self) -> str:
        code = self._process.wait(_SECONDS_TO_END)
        names = {each.value: each.name for each in signal.Signals}
        return f"the decoder crashed on it ({names.get(-code, f'exit code {code}')})"

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._from.close()
        try:
            self._to.close()
        except BrokenPipeError:
            return  # what was left to be sent has nobody to go to


_idle: list[_Worker] = []


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


if hasattr(os, "register_at_fork"):
    # Two programs must not talk to one process: a forked one starts its own.
    os.register_at_fork(after_in_child=_idle.clear)
