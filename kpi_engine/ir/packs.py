"""Packs: definitions that come from somewhere else, with the name by which a project uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import NOWHERE, SourceText, Span


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What a pack says of itself, and where it was found.

    `origin` is a phrase for people: `kpi.toml`, a distribution with its version, or `bundled`. `requires` is the range
    of engine versions it is written for, `uses` the ranges of the packs that it uses. `place` is that of its `name`.
    """

    name: str
    version: str
    description: str = ""
    requires: str = ""
    uses: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    origin: str = ""
    place: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PackTexts:
    """A pack as it is read: what it says of itself, and the texts of its definitions."""

    info: PackInfo
    texts: tuple[SourceText, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as it is parsed."""

    info: PackInfo
    files: tuple[tree.File, ...]
