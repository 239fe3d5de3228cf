"""The command line and a project, with distributions put on the path of this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kpi_engine.cli import main
from kpi_engine.extend import discovery, registry

from .packages import distribution


class Project:
    """A project of two orders, and a folder of the path where distributions can be put."""

    def __init__(self, folder: Path, path: Path, capsys: Any) -> None:
        self.folder = folder
        self.path = path
        self._capsys = capsys
        self.define("revenue = sum(orders.total)\n")
        self.configure("")
        (folder / "orders.csv").write_text("day,total\n2026-03-01,5\n2026-03-02,7\n")

    def define(self, metrics: str) -> None:
        source = 'source orders\n  table: "orders.csv"\n  time: day\n  column day: date\n  column total: integer\n\n'
        (self.folder / "m.kpi").write_text(source + metrics)

    def configure(self, text: str) -> None:
        (self.folder / "kpi.toml").write_text('as_of = "data"\n' + text)

    def provide(self, name: str, **parts: Any) -> Path:
        found = distribution(self.path, name, **parts)
        discovery.forget()
        return found

    def kpi(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self._capsys.readouterr()
        code = main(list(words))
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Project]:
    for name in ("KPI_PROJECT", "KPI_DEFINITIONS", "KPI_DATA", "KPI_ERRORS", "KPI_AS_OF", "KPI_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    folder, path = tmp_path / "shop", tmp_path / "path"
    folder.mkdir()
    path.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(path))
    before = set(sys.modules)
    yield Project(folder, path, capsys)
    for name in set(sys.modules) - before:
        if str(path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    discovery.forget()
    registry._load.cache_clear()
