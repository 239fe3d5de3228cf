"""Connections that stay open between sessions: opening one costs a database more than most questions."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, Protocol, TypeVar

MOST_IDLE = 2


class Closes(Protocol):
    """A connection, as far as a pool knows it."""

    def close(self) -> None:
        """End it."""


Opened = TypeVar("Opened", bound=Closes)


class Pool(Generic[Opened]):
    """Connections of one connector, each used by one session at a time.

    `open` makes one, `begin` starts a session on one, `end` finishes it; they raise what the driver raises, of which
    `failures` are the classes. A connection whose session failed, or was left early, is not used again. What is idle is
    closed when the pool is collected, or the process ends.
    """

    def __init__(
        self,
        open: Callable[[], Opened],
        begin: Callable[[Opened], None],
        end: Callable[[Opened], None],
        failures: tuple[type[Exception], ...],
    ) -> None:
        self._open, self._begin, self._end, self._failures = open, begin, end, failures
        self._idle: list[Opened] = []
        self._lock = Lock()
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def session(self) -> Iterator[Opened]:
        """A connection on which a session has begun."""
        connection = self._begun()
        try:
            yield connection
            self._end(connection)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _begun(self) -> Opened:
        """An idle connection if one still works, else a new one: a server may have hung up in the meantime."""
        while True:
            with self._lock:
                known = self._idle.pop() if self._idle else None
            connection = self._open() if known is None else known
            try:
                self._begin(connection)
            except BaseException as error:
                connection.close()
                if known is None or not isinstance(error, self._failures):
                    raise
            else:
                return connection


def _close(idle: list[Opened]) -> None:
    while idle:
        idle.pop().close()
