"""Wall time, CPU time and peak memory of a function here or of a process of its own."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one run took; `memory` is the peak in bytes, 0 where it cannot be told apart from earlier runs'."""

    wall: float
    cpu: float
    memory: int = 0


def in_process(work: Callable[[], object]) -> Cost:
    """The cost of a call in this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def own_process(command: Sequence[str]) -> Cost:
    """The cost of a command from start to exit.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    # Programs are compiled once and not on every start, as for everybody who uses them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    child = subprocess.Popen(command, env=environment)
    # wait4 gives the usage of this child alone; getrusage(RUSAGE_CHILDREN) would give the peak of all of them.
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, list(command))
    return Cost(wall, usage.ru_utime + usage.ru_stime, _peak(usage))


def interleaved(ways: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """The median cost of each way; they take turns, so that a slow minute of the machine hits all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            costs[name].append(run())
    return {name: median(runs) for name, runs in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """Each figure's median.

    >>> median([Cost(1.0, 2.0, 5), Cost(3.0, 1.0, 7), Cost(2.0, 9.0, 6)])
    Cost(wall=2.0, cpu=2.0, memory=6)
    """
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        int(statistics.median(cost.memory for cost in costs)),
    )


def _peak(usage: resource.struct_rusage) -> int:
    """The peak resident memory in bytes: Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
