"""The benchmark works at a small size: both engines give equal tables. Nothing is timed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def program(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("ids", "layout"), [("numbered", "months"), ("uuid", "one")])
def test_all_answers_are_equal(tmp_path: Path, ids: str, layout: str) -> None:
    data = tmp_path / "data"
    program("generate.py", "--data", str(data), "--rows", "20_000", "--ids", ids, "--layout", layout)
    shown = program("run.py", "--only", "check", "--data", str(data))
    assert shown.count("are equal") == 5
