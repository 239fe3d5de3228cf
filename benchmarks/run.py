"""Compare kpi_engine with expert SQL in DuckDB, with Polars, and with layers of metrics on DuckDB.

python benchmarks/run.py --data /tmp/kpi-benchmark
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import capped
import layers
import plot
import refresh
import report
import start
import workloads
from measure import own_process
from questions import HERE, QUESTIONS, Question
from records import Results
from workloads import OURS_AND_SQL, READING, Way, Workload

FEWEST_ROWS: Final = 20_000  # then every month has orders of every channel
LAYOUTS: Final = (("one", "short"), ("days", "short"), ("shuffled", "short"), ("months", "long"), ("csv", "short"))
LIBRARIES: Final = ("pyarrow", "numpy", "duckdb", "polars")

# This process stays small: it imports neither pyarrow nor DuckDB. See measure.own_process.


def shop(arguments: argparse.Namespace, orders: int, layout: str = "months", ids: str = "short") -> Path:
    """The folder of a shop, written if it is not there yet."""
    data: Path = arguments.data / f"{orders}-{layout}-{ids}"
    own_process(
        [*_program("generate.py"), "--data", str(data), "--orders", str(orders), "--layout", layout, "--ids", ids]
    )
    return data


def sizes(arguments: argparse.Namespace, results: Results) -> None:
    """All questions on monthly files of every size; warm answers on the size of comparison."""
    for orders in arguments.orders:
        data = shop(arguments, orders)
        kinds = ("process", "warm") if orders == arguments.warm_orders else ("process",)
        for question in _questions(arguments):
            ways = (*OURS_AND_SQL, READING)
            workloads.run(Workload(question, data, orders), ways, kinds, arguments.rounds, results)


def peers(arguments: argparse.Namespace, results: Results) -> None:
    """Layers of metrics on DuckDB, with kpi_engine and SQL beside them."""
    data = shop(arguments, arguments.size)
    ways = layers.ways(arguments.sidemantic, arguments.boring, arguments.metricflow)
    for way in ways:
        if way.is_prepared:
            own_process(way.command(QUESTIONS["full"], data, "--prepare"))
    for question in _questions(arguments):
        if any(question.name in way.can for way in ways):
            workload = Workload(question, data, arguments.size, "months")
            workloads.run(workload, (*OURS_AND_SQL[:2], *ways), ("peers",), arguments.rounds, results)
    layers.record_inability(ways, arguments.size, results)


def layouts(arguments: argparse.Namespace, results: Results) -> None:
    """All questions on files of other kinds."""
    for layout, ids in LAYOUTS:
        if arguments.layouts and f"{layout}-{ids}" not in arguments.layouts:
            continue
        data = shop(arguments, arguments.layout_orders, layout, ids)
        for question in _questions(arguments):
            workload = Workload(question, data, arguments.layout_orders, layout, ids)
            workloads.run(workload, OURS_AND_SQL, ("process",), arguments.rounds, results)


def refreshing(arguments: argparse.Namespace, results: Results) -> None:
    """The whole scorecard after a day was appended to what a store of states knows."""
    refresh.run(shop(arguments, arguments.size), arguments.size, arguments.rounds, results)


def memory(arguments: argparse.Namespace, results: Results) -> None:
    """Additive questions on the largest size, in 2 GiB."""
    orders = max(arguments.capped_orders, FEWEST_ROWS)
    capped.run(shop(arguments, orders), orders, arguments.questions, results)


def starting(arguments: argparse.Namespace, results: Results) -> None:
    """Start-up and definitions."""
    start.run(arguments.rounds, results)


PARTS: Final[dict[str, Callable[[argparse.Namespace, Results], None]]] = {
    "start": starting,
    "sizes": sizes,
    "peers": peers,
    "refresh": refreshing,
    "layouts": layouts,
    "memory": memory,
}


def machine() -> str:
    """What was measured, and where."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = f"{_processor()}, {cpus} CPUs, {gigabytes:.0f} GB of memory, {platform.system()}"
    return f"Python {platform.python_version()}, {versions}; {system}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _questions(arguments: argparse.Namespace) -> Iterator[Question]:
    return (QUESTIONS[name] for name in arguments.questions)


def _program(name: str) -> list[str]:
    return [Way("", "").python, str(HERE / name)]


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="compare kpi_engine with DuckDB, Polars and layers of metrics")
    parser.add_argument("--data", type=Path, help="a folder for the data, kept (default: a temporary one)")
    parser.add_argument(
        "--parts", nargs="*", choices=[*PARTS], default=[*PARTS], help="default: all; the report is always made"
    )
    parser.add_argument("--questions", nargs="+", choices=[*QUESTIONS], default=[*QUESTIONS], help="default: all")
    parser.add_argument("--orders", type=int, nargs="+", default=[1_000_000, 5_000_000], help="the sizes of `sizes`")
    parser.add_argument("--size", type=int, default=5_000_000, help="orders of `peers`, `refresh` and of the picture")
    parser.add_argument("--warm-orders", type=int, default=5_000_000, help="the one of --orders asked twice, too")
    parser.add_argument("--layout-orders", type=int, default=5_000_000, help="orders of `layouts`")
    parser.add_argument("--layouts", nargs="*", help="some of them only, such as one-short")
    parser.add_argument("--capped-orders", type=int, default=20_000_000, help="orders of `memory`")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way; medians are shown (default 5)")
    for name in ("sidemantic", "boring", "metricflow"):
        parser.add_argument(f"--{name}", help=f"a Python with requirements-{name}.txt (default: not compared)")
    parser.add_argument("--shared", action="store_true", help="others use the machine: judge CPU seconds, not seconds")
    parser.add_argument("--results", type=Path, default=HERE / "results.json", help="results.md and .svg lie beside it")
    found = parser.parse_args(arguments)
    if min(*found.orders, found.size, found.layout_orders) < FEWEST_ROWS:
        parser.error(f"sizes must be at least {FEWEST_ROWS}")
    return found


@contextmanager
def _folder(arguments: argparse.Namespace) -> Iterator[None]:
    if arguments.data is not None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="kpi-benchmark-") as folder:
        arguments.data = Path(folder)
        yield


def main() -> None:
    """Measure what is asked, and show all that is known."""
    arguments = parsed()
    results = Results.load(arguments.results)
    if arguments.parts:
        results.machine, results.shared = f"{machine()}; {datetime.now(UTC):%Y-%m-%d}", arguments.shared
    with _folder(arguments):
        for part in arguments.parts:
            PARTS[part](arguments, results)
    report.write(results, arguments.size)
    plot.write(results, arguments.size)


if __name__ == "__main__":
    main()
