"""Connections between sessions, and numbers longer than most, without a database."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import ExitStack
from decimal import Decimal

import pyarrow as pa
import pytest
from kpi_sql.conform import typed
from kpi_sql.measures import Column
from kpi_sql.pool import MOST_IDLE, Pool
from kpi_sql.stored import SqlKind


class Connection:
    """Remembers whether it was closed; `hung_up` makes it fail when a session begins."""

    closed = hung_up = False

    def close(self) -> None:
        self.closed = True


class Server:
    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.ended = 0
        self.pool = Pool(self._open, self._begin, self._end, (OSError,))

    def _open(self) -> Connection:
        self.opened.append(Connection())
        return self.opened[-1]

    def _begin(self, connection: Connection) -> None:
        if connection.hung_up:
            raise OSError("gone")

    def _end(self, connection: Connection) -> None:
        self.ended += 1


def test_a_connection_is_used_again() -> None:
    server = Server()
    for _ in range(3):
        with server.pool.session() as connection:
            assert connection is server.opened[0]
    assert (len(server.opened), server.ended, server.opened[0].closed) == (1, 3, False)


def test_one_whose_session_failed_is_closed() -> None:
    server = Server()
    with pytest.raises(ValueError, match="wrong"), server.pool.session():
        raise ValueError("wrong")

    def stream() -> Generator[int, None, None]:
        with server.pool.session():
            yield 1

    left = stream()
    next(left)
    left.close()
    assert [each.closed for each in server.opened] == [True, True]
    with server.pool.session() as connection:
        assert connection is server.opened[2]


def test_one_that_was_hung_up_on_is_replaced() -> None:
    server = Server()
    with server.pool.session() as first:
        pass
    first.hung_up = True
    with server.pool.session() as second:
        assert second is not first
    assert first.closed and not second.closed


def test_a_server_that_is_not_there_is_asked_once() -> None:
    server = Server()
    Connection.hung_up = True
    try:
        with pytest.raises(OSError, match="gone"), server.pool.session():
            raise AssertionError("no session begins")
    finally:
        Connection.hung_up = False
    assert [each.closed for each in server.opened] == [True]


def test_few_are_kept_and_none_outlives_the_pool() -> None:
    server = Server()
    with ExitStack() as sessions:
        for _ in range(MOST_IDLE + 1):
            sessions.enter_context(server.pool.session())
    assert sum(each.closed for each in server.opened) == 1
    opened = server.opened
    del server
    gc.collect()
    assert all(each.closed for each in opened)


def test_decimals_longer_than_usual_stay_exact() -> None:
    texts = ["9" * 45 + ".25", "-0.5", None]
    found = typed(pa.array(texts), Column("sum_0", SqlKind.DECIMAL, 2)).to_pylist()
    assert found == [Decimal(texts[0] or ""), Decimal("-0.50"), None]
