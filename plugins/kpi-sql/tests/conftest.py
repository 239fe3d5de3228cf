"""Databases that are written once a run, and projects on them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # shop, databases, server

import databases

DATABASES = ("duckdb", "sqlite")


@pytest.fixture(scope="session")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The settings of a connection to a database of this kind."""
    written: dict[str, str] = {}

    def settings(kind: str) -> str:
        if kind not in written:
            folder = tmp_path_factory.mktemp(kind)
            match kind:
                case "duckdb":
                    written[kind] = databases.duckdb_file(folder / "shop.duckdb")
                case "sqlite":
                    written[kind] = databases.sqlite_file(folder / "shop.sqlite")
        return written[kind]

    yield settings
