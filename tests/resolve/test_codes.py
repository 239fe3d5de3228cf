"""Every code has a meaning, and a case that shows its message."""

from __future__ import annotations

import re
from pathlib import Path

from kpi_engine.ir.codes import CODES

ROOT = Path(__file__).parents[2]
STAGE = ROOT / "kpi_engine" / "resolve"
CASES = ROOT / "tests" / "cases" / "resolve"
CODE = re.compile(r'"([EWN][2-57]\d\d|E68\d)"')


def used() -> set[str]:
    return {code for path in STAGE.glob("*.py") for code in CODE.findall(path.read_text("utf-8"))}


def test_every_code_has_a_meaning() -> None:
    assert used() - set(CODES) == set()


def test_every_code_has_a_case() -> None:
    shown = " ".join(path.read_text("utf-8") for path in CASES.glob("*.kpitest"))
    assert {code for code in used() if f"[{code}]" not in shown} == set()


def test_cases_are_short() -> None:
    for path in CASES.glob("*.kpitest"):
        for case in path.read_text("utf-8").split("====\n"):
            lines = case.splitlines()
            assert len(lines) <= 75, f"{path.name}: {lines[0]}"
