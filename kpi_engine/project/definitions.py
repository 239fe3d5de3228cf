"""Which files hold a project's definitions, and their texts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.project.files import read_text, shown
from kpi_engine.project.settings import DEFAULT_DEFINITIONS, ProjectConfig

MOST_FILES = 2_000
"""Definitions files that a project may have."""


def read_definitions(config: ProjectConfig) -> tuple[SourceText, ...]:
    """The texts of all definitions files, in the order of their names; KpiError with every file's problem."""
    texts: list[SourceText] = []
    problems: list[Diagnostic] = []
    for path in definition_files(config):
        try:
            texts.append(read_text(path))
        except KpiError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise KpiError(problems)
    return tuple(texts)


def definition_files(config: ProjectConfig) -> tuple[Path, ...]:
    """The files that `read_definitions` reads.

    KpiError E705 (none, or one is missing), E707 (too many), E708 (outside the project).
    """
    return _files_by_hand(config.files) if config.files else _files_by_pattern(config)


def _files_by_hand(named: tuple[Path, ...]) -> tuple[Path, ...]:
    """Files and folders that the user named may lie anywhere."""
    found: dict[Path, None] = {}
    for path in named:
        if path.is_dir():
            inside = sorted(file for file in path.glob("**/*.kpi") if not _hidden(file.relative_to(path)))
            if not inside:
                raise KpiError(_nothing(f"no *.kpi file in {path}", ""))
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise KpiError(_missing(path))
    return _counted(tuple(found))


def _files_by_pattern(config: ProjectConfig) -> tuple[Path, ...]:
    root = config.folder.resolve()
    found: dict[Path, Path] = {}
    for pattern in config.definitions:
        for path in sorted(_matches(root, pattern)):
            found.setdefault(_inside(root, path), path)
    if not found:
        patterns = ", ".join(config.definitions)
        help = "write a metric such as `order_count = count(orders)` into metrics.kpi"
        if config.definitions != DEFAULT_DEFINITIONS:
            help = "change `definitions` in kpi.toml"
        raise KpiError(_nothing(f"no definitions in {shown(root)}: no file is named {patterns}", help))
    return _counted(tuple(found.values()))


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    pure = PurePath(pattern)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        message = f"`{pattern}` in `definitions` does not lie in the project's folder"
        raise KpiError(Diagnostic("E708", message, help="write patterns below the folder of kpi.toml"))
    if not any(character in pattern for character in "*?["):
        path = root / pattern
        if not path.exists():
            raise KpiError(_missing(path))
        if not path.is_dir():
            yield path
            return
        pattern = str(pure / "**" / "*.kpi")
    for path in root.glob(pattern):
        if not _hidden(path.relative_to(root)) and not path.is_dir():
            yield path


def _inside(root: Path, path: Path) -> Path:
    """The file's real place; E708 if links lead out of the project."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        message = f"{shown(path)} is a link that leads nowhere"
        raise KpiError(Diagnostic("E709", message)) from None
    if real.is_relative_to(root):
        return real
    message = f"{shown(path)} leads outside the project's folder, to {real}"
    raise KpiError(Diagnostic("E708", message, help="copy the file into the project"))


def _hidden(relative: PurePath) -> bool:
    return any(part.startswith(".") for part in relative.parts)


def _counted(files: tuple[Path, ...]) -> tuple[Path, ...]:
    if len(files) > MOST_FILES:
        message = f"there are {len(files)} definitions files; at most {MOST_FILES} are read"
        help = "narrow the patterns of `definitions` in kpi.toml"
        raise KpiError(Diagnostic("E707", message, help=help, exit_code=ExitCode.LIMIT))
    return files


def _missing(path: Path) -> Diagnostic:
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    place = Span(SourceText(shown(path), ""), 0, 0)
    return Diagnostic("E705", f"there is no file {os.fspath(path)}", place, did_you_mean(path.name, beside))


def _nothing(message: str, help: str) -> Diagnostic:
    return Diagnostic("E705", message, help=help)
