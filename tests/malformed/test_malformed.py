"""Named inputs that are not as they should be: read right, or refused with file, line, column and value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .file_inputs import BINARY, FOLDERS, JSON
from .running import Input, check, golden, names, write
from .text_inputs import TEXT
from .value_inputs import VALUES


@pytest.mark.parametrize("one", TEXT, ids=names(TEXT))
def test_text(one: Input, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check("text", one, tmp_path, accept=request.config.getoption("--accept"))


@pytest.mark.parametrize("one", VALUES, ids=names(VALUES))
def test_values(one: Input, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check("values", one, tmp_path, accept=request.config.getoption("--accept"))


@pytest.mark.parametrize("one", JSON, ids=names(JSON))
def test_json(one: Input, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check("json", one, tmp_path, accept=request.config.getoption("--accept"))


@pytest.mark.parametrize("one", BINARY, ids=names(BINARY))
def test_binary(one: Input, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check("binary", one, tmp_path, accept=request.config.getoption("--accept"))


@pytest.mark.parametrize("one", FOLDERS, ids=names(FOLDERS))
def test_folders(one: Input, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check("folders", one, tmp_path, accept=request.config.getoption("--accept"))


@pytest.mark.parametrize("name", ["parquet_first_half", "orc_first_half", "xlsx_bad_value"])
def test_as_a_process(name: str, tmp_path: Path) -> None:
    """The same in a process of its own: exit code and words, nothing on standard output."""
    words = write(next(one for one in BINARY if one.name == name), tmp_path)
    done = subprocess.run([sys.executable, "-m", "kpi_engine", *words], cwd=tmp_path, capture_output=True, check=False)
    found = f"exit {done.returncode}\n{(done.stdout + done.stderr).decode()}"
    assert found == golden("binary")[name]


def test_there_are_many() -> None:
    assert len(TEXT) + len(VALUES) + len(JSON) + len(BINARY) + len(FOLDERS) >= 170
