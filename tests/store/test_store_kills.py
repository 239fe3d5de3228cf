"""Processes that are killed while they write: nothing is ever corrupt, torn, or lost after it was acknowledged.

`KPI_KILLS=200` kills more often.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .writers import WRITERS

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("KPI_KILLS", "15"))


def killed_once(kind: str, folder: Path, first: int, delay: float) -> int:
    """Let a writer write from a number on and kill it a while after it first acknowledged one; the last that it did."""
    command = [sys.executable, "-m", "store.writers", kind, str(folder), str(first)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        heard = process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        heard += process.stdout.read()
        assert process.wait() == -signal.SIGKILL
    return int(heard.split(b"\n")[-2])


def verdict(kind: str, folder: Path, acknowledged: int) -> str:
    """What is left: `whole`, or what the writer did wrong."""
    first, second = WRITERS[kind](folder).read()
    if -1 in first or -1 in second:
        return "corrupt"
    if first != second or len(first) > 1:
        return "torn"
    # The write after the last acknowledged one may have been done, or not.
    return "whole" if first in ([acknowledged], [acknowledged + 1]) else "lost"


def hunt(kind: str, folder: Path, kills: int, *, stop: bool) -> list[str]:
    """The verdicts after kills, each of a writer that goes on where the last ended; `stop` at the first bad one."""
    chance = random.Random(f"{kind} {os.environ.get('KPI_SEED', '1')}")
    found: list[str] = []
    number = 0
    for _ in range(kills):
        acknowledged = killed_once(kind, folder, number, chance.uniform(0, 0.06))
        found.append(verdict(kind, folder, acknowledged))
        if found[-1] != "whole" and stop:
            break
        number = WRITERS[kind](folder).read()[0][0] + 1
    return found


def test_a_killed_writer_leaves_the_store_whole(tmp_path: Path) -> None:
    assert hunt("store", tmp_path, KILLS, stop=False) == ["whole"] * KILLS
    state = tmp_path / "state"
    assert len(list(state.glob("manifest-*"))) <= 3 and not (state / "quarantine").exists()


@pytest.mark.parametrize(("kind", "fault"), [("in place", "corrupt"), ("two renames", "torn"), ("hasty", "lost")])
def test_the_harness_catches_writers_that_are_not_safe(tmp_path: Path, kind: str, fault: str) -> None:
    assert hunt(kind, tmp_path, 40, stop=True)[-1] == fault
