"""Databases that are written once a run, and projects on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from . import databases
from .server import PASSWORD, Server, running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server, whose password is where connections look for it."""
    with pytest.MonkeyPatch.context() as patch, running() as server:
        patch.setenv("KPI_SQL_PASSWORD", PASSWORD)
        yield server


@pytest.fixture(scope="session")
def connection_text(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The settings of a connection to a database of this kind that holds the small shop."""
    written: dict[str, str] = {}

    def settings(kind: str) -> str:
        if kind not in written:
            folder = tmp_path_factory.mktemp(kind)
            match kind:
                case "duckdb":
                    written[kind] = databases.duckdb_file(folder / "shop.duckdb")
                case "sqlite":
                    written[kind] = databases.sqlite_file(folder / "shop.sqlite")
                case "postgres":
                    written[kind] = databases.postgres_tables(request.getfixturevalue("postgres_server"))
        return written[kind]

    return settings
