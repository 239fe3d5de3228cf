"""How much memory states may take."""

from __future__ import annotations

import os
from pathlib import Path

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.sizes import size_of

MEMORY = "KPI_MEMORY"
"""The environment variable that says how much memory an answer may take: `2 GB`."""

_SHARE = 4
"""States may take this part of it: to unite them and to finish them takes as much two or three times over."""

_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNKNOWN = 4 << 30


def memory_for_states() -> int:
    """The bytes that all states together may take; KpiError E823 for a KPI_MEMORY that is no amount."""
    asked = os.environ.get(MEMORY, "")
    if not asked:
        return _machine() // 2 // _SHARE
    found = size_of(asked)
    if found is None:
        raise KpiError(
            Diagnostic(
                "E823", f"{MEMORY} is no amount of memory: `{asked}`", help="write `2 GB`", exit_code=ExitCode.USAGE
            )
        )
    return max(found // _SHARE, 1)


def _machine() -> int:
    """The memory of the machine, or of the container that it is."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        found = 2 * _UNKNOWN
    for path in _GROUP_LIMITS:
        try:
            limit = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if limit.isdecimal() and int(limit) > 0:
            found = min(found, int(limit))
    return found
