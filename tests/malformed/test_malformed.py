"""Named inputs that are not as they should be: read right, or refused with file, line, column and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from .file_inputs import BINARY, FOLDERS, JSON
from .running import Input, check, names
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
