"""What `kpi cache` does: look at the state store of a project, read all of it again, empty it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.project import ProjectConfig
from kpi_engine.store.disk import Disk
from kpi_engine.store.files import Refused, reason
from kpi_engine.store.upkeep import Cleared, Contents, Verified, clear, contents, verify

_PATIENCE = 5.0
"""Seconds that emptying waits for somebody who is writing."""


def described(config: ProjectConfig) -> Contents | None:
    """What the state store of a project holds; None if the project keeps nothing. KpiError E760."""
    folder = config.store.folder
    if folder is None:
        return None
    with _looking_after(folder):
        return contents(folder, config.store.size, Disk())


def verified(config: ProjectConfig) -> Verified | None:
    """What a look at every byte of a project's state store found; None if it keeps nothing. KpiError E760."""
    folder = config.store.folder
    if folder is None:
        return None
    with _looking_after(folder):
        return verify(folder, Disk())


def cleared(config: ProjectConfig) -> Cleared | None:
    """Empty the state store of a project; None if it keeps nothing. KpiError E760."""
    folder = config.store.folder
    if folder is None:
        return None
    with _looking_after(folder):
        return clear(folder, Disk(), _PATIENCE)


@contextmanager
def _looking_after(folder: Path) -> Iterator[None]:
    try:
        yield
    except (Refused, OSError) as failure:
        cause = reason(failure) if isinstance(failure, OSError) else str(failure)
        message = f"the state store {folder} cannot be used: {cause}"
        help = "name a folder that is a state store, or an empty one; nothing that others put there is touched"
        if isinstance(failure, OSError):
            help = "see that this user may read and write there; questions are answered without a store as well"
        raise KpiError(Diagnostic("E760", message, help=help, exit_code=ExitCode.STATE)) from failure
