"""The page about the command line names everything that there is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpi_engine.builtin.formats import FORMATS
from kpi_engine.ir.diagnostic import ExitCode

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


COMMANDS = (
    "init", "demo", "check", "diff", "fmt", "test", "list", "describe", "eval", "explain", "values", "completion",
)  # fmt: skip


PLUGINS = tuple(("plugins", name) for name in ("list", "doctor", "freeze", "new", "map", "diff", "page"))
CACHE = tuple(("cache", name) for name in ("info", "verify", "clear"))


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS), *PLUGINS, *CACHE])
def test_every_option_is_on_the_page(kpi: Callable[..., Any], words: tuple[str, ...]) -> None:
    options = set(re.findall(r"--[a-z][a-z-]+", kpi(*words, "--help").out))
    missing = {word for word in (*options, " ".join(words)) if word not in PAGE}
    assert not missing


def test_every_format_and_exit_code_is_on_the_page() -> None:
    for format in FORMATS:
        assert f"| `{format.name}` | `.{format.extension}` |" in PAGE
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.M)}
    assert codes == {int(code) for code in ExitCode}
