"""Small projects and packs on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import kpi_engine

MANIFEST = 'name = "{name}"\nversion = "{version}"\napi = 1\n'


def write_pack(
    folder: Path, name: str, definitions: str, *, version: str = "1.0.0", manifest: str | None = None
) -> Path:
    """A pack of one file of definitions."""
    (folder / "definitions").mkdir(parents=True, exist_ok=True)
    (folder / "pack.toml").write_text(manifest or MANIFEST.format(name=name, version=version), "utf-8")
    (folder / "definitions" / f"{name}.kpi").write_text(definitions, "utf-8")
    return folder


def write_project(
    folder: Path, definitions: str, tables: Mapping[str, str] | None = None, packs: Mapping[str, str] | None = None
) -> Path:
    """A project with tables as CSV and packs by their folders."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = "".join(f'{name} = "{path}"\n' for name, path in (packs or {}).items())
    config = f'as_of = "data"\n[connections.default]\npath = "."\n[packs]\n{listed}'
    (folder / "kpi.toml").write_text(config, "utf-8")
    (folder / "shop.kpi").write_text(definitions, "utf-8")
    for name, text in (tables or {}).items():
        (folder / name).write_text(text, "utf-8")
    return folder


def rows(folder: Path, metrics: list[str], **arguments: object) -> list[dict[str, object]]:
    """The answer of a project to a question."""
    found: list[dict[str, object]] = kpi_engine.open(folder).eval(metrics, **arguments).table.to_pylist()  # type: ignore[arg-type]
    return found


def codes(folder: Path) -> list[str]:
    """The codes of everything that a project's check says."""
    return [each.code for each in kpi_engine.open(folder).check()]
