"""The whole scorecard after a day was appended: with a store of states that knows all days but the new one.

As a program, `refresh.py DATA`, it does so in one process that was there before the day arrived.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

from measure import Cost, ProcessFailed, interleaved, own_process
from questions import HERE, QUESTIONS, REFRESH
from records import Key, Record, Results
from workloads import OURS_AND_SQL, Way, Workload, compared

STORED: Final = "kpi_engine, with its store"
WITHIN: Final = "kpi_engine, with its store, in one process"
FIRST: Final = "kpi_engine, filling its store"
_FULL: Final = QUESTIONS["full"]
_STORED: Final = Way(STORED, "engine_stored")


def run(months: Path, orders: int, rounds: int, results: Results) -> None:
    """Fill the store, let the day arrive, compare, measure; every round begins with the store of the day before."""
    data = months.parent / f"{months.name}-refresh"
    _generate("--data", str(data), "--hold-back-day-of", str(months))
    workload = Workload(_FULL, data, orders)
    try:
        _yesterday(data, None)
        first = own_process(_STORED.command(_FULL, data))
        before = data / "store-of-yesterday"
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(data / "store", before)
        _today(data, before)
        _, problems = compared(workload, (*OURS_AND_SQL, _STORED))
        if problems:
            raise ProcessFailed("; ".join(f"{name} {why}" for name, why in problems.items()))
        found = interleaved(
            {
                **{way.name: partial(own_process, way.command(_FULL, data)) for way in OURS_AND_SQL},
                STORED: partial(_stored, data, before),
                WITHIN: partial(_within, data, before),
            },
            rounds,
        )
    except ProcessFailed as failed:
        results.add([Record(Key("refresh", REFRESH, STORED, orders), problem=f"failed: {failed}")])
        print(f"refresh: {failed}", flush=True)
        return
    note = _what_was_read(data, before)
    records = [
        Record.of(Key("refresh", REFRESH, name, orders), costs, note if name in (STORED, WITHIN) else "")
        for name, costs in found.items()
    ]
    size = sum(path.stat().st_size for path in before.glob("**/*") if path.is_file())
    records.append(Record.of(Key("refresh", REFRESH, FIRST, orders), [first], f"{size / 1e6:.1f} MB on disk"))
    results.add(records)
    for record in records:
        print(
            f"refresh: {record.key.way} {record.wall_median:.3f} s, CPU {record.cpu_median:.3f}; {record.note}",
            flush=True,
        )


def _stored(data: Path, before: Path) -> Cost:
    _today(data, before)
    return own_process(_STORED.command(_FULL, data))


def _within(data: Path, before: Path) -> Cost:
    """The answer alone, of a process that answered before the day arrived."""
    _yesterday(data, before)
    found = json.loads(_program(str(HERE / "refresh.py"), str(data)))
    return Cost(found["wall"], found["cpu"], 0)


def _what_was_read(data: Path, before: Path) -> str:
    _yesterday(data, before)
    rows = json.loads(_program(str(HERE / "refresh.py"), str(data)))["rows"]
    return "rows read: " + ", ".join(f"{name} {count:_}" for name, count in rows.items())


def _yesterday(data: Path, store: Path | None) -> None:
    """The data without the new day, and the store of then (or none)."""
    _generate("--data", str(data), "--take-day-back")
    shutil.rmtree(data / "store", ignore_errors=True)
    if store is not None:
        shutil.copytree(store, data / "store")


def _today(data: Path, before: Path) -> None:
    _yesterday(data, before)
    _generate("--data", str(data), "--append-day")


def _generate(*arguments: str) -> None:
    _program(str(HERE / "generate.py"), *arguments)


def _program(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProcessFailed((done.stderr.strip().splitlines() or ["silent"])[-1])
    return done.stdout


def _refresh_within(data: Path) -> None:
    """Answer, let the day arrive, answer again: the time and the rows read of the second answer."""
    from without_pandas import hide_pandas

    hide_pandas()

    from layouts import append_day
    from ways.engine_stored import ask, open_project

    project = open_project(data)
    ask(project, _FULL)
    append_day(data)
    wall, cpu = time.perf_counter(), time.process_time()
    result = ask(project, _FULL)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rows = {name: each["rows"] for name, each in result.report()["sources"].items()}
    print(json.dumps({"wall": wall, "cpu": cpu, "rows": rows}))


if __name__ == "__main__":
    _refresh_within(Path(sys.argv[1]))
