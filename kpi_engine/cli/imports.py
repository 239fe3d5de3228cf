"""What the process of a command line does without: pandas, threads for linear algebra, looking for garbage, giving back
memory before it ends, taking itself apart, and documentation."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder

_DOCUMENTATION = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")

_OBJECTS_PER_COLLECTION = 200_000
"""What imports and definitions make stays until the end: to look through it every 700 objects finds nothing. A small
question makes some 70 000."""


class WithoutPandas:
    """Says that pandas is not installed.

    pyarrow imports it with the first array, to know its types when it meets them. Nothing here makes any, and it takes
    as long to load as everything else together.
    """

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """None for other names, which are then looked for as ever."""
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")


class _Process:
    """Whether this process runs one command line and nothing else."""

    is_own = False


def own_process() -> None:
    """Say that this process runs one command line and nothing else."""
    _Process.is_own = True
    # NumPy's linear algebra, which nothing here uses, otherwise starts threads that wait busily for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])


def end_process() -> None:
    """Let this process end without looking for garbage, which Python does three times, if it runs one command line."""
    if _Process.is_own:
        gc.freeze()


def end_at_once(code: int) -> None:
    """End this process as Python does, but for the objects in it, which go with it.

    Return where somebody may miss that: threads that still run, plugins, and whoever watches the process or took its
    streams.
    """
    if threading.active_count() > 1 or "kpi_engine.extend.own_state" in sys.modules or _is_watched():
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python says so, and ends with a code of its own
        return
    os._exit(code)


def _is_watched() -> bool:
    """Whether there is somebody who goes on after this command line: a profiler, a debugger, a test of programs."""
    monitoring = getattr(sys, "monitoring", None)
    return (
        sys.flags.inspect != 0
        or sys.gettrace() is not None
        or sys.getprofile() is not None
        or (monitoring is not None and any(monitoring.get_tool(number) for number in range(6)))
        or sys.stdout is not sys.__stdout__
        or sys.stderr is not sys.__stderr__
    )


def leave_out_pandas() -> None:
    """Import no pandas in this process, if it runs one command line and nothing else."""
    if _Process.is_own and not any(isinstance(finder, WithoutPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, WithoutPandas())


class LateDocumentation:
    """Executes the modules in which NumPy has its docstrings when somebody looks into them, and not when it imports
    them: to write some four hundred that nobody reads takes a tenth of its import."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """None for other names, which are then looked for as ever."""
        if name not in _DOCUMENTATION:
            return None
        from importlib.util import LazyLoader

        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def leave_out_documentation() -> None:
    """Import NumPy without docstrings in this process, if it runs one command line and nothing else."""
    if _Process.is_own and not any(isinstance(finder, LateDocumentation) for finder in sys.meta_path):
        sys.meta_path.insert(0, LateDocumentation())


def complete_documentation() -> None:
    """Give NumPy the docstrings that were left out."""
    for name in _DOCUMENTATION:
        if name in sys.modules:
            vars(sys.modules[name])


def make_functions_late() -> None:
    """Make functions of `pyarrow.compute` when they are used, if this process runs one command line alone."""
    if _Process.is_own and "pyarrow.compute" not in sys.modules:
        from kpi_engine.cli.late_functions import LateFunctions

        if not any(isinstance(finder, LateFunctions) for finder in sys.meta_path):
            sys.meta_path.insert(0, LateFunctions())


def keep_memory() -> None:
    """Keep freed memory in this process, if it runs one command line and nothing else."""
    if _Process.is_own:
        import kpi_engine

        kpi_engine.keep_freed_memory()
