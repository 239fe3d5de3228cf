"""The settings of a project: flags over `KPI_*` environment variables over kpi.toml over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.project.config_file import AS_OF_HELP, is_as_of, parse_config
from kpi_engine.project.files import read_text
from kpi_engine.project.settings import CONFIG_NAME, DEFAULT_CONNECTION, ProjectConfig, StoreSettings

AnyPath = str | os.PathLike[str]

_OFF = ("off", "no", "false", "0")


def load_config(
    path: AnyPath | None = None,
    *,
    definitions: AnyPath | Sequence[AnyPath] | None = None,
    data: AnyPath | None = None,
    environment: Mapping[str, str] | None = None,
    plugins: bool = True,
    store: AnyPath | Literal[False] | None = None,
) -> ProjectConfig:
    """The configuration that holds for a call; KpiError E70x.

    `path` is a folder with a kpi.toml, or the kpi.toml itself. Without `path`, definitions named by
    hand stand on their own (no kpi.toml is looked for, tables are files in `data`, the as-of is
    `data`); otherwise the nearest kpi.toml upward from the working folder is used. `data` replaces
    the folder of the default connection. Without `plugins` none is loaded, and no connector but the built-in one.
    `store` is the folder of the state store, or False for none; otherwise a project has one and named files have not.
    """
    given = os.environ if environment is None else environment
    chosen = path if path is not None else given.get("KPI_PROJECT") or None
    files = _named_files(definitions, given)
    tables = data if data is not None else given.get("KPI_DATA") or None
    if chosen is None and files:
        config = ProjectConfig(Path.cwd(), as_of="data")
    else:
        folder = find_project(Path.cwd()) if chosen is None else _project_at(Path(chosen))
        config = read_config(folder)
    config = replace(config, files=files)
    if tables is not None:
        config = _with_data(config, Path(tables))
    elif DEFAULT_CONNECTION not in config.connections:
        config = _with_connection(config, ConnectionSettings(DEFAULT_CONNECTION, folder=str(config.folder)))
    if as_of := given.get("KPI_AS_OF"):
        config = replace(config, as_of=_checked_as_of(as_of))
    config = replace(config, store=_chosen_store(config, store, given))
    return _without_plugins(config, given.get("KPI_PLUGINS") if plugins else "")


def find_project(start: Path) -> Path:
    """The nearest folder from `start` upward that holds a kpi.toml; KpiError E701 if there is none."""
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    message = f"there is no {CONFIG_NAME} in {start} or in a folder above it"
    help = "start a project with `kpi init DIR`, or name files: --definitions FILE --data DIR"
    raise KpiError(Diagnostic("E701", message, help=help))


def read_config(folder: Path) -> ProjectConfig:
    """What the kpi.toml in `folder` says, without flags and environment; KpiError E702 to E709."""
    file = folder / CONFIG_NAME
    return parse_config(read_text(file), file)


def _project_at(path: Path) -> Path:
    if path.is_file() and path.name == CONFIG_NAME:
        return path.resolve().parent
    if (path / CONFIG_NAME).is_file():
        return path.resolve()
    message = f"there is no {CONFIG_NAME} in {path}" if path.is_dir() else f"there is no folder {path}"
    raise KpiError(
        Diagnostic("E701", message, help="start a project there with `kpi init DIR`", exit_code=ExitCode.USAGE)
    )


def _named_files(definitions: AnyPath | Sequence[AnyPath] | None, environment: Mapping[str, str]) -> tuple[Path, ...]:
    if definitions is None:
        listed = environment.get("KPI_DEFINITIONS", "")
        return tuple(Path(part) for part in listed.split(os.pathsep) if part)
    if isinstance(definitions, str | os.PathLike):
        return (Path(definitions),)
    return tuple(Path(part) for part in definitions)


def _with_data(config: ProjectConfig, data: Path) -> ProjectConfig:
    if not data.is_dir():
        message = f"the data folder {data} does not exist"
        help = "--data (or KPI_DATA) names a folder of tables"
        raise KpiError(Diagnostic("E710", message, help=help, exit_code=ExitCode.USAGE))
    current = config.connections.get(DEFAULT_CONNECTION, ConnectionSettings(DEFAULT_CONNECTION))
    return _with_connection(config, replace(current, folder=str(data.resolve())))


def _with_connection(config: ProjectConfig, connection: ConnectionSettings) -> ProjectConfig:
    return replace(config, connections={**config.connections, connection.name: connection})


def _chosen_store(
    config: ProjectConfig, chosen: AnyPath | Literal[False] | None, environment: Mapping[str, str]
) -> StoreSettings:
    """The state store by the argument, else by `KPI_STORE` (`off` or a folder), else by kpi.toml."""
    settings = replace(config.store, network=environment.get("KPI_STORE_FORCE", "") not in ("", "0"))
    if chosen is None:
        named = environment.get("KPI_STORE") or None
        chosen = False if named is not None and named.lower() in _OFF else named
    if chosen is None:
        return settings
    if chosen is False:
        return replace(settings, folder=None)
    folder = Path(chosen)
    if folder.exists() and not folder.is_dir():
        help = "--store (or KPI_STORE) names a folder, or one that can be made"
        raise KpiError(Diagnostic("E710", f"{folder} is no folder", help=help, exit_code=ExitCode.USAGE))
    return replace(settings, folder=folder.absolute())


def _checked_as_of(text: str) -> str:
    if is_as_of(text):
        return text
    source = SourceText("KPI_AS_OF", text)
    message = f"`{text}` is not an as-of"
    place = Span(source, 0, len(text))
    raise KpiError(Diagnostic("E704", message, place, AS_OF_HELP, exit_code=ExitCode.USAGE))


def _without_plugins(config: ProjectConfig, kept: str | None) -> ProjectConfig:
    """`KPI_PLUGINS` may only remove: what is loaded is what both name."""
    if kept is None:
        return config
    names = frozenset(name.strip() for name in kept.split(","))
    return replace(config, plugins=tuple(name for name in config.plugins if name in names), allowed=names)
