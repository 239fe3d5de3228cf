"""Compare kpi_engine with expert DuckDB SQL: equal answers first, then the time and memory of both, as data grows.

python benchmarks/run.py
"""

from __future__ import annotations

import argparse
import functools
import importlib.abc
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import answers
import measure
from measure import Cost
from questions import HERE, QUESTIONS, Question

ROWS = (1_000_000, 10_000_000)
FEWEST_ROWS = 20_000  # then every month has orders of every channel

# This process stays small: it imports neither pyarrow nor DuckDB. A child's peak memory is never reported below what
# its parent held when it was started.


class WithoutPandas(importlib.abc.MetaPathFinder):
    """Hides pandas: pyarrow imports it where it is installed, for nothing that any way here needs, and that takes
    longer than all other imports together."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Nothing for other names, so that they are looked for as ever."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden")


def check(question: Question, data: Path) -> None:
    """Stop if the two answers differ."""
    engine = answers.rows_of_engine(question, answers.by_engine(question, data))
    duckdb = answers.rows_of_duckdb(question, answers.by_duckdb(question, data))
    found = answers.differences(question, engine, duckdb)
    if found:
        print("\n".join(sorted(found)[:20]), file=sys.stderr)
        raise SystemExit(f"{question.name}: {len(found)} values differ, nothing more is timed")
    print(f"{question.name}: {len(duckdb)} rows x {len(question.metrics)} metrics are equal", flush=True)


def forget_states(data: Path) -> None:
    """Delete what the engine may have kept on disk, so that every run reads the data."""
    shutil.rmtree(data / ".kpi", ignore_errors=True)


def program(name: str, *arguments: str) -> Cost:
    """Run a program of this folder in a process of its own; stop if it fails."""
    try:
        return measure.own_process([sys.executable, str(HERE / name), *arguments])
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None


def costs_of(question: Question, data: Path, rounds: int) -> dict[str, Cost]:
    """Every way in a process of its own, imports and start-up included."""

    def run(way: str) -> Cost:
        forget_states(data)
        return program("run.py", "--only", way, "--questions", question.name, "--data", str(data))

    return measure.interleaved({way: functools.partial(run, way) for way in answers.WAYS}, rounds)


def measured(question: Question, folders: Mapping[int, Path], rounds: int) -> dict[int, dict[str, Cost]]:
    """The costs of all ways at each size; answers are compared first."""
    found = {}
    for rows, data in folders.items():
        program("run.py", "--only", "check", "--questions", question.name, "--data", str(data))
        found[rows] = costs_of(question, data, rounds)
    return found


def table(question: Question, found: Mapping[int, Mapping[str, Cost]]) -> str:
    """A Markdown table; ratios are to DuckDB at the same size, growth is the time against the size before."""
    lines = [
        f"**{question.title}**\n",
        "| orders | | wall s | CPU s | peak MB | wall ratio | CPU ratio | memory ratio | growth of CPU |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    before: Mapping[str, Cost] | None = None
    for rows, costs in found.items():
        base = costs["DuckDB"]
        for way, cost in costs.items():
            ratios = (cost.wall / base.wall, cost.cpu / base.cpu, cost.memory / base.memory)
            growth = "" if before is None else f"{cost.cpu / before[way].cpu:.1f} x"
            shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
            amounts = f"{cost.wall:.2f} | {cost.cpu:.2f} | {cost.memory / 1e6:.0f}"
            lines.append(f"| {rows:_} | {way} | {amounts} | {shown} | {growth} |")
        before = costs
    return "\n".join(lines)


def machine() -> str:
    """What was measured, and where."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("pyarrow", "numpy", "duckdb"))
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, {versions}; {_processor()}, {cpus} CPUs, {platform.system()}."


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def report(arguments: argparse.Namespace, work: Path) -> None:
    """Data, comparison, times, tables."""
    look = ("--ids", arguments.ids, "--layout", arguments.layout)
    folders = {rows: work / f"{rows}-{arguments.ids}-{arguments.layout}" for rows in arguments.rows}
    for rows, data in folders.items():
        program("generate.py", "--data", str(data), "--rows", str(rows), *look)
    print(f"\n{machine()} Ids: {arguments.ids}, files: {arguments.layout}, median of {arguments.rounds}.\n", flush=True)
    for name in arguments.questions:
        print(f"\n{table(QUESTIONS[name], measured(QUESTIONS[name], folders, arguments.rounds))}\n", flush=True)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="compare kpi_engine with DuckDB on questions to a shop")
    parser.add_argument("--data", type=Path, help="a folder for the data, kept (default: a temporary one)")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="orders, one or more sizes")
    parser.add_argument("--questions", nargs="+", choices=[*QUESTIONS], default=[*QUESTIONS], help="default: all")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way; medians are shown (default 5)")
    parser.add_argument("--ids", choices=("numbered", "uuid"), default="numbered", help="customers' ids")
    parser.add_argument("--layout", choices=("months", "days", "one"), default="months", help="files, one a ...")
    parser.add_argument("--only", choices=[*answers.WAYS, "check"], help="do one thing, in this process, on --data")
    found = parser.parse_args(arguments)
    if min(found.rows) < FEWEST_ROWS:
        parser.error(f"--rows must be at least {FEWEST_ROWS}")
    if found.only and found.data is None:
        parser.error("--only needs --data")
    return found


def main() -> None:
    """Measure, or do one thing of it."""
    arguments = parsed()
    if arguments.only:
        sys.meta_path.insert(0, WithoutPandas())
    questions = [QUESTIONS[name] for name in arguments.questions]
    if arguments.only == "check":
        for question in questions:
            check(question, arguments.data)
    elif arguments.only:
        for question in questions:
            answers.WAYS[arguments.only](question, arguments.data)
    elif arguments.data is not None:
        report(arguments, arguments.data)
    else:
        with tempfile.TemporaryDirectory(prefix="kpi-benchmark-") as folder:
            report(arguments, Path(folder))


if __name__ == "__main__":
    main()
