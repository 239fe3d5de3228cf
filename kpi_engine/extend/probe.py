"""A look at one plugin in a process of its own, which it may hang, crash or leave: `python -m kpi_engine.extend.probe`.

Whatever happens to that process, the caller learns one line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from kpi_engine.extend.loading import LONGEST, LoadFailure, load
from kpi_engine.ir.dataclass import dataclass

BUILTIN_MODULE = "kpi_engine.builtin.plugin"
"""The plugin that ships inside, by name: nothing here imports what lies above."""

_MARK = "kpi-probe:"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look found: the seconds that the import took, why it failed (empty: it did not), what it provides."""

    seconds: float
    cause: str = ""
    provides: tuple[str, ...] = ()


def probe(kind: str, name: str, target: str, longest: float = LONGEST) -> Probe:
    """Import an entry (`connector` or `plugin`), and let a plugin register, in another process."""
    command = [sys.executable, "-m", "kpi_engine.extend.probe", kind, name, target]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        ended = subprocess.run(command, capture_output=True, timeout=longest, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return Probe(longest, f"its import did not end within {longest:g} s")
    for line in reversed(ended.stdout.decode("utf-8", "replace").splitlines()):
        if line.startswith(_MARK):
            found = json.loads(line.removeprefix(_MARK))
            return Probe(found["seconds"], found["cause"], tuple(found["provides"]))
    if ended.returncode < 0:
        return Probe(0, f"it crashes the process (signal {-ended.returncode})")
    return Probe(0, f"it ends the process at once (exit code {ended.returncode})")


def look(kind: str, name: str, target: str) -> Probe:
    """The look itself, in this process."""
    try:
        loaded = load(target)
        if kind == "connector":
            if not callable(loaded.value):
                raise LoadFailure(f"{target} is {type(loaded.value).__name__}, and no connector class")
            return Probe(loaded.seconds, "", (f"connector {name}",))
        from kpi_engine.extend.host import registered

        return Probe(loaded.seconds, "", registered(load(BUILTIN_MODULE).value, name, loaded.value))
    except LoadFailure as failure:
        return Probe(0, failure.cause)


def main() -> None:
    """One look, told in one marked line; other lines are the plugin's own."""
    found = look(*sys.argv[1:4])
    told = json.dumps({"seconds": found.seconds, "cause": found.cause, "provides": found.provides})
    sys.stdout.write(f"\n{_MARK}{told}\n")
    sys.stdout.flush()
    os._exit(0)  # a thread that still imports must not hold the process


if __name__ == "__main__":
    main()
