"""Additive questions and one of few values on the largest size, in a group of processes that may hold 2 GiB."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from measure import ProcessFailed, memory_group, own_process
from questions import QUESTIONS
from records import Key, Record, Results
from workloads import ENGINE, OURS_AND_SQL

LIMIT: Final = 2 * 2**30
ASKED: Final = ("revenue", "conversion", "growth", "tickets", "scorecard", "visitors", "full")
"""The first four are additive or small; the others hold sets of ids: they show where the limit lies."""
TOLD: Final = {"KPI_MEMORY": "2 GB", "BENCHMARK_DUCKDB_MEMORY": "1500MB"}
"""What the engines are told of it; Polars has no such setting."""


def run(data: Path, orders: int, questions: Collection[str], results: Results) -> None:
    """One run of each question; none without control groups, as a limit of address space tells something else."""
    asked = [name for name in ASKED if name in questions]
    try:
        group, kind = memory_group(LIMIT)
    except OSError as error:
        results.add(
            [Record(Key("capped", name, ENGINE, orders), problem=f"no control group: {error}") for name in asked]
        )
        return
    for name in asked:
        for way in OURS_AND_SQL:
            key = Key("capped", name, way.name, orders)
            try:
                cost = own_process(way.command(QUESTIONS[name], data), group=group, told=TOLD)
                record = Record.of(key, [cost], kind)
            except ProcessFailed as failed:
                record = Record(key, note=kind, problem=f"failed: {failed}")
            results.add([record])
            shown = (
                f"{record.wall_median:.1f} s, {record.memory_median / 1e6:.0f} MB" if record.wall else record.problem
            )
            print(f"{name} ({kind}, {orders:_} orders): {way.name} {shown}", flush=True)
