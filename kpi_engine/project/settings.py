"""The form of a project's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from kpi_engine.extend.pins import Pin
from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.ir.dataclass import dataclass

CONFIG_NAME = "kpi.toml"
DEFAULT_DEFINITIONS = ("*.kpi", "definitions/**/*.kpi")
DEFAULT_CONNECTION = "default"
STORE_FOLDER = Path(".kpi", "state")
"""Where the state store of a project is, from kpi.toml's folder on."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where states are kept between questions (None: nowhere), and how many bytes of them (None: as the disk allows).

    `network` lets the store write to a file system of several machines.
    """

    folder: Path | None = None
    size: int | None = None
    network: bool = False


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """What kpi.toml, the environment and the flags say together.

    `definitions` are glob patterns below `folder`; `files`, if any, are files and folders named by
    hand that are read instead. `as_of` is `now`, `data`, or an ISO date or instant. `file` is
    kpi.toml's own path, if there is one. `pins` are by distribution; `allowed` are the plugins and connectors that
    the caller still lets in (None: all).
    """

    folder: Path
    name: str = ""
    definitions: tuple[str, ...] = DEFAULT_DEFINITIONS
    files: tuple[Path, ...] = ()
    as_of: str = "now"
    plugins: tuple[str, ...] = ()
    connections: Mapping[str, ConnectionSettings] = field(default_factory=dict)
    packs: Mapping[str, Path] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    allowed: frozenset[str] | None = None
    file: Path | None = None
    store: StoreSettings = StoreSettings()
