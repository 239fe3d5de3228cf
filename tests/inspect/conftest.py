"""Commands in this process, and the projects that they are run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kpi_engine.cli import main


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def kpi(capsysbinary: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `kpi` with these words."""
    for name in ("KPI_PROJECT", "KPI_DEFINITIONS", "KPI_DATA", "KPI_ERRORS", "KPI_AS_OF", "KPI_PLUGINS"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Outcome:
        capsysbinary.readouterr()
        code = main(list(words))
        out, err = capsysbinary.readouterr()
        return Outcome(code, out.decode("utf-8", "replace"), err.decode())

    return run


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], Path]:
    """Write files by path into the working folder."""
    monkeypatch.chdir(tmp_path)

    def written(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
        return tmp_path

    return written
