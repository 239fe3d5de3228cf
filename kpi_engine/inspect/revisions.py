"""Definitions as they were: a revision of git, or a folder, as a project that reads today's data."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kpi_engine import pipeline
from kpi_engine.inspect.compare import Side
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, Severity
from kpi_engine.project import ProjectConfig, load_config, read_definitions
from kpi_engine.project.settings import CONFIG_NAME


@contextmanager
def opened(name: str | None, current: ProjectConfig) -> Iterator[Side]:
    """The state called `name`: a folder or file of definitions, else a revision; None is the working tree.

    Tables are looked for where the current project has them. Raises KpiError E735 for a name that is neither, E736
    if git cannot be asked, and the errors of definitions that are broken.
    """
    if name is None:
        yield _side("working tree", current, current)
    elif Path(name).exists():
        yield _side(name, _config_at(Path(name)), current)
    else:
        with tempfile.TemporaryDirectory(prefix="kpi-diff-") as folder:
            yield _side(name, _at_revision(name, current, Path(folder)), current)


def _side(name: str, config: ProjectConfig, current: ProjectConfig) -> Side:
    """A state with the folders of today's connections, so that both sides see the same tables."""
    connections = {
        key: replace(each, folder=current.connections[key].folder) if key in current.connections else each
        for key, each in config.connections.items()
    }
    packs = {name: current.packs.get(name, folder) for name, folder in config.packs.items()}
    config = replace(config, connections=connections, packs=packs)
    loaded = pipeline.load_texts(read_definitions(config), config, {})
    broken = [
        replace(each, message=f"{name}: {each.message}") if name != "working tree" else each
        for each in loaded.diagnostics
        if each.severity is Severity.ERROR and each.exit_code is not ExitCode.DATA
    ]
    if broken:
        raise KpiError(broken)
    return Side(name, config, loaded)


def _config_at(path: Path) -> ProjectConfig:
    """The project in a folder; definitions that are only a file, or lie in a folder without a kpi.toml, by hand."""
    if path.is_dir() and (path / CONFIG_NAME).is_file():
        return load_config(path)
    return load_config(definitions=[path])


def _at_revision(revision: str, current: ProjectConfig, folder: Path) -> ProjectConfig:
    """The project as it was committed, its definitions written into a folder."""
    if current.file is None and not current.files:
        raise _unknown(revision, "name two folders, or run this in a project")
    base = current.folder if current.file is not None else current.files[0].resolve().parent
    top = Path(_git(base, "rev-parse", "--show-toplevel").strip())
    if not _git_says(base, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"):
        raise _unknown(revision, "it is neither a folder nor a revision: `git log --oneline` shows revisions")
    inside = base.resolve().relative_to(top.resolve())
    listed = _git(top, "ls-tree", "-r", "-z", "--name-only", revision, "--", str(inside)).split("\0")
    for name in listed:
        if name.endswith(".kpi") or Path(name) == inside / CONFIG_NAME:
            target = folder / Path(name).relative_to(inside)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_git(top, "show", f"{revision}:{name}"), "utf-8", newline="\n")
    if current.files:
        files = tuple(folder / file.resolve().relative_to(base.resolve()) for file in current.files)
        return replace(current, folder=folder, files=files)
    if not (folder / CONFIG_NAME).is_file():
        raise _unknown(revision, f"there was no {CONFIG_NAME} in {inside} then: name a later revision")
    return load_config(folder, environment={})


def _git(folder: Path, *words: str) -> str:
    """What git prints; KpiError E736 if it cannot be run or refuses."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)
    except OSError as error:
        raise _no_git(f"git cannot be run: {(error.strerror or str(error)).lower()}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _no_git(said[-1] if said else "git refused")
    return done.stdout.decode("utf-8", "replace")


def _git_says(folder: Path, *words: str) -> bool:
    try:
        return bool(_git(folder, *words).strip())
    except KpiError:
        return False


def _unknown(revision: str, help: str) -> KpiError:
    message = f"there is nothing called `{revision}` to compare with"
    return KpiError(Diagnostic("E735", message, help=help, exit_code=ExitCode.USAGE))


def _no_git(message: str) -> KpiError:
    help = "to compare without git, name two folders: `kpi diff OLD NEW`"
    return KpiError(Diagnostic("E736", message.removeprefix("fatal: "), help=help, exit_code=ExitCode.USAGE))
