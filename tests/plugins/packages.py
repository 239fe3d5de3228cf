"""Tiny installed distributions: modules and a `.dist-info` in a folder of `sys.path`; nothing is installed by pip."""

from __future__ import annotations

import base64
import hashlib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]


def distribution(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    points: Mapping[str, Mapping[str, str]] | None = None,
    modules: Mapping[str, str] | None = None,
    requires: Sequence[str] = ("kpi-engine",),
    api: str | None = "1",
) -> Path:
    """Write a distribution; `points` are entry points by group without its prefix, `modules` texts by file name."""
    files = {file: dedent(text) for file, text in (modules or {}).items()}
    for file, text in files.items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n")
    groups = {**(points or {}), **({"api": {api: name.replace("-", "_")}} if api is not None else {})}
    text = "".join(
        f"[kpi_engine.{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in groups.items()
    )
    (info / "entry_points.txt").write_text(text)
    record = "".join(f"{file},sha256={_hash(folder / file)},\n" for file in files)
    (info / "RECORD").write_text(record)
    return info


def installed(package: Path) -> dict[str, str]:
    """The environment in which a package is installed: its folder on the path, with the metadata of its pyproject."""
    written = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    points = {group.removeprefix("kpi_engine."): entries for group, entries in written["entry-points"].items()}
    requires = written["dependencies"]
    distribution(package, written["name"], version=written["version"], points=points, requires=requires, api=None)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}


def write_pack(folder: Path, name: str, definitions: str, version: str = "1.0") -> Path:
    """A pack of one file, as kpi.toml names it by its folder."""
    (folder / "definitions").mkdir(parents=True)
    (folder / "pack.toml").write_text(f'name = "{name}"\nversion = "{version}"\napi = 1\n')
    (folder / "definitions" / f"{name}.kpi").write_text(definitions)
    return folder


def _hash(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
