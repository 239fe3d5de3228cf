"""Compare kpi_engine with expert DuckDB SQL on one scorecard: equal answers first, then the time of both.

python benchmarks/run.py --data /tmp/bench --rows 5_000_000
"""

from __future__ import annotations

import argparse
import functools
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import answers
import measure
from measure import Cost

ROWS = 5_000_000
FEWEST_ROWS = 20_000  # then every month has orders of every channel

# Until the processes are measured this one stays small: it imports neither pyarrow nor DuckDB. A child's peak
# memory is never reported below what its parent held when it was started.


def check(data: Path) -> None:
    """Stop if the two answers differ."""
    engine = answers.rows_of_engine(answers.by_engine(data))
    duckdb = answers.rows_of_duckdb(answers.by_duckdb(data))
    found = answers.differences(engine, duckdb)
    if found:
        print("\n".join(sorted(found)[:20]), file=sys.stderr)
        raise SystemExit(f"{len(found)} values differ: nothing was timed")
    print(f"{len(duckdb)} rows x {len(answers.METRICS)} metrics are equal.\n")


def forget_states(data: Path) -> None:
    """Delete what the engine may have kept on disk, so that every run reads the data."""
    shutil.rmtree(data / ".kpi", ignore_errors=True)


def own_processes(data: Path, rounds: int) -> dict[str, Cost]:
    """Every way in a process of its own, imports and start-up included."""

    def run(name: str) -> Cost:
        forget_states(data)
        return measure.own_process([sys.executable, __file__, "--only", name, "--data", str(data)])

    return measure.interleaved({name: functools.partial(run, name) for name in answers.WAYS}, rounds)


def program(name: str, *arguments: str) -> None:
    """Run a program of this folder; stop if it fails."""
    try:
        measure.own_process([sys.executable, str(answers.HERE / name), *arguments])
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None


def same_process(data: Path, rounds: int) -> dict[str, Cost]:
    """Every way in this process, after a first run of each."""

    def run(name: str) -> Cost:
        forget_states(data)
        return measure.in_process(lambda: answers.WAYS[name](data))

    ways = {name: functools.partial(run, name) for name in answers.WAYS}
    measure.interleaved(ways, 1)
    return measure.interleaved(ways, rounds)


def table(title: str, costs: Mapping[str, Cost]) -> str:
    """A Markdown table; ratios are to DuckDB."""
    base = costs["DuckDB"]
    has_memory = base.memory > 0
    lines = [
        f"| {title} | wall s | CPU s |{' peak MB |' if has_memory else ''} wall ratio | CPU ratio |",
        f"|---|---|---|{'---|' if has_memory else ''}---|---|",
    ]
    for name, cost in costs.items():
        memory = f" {cost.memory / 1e6:.0f} |" if has_memory else ""
        ratios = f"{cost.wall / base.wall:.2f} | {cost.cpu / base.cpu:.2f}"
        lines.append(f"| {name} | {cost.wall:.3f} | {cost.cpu:.3f} |{memory} {ratios} |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="compare kpi_engine with DuckDB on one scorecard")
    parser.add_argument("--data", type=Path, required=True, help="the work directory; orders are made there")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"orders (default {ROWS:_})")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way; medians are shown (default 5)")
    parser.add_argument("--only", choices=[*answers.WAYS, "check"], help="do one thing, in this process")
    arguments = parser.parse_args()
    data, rounds = arguments.data, arguments.rounds
    if arguments.only == "check":
        check(data)
    elif arguments.only:
        answers.WAYS[arguments.only](data)
    elif arguments.rows < FEWEST_ROWS:
        parser.error(f"--rows must be at least {FEWEST_ROWS}")
    else:
        program("generate.py", "--data", str(data), "--rows", str(arguments.rows))
        program("run.py", "--only", "check", "--data", str(data))
        print(f"Median of {rounds}.\n")
        print(table("own process", own_processes(data, rounds)), end="\n\n", flush=True)
        print(table("same process", same_process(data, rounds)))


if __name__ == "__main__":
    main()
