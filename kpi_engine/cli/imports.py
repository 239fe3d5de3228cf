"""What the process of a command line does without: pandas, threads for linear algebra, looking for garbage, giving back
memory before it ends."""

from __future__ import annotations

import gc
import os
import sys

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


def leave_out_pandas() -> None:
    """Import no pandas in this process, if it runs one command line and nothing else."""
    if _Process.is_own and not any(isinstance(finder, WithoutPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, WithoutPandas())


def keep_memory() -> None:
    """Keep freed memory in this process, if it runs one command line and nothing else."""
    if _Process.is_own:
        import kpi_engine

        kpi_engine.keep_freed_memory()
