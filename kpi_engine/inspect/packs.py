"""A pack on its own, opened as if a project used it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kpi_engine import pipeline
from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.packs import PackInfo
from kpi_engine.ir.span import SourceText
from kpi_engine.project import ProjectConfig
from kpi_engine.project.packs import pack_at

USER = "calendar\n  currency: EUR\n\nuse {}\n"
"""A project that uses a pack and maps nothing."""


@dataclass(frozen=True, slots=True)
class OpenPack:
    """A pack, and what a project sees that uses it alone."""

    info: PackInfo
    loaded: pipeline.Loaded

    @property
    def metrics(self) -> tuple[str, ...]:
        """The pack's own metrics, in the order written."""
        own = [
            each.name.text for file in self.loaded.files for each in file.declarations if isinstance(each, tree.Metric)
        ]
        return tuple(name for name in own if self.loaded.linked.owners.get(name) == self.info.name)

    @property
    def sources(self) -> tuple[str, ...]:
        """The pack's own logical sources that have tables."""
        owners, catalog = self.loaded.linked.sources, self.loaded.catalog
        return tuple(
            name for name, each in catalog.sources.items() if owners.get(name) == self.info.name and not each.derived
        )


def open_pack(folder: Path, beside: Mapping[str, Path] | None = None) -> OpenPack:
    """The pack in a folder; KpiError if it cannot be read. What is wrong with its definitions is in `loaded`.

    `beside` are folders of packs that it may use, by name.
    """
    texts = pack_at(folder, origin="a folder")
    source = SourceText("project", USER.format(texts.info.name))
    config = ProjectConfig(folder, packs={**(beside or {}), texts.info.name: folder})
    return OpenPack(texts.info, pipeline.load_texts((source,), config, {}))
