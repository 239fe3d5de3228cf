"""Wall time, CPU time and peak memory of processes, perhaps in a group that may not have more than so much memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GROUPS: Final = Path("/sys/fs/cgroup")
_GROUP: Final = "kpi-benchmark"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took from start to exit: seconds, CPU seconds, peak bytes; and its answer alone, if it says so."""

    wall: float
    cpu: float
    memory: int
    answer_wall: float | None = None
    answer_cpu: float | None = None


class ProcessFailed(Exception):
    """A process that was measured failed; its last words."""


def own_process(command: Sequence[str], *, group: Path | None = None, told: Mapping[str, str] | None = None) -> Cost:
    """The cost of a command, in a control group if one is given; `told` are further variables of its environment.

    This process must stay small, as a child's peak is never reported below what its parent held when it was started.

    Raises:
        ProcessFailed: it did not end with 0.
    """
    # Programs are compiled once and not on every start, as for everybody who uses them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= told or {}
    if group is not None:
        # The shell joins the group and is replaced by the command, so that all it ever holds is counted there.
        command = ["/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command]
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        # wait4 gives the usage of this child alone; getrusage(RUSAGE_CHILDREN) would give the peak of all of them.
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        words = said.decode("utf-8", "replace").strip().splitlines()
        raise ProcessFailed(f"{words[-1] if words else 'silent'} (exit code {child.returncode})")
    return Cost(wall, usage.ru_utime + usage.ru_stime, _peak(usage))


def interleaved(ways: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """The costs of each way; they take turns, so that a slow minute of the machine hits all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            costs[name].append(run())
    return costs


def median(values: Sequence[float]) -> float:
    """The middle value.

    >>> median([3.0, 1.0, 2.0])
    2.0
    """
    return statistics.median(values)


def memory_group(limit: int) -> tuple[Path, str]:
    """A control group of at most `limit` bytes, swap included, and what kind of group it is.

    Raises:
        OSError: the system has none, or this user may not make one.
    """
    if (_GROUPS / "memory").is_dir():
        group = _GROUPS / "memory" / _GROUP
        group.mkdir(exist_ok=True)
        (group / "memory.limit_in_bytes").write_text(str(limit), encoding="ascii")
        return group, "a control group of version 1 (memory.limit_in_bytes)"
    group = _GROUPS / _GROUP
    group.mkdir(exist_ok=True)
    (group / "memory.max").write_text(str(limit), encoding="ascii")
    (group / "memory.swap.max").write_text("0", encoding="ascii")
    return group, "a control group of version 2 (memory.max)"


def _peak(usage: resource.struct_rusage) -> int:
    """The peak resident memory in bytes: Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
