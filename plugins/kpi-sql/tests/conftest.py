"""Databases that are written once a run, and projects on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from . import databases, server


@pytest.fixture(scope="session")
def connection_text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The settings of a connection to a database of this kind."""
    written: dict[str, str] = {}
    running = ExitStack()
    os.environ["KPI_SQL_PASSWORD"] = server.PASSWORD

    def settings(kind: str) -> str:
        if kind not in written:
            folder = tmp_path_factory.mktemp(kind)
            match kind:
                case "duckdb":
                    written[kind] = databases.duckdb_file(folder / "shop.duckdb")
                case "sqlite":
                    written[kind] = databases.sqlite_file(folder / "shop.sqlite")
                case "postgres":
                    written[kind] = databases.postgres_server(running.enter_context(server.running()))
        return written[kind]

    with running:
        yield settings
