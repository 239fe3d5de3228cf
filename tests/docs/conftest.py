"""The folder in which the examples run: the demo shop, written by the command that README.md names."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpi_engine.cli import main

from . import shop

VARIABLES = ("KPI_PROJECT", "KPI_DEFINITIONS", "KPI_DATA", "KPI_ERRORS", "KPI_AS_OF", "KPI_PLUGINS", "KPI_STORE")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `kpi-demo/` in it."""
    folder = tmp_path_factory.mktemp("docs")
    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        assert main(["demo"]) == 0
    shop.write_tables(folder / "kpi-demo" / "data")
    for path in folder.rglob("*"):  # what changed a moment ago is not kept, and readers are not that fast
        os.utime(path, (time.time() - 60,) * 2)
    return folder


@pytest.fixture
def at_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a reader; files that an example makes are removed afterwards."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.chdir(folder)
    before = set(folder.rglob("*"))
    yield folder
    for path in sorted(set(folder.rglob("*")) - before, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
