"""The demo, written once a session, and DuckDB over its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from kpi_engine import demo

from . import expected
from .windows import EARLIER


@pytest.fixture(scope="session")
def demo_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo project."""
    directory = tmp_path_factory.mktemp("demo")
    demo.write(directory)
    return directory


@pytest.fixture(scope="session")
def oracle(demo_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The demo's tables in DuckDB."""
    connection = expected.connect(demo_dir / "data")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def earlier_oracle(demo_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same as of an earlier day."""
    connection = expected.connect(demo_dir / "data", EARLIER)
    yield connection
    connection.close()
