"""Which case files (`*.kpitest`) belong to a project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePath

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean
from kpi_engine.project.settings import ProjectConfig

ENDING = ".kpitest"
_TESTS = "tests"


def case_files(config: ProjectConfig, paths: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The case files in `paths` (files and folders), else those beside the definitions and in folders named tests.

    Hidden files and folders are passed over. KpiError E730 if there is none, or a path does not exist.
    """
    if paths:
        found = [file for path in paths for file in _named(path)]
    elif config.files:
        found = [file for path in config.files for file in (_below(path) if path.is_dir() else _beside(path.parent))]
    else:
        found = [*_beside(config.folder), *(file for folder in _folders(config) for file in _below(folder))]
    if not found:
        where = ", ".join(map(str, paths)) or "the project"
        message = f"there is no case file (*{ENDING}) in {where}"
        help = f"write one, such as tests/metrics{ENDING}; `kpi init DIR` shows how they look"
        raise KpiError(Diagnostic("E730", message, help=help, exit_code=ExitCode.USAGE))
    return tuple(dict.fromkeys(found))


def _folders(config: ProjectConfig) -> Iterator[Path]:
    """Folders inside the project's own in which its patterns look for definitions."""
    for pattern in config.definitions:
        parts = PurePath(pattern).parts
        fixed = list(takewhile(lambda part: not any(character in part for character in "*?["), parts))
        folder = config.folder.joinpath(*fixed)
        if folder.is_dir() and folder != config.folder:
            yield folder


def _beside(folder: Path) -> Iterator[Path]:
    """Case files directly in a folder, and anywhere in its folder of tests."""
    yield from sorted(folder.glob(f"*{ENDING}"))
    yield from _below(folder / _TESTS)


def _below(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob(f"*{ENDING}")):
        if not _is_hidden(file.relative_to(folder)):
            yield file


def _named(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from _below(path)
    elif path.exists():
        yield path
    else:
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        help = did_you_mean(path.name, beside)
        raise KpiError(Diagnostic("E730", f"there is no file {path}", help=help, exit_code=ExitCode.USAGE))


def _is_hidden(relative: PurePath) -> bool:
    return any(part.startswith(".") for part in relative.parts)
