"""The reference page says what the records say."""

from __future__ import annotations

from pathlib import Path

import pytest

from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.testing.docs import PAGE, functions_page, main

ROOT = Path(__file__).parents[2]


def test_page_is_fresh() -> None:
    help = "run `python -m kpi_engine.testing.docs`"
    assert (ROOT / PAGE).read_text(encoding="utf-8") == functions_page(FUNCTIONS), help


def test_page_names_every_function() -> None:
    page = functions_page(FUNCTIONS)
    for function in FUNCTIONS:
        assert f"### {function.name}\n" in page
        assert f"`{function.signature}`" in page


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert main(["kpi_engine.builtin.functions.logic:LOGIC", "--check"]) == 1
    assert "docs/functions.md is up to date" in capsys.readouterr().out
