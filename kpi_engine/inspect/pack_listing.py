"""The packs that a project could use, who provides each, and which it uses. Nothing is imported, no data is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from kpi_engine.extend.discovery import PACKS, Installed, clash, installed
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.packs import PackTexts
from kpi_engine.ir.span import Span
from kpi_engine.pack_files import packs_used
from kpi_engine.parse import parse_file
from kpi_engine.project import ProjectConfig, read_definitions
from kpi_engine.project.packs import bundled, pack_info, read_pack

Origin = Literal["kpi.toml", "installed", "bundled"]


@dataclass(frozen=True, slots=True)
class ListedPack:
    """A pack by name. Of several of one name the first origin counts: kpi.toml, what is installed, what is bundled.

    `distribution` is empty for a folder of kpi.toml, which is `folder`. `hides` are those of the same name that do not
    count, in words. `problem` says why it cannot be used; a pack that is used and found nowhere has no `origin`.
    """

    name: str
    origin: Origin | None
    distribution: str = ""
    version: str = ""
    folder: Path | None = None
    hides: tuple[str, ...] = ()
    problem: str = ""
    used: bool = False


def listed_packs(config: ProjectConfig | None) -> list[ListedPack]:
    """All packs by name: those that kpi.toml names by folder, the installed and the bundled, and what is used besides.

    A pack is used if definitions lead to it: by a `use` line, or by that of a pack which is used. KpiError if there are
    definitions that cannot be read.
    """
    used, broken = _used(config) if config is not None else ([], {})
    folders = {} if config is None else config.packs
    of_distributions = installed(PACKS)
    names = sorted({*folders, *bundled(), *used, *(each.name for each in of_distributions)})
    found = []
    for name in names:
        offers = list(_offers(name, folders.get(name), [each for each in of_distributions if each.name == name]))
        first = offers[0] if offers else ListedPack(name, None, problem="it is not installed")
        found.append(
            ListedPack(
                name,
                first.origin,
                first.distribution,
                first.version,
                first.folder,
                tuple(_named(each) for each in offers[1:]),
                first.problem or (broken.get(name, "") if offers else ""),
                name in used,
            )
        )
    return found


def _offers(name: str, folder: Path | None, of_distributions: list[Installed]) -> Iterator[ListedPack]:
    """All packs of one name, the one that counts first."""
    if folder is not None:
        yield _in_folder(name, "kpi.toml", folder)
    if of_distributions:
        problem = clash(of_distributions)
        together = ListedPack(name, "installed", problem=problem)
        first = of_distributions[0]
        yield together if problem else ListedPack(name, "installed", first.distribution, first.version)
    if name in (inside := bundled()):
        yield _in_folder(name, "bundled", inside[name])


def _in_folder(name: str, origin: Origin, folder: Path) -> ListedPack:
    distribution = "kpi-engine" if origin == "bundled" else ""
    where = None if origin == "bundled" else folder
    try:
        return ListedPack(name, origin, distribution, pack_info(folder, name).version, where)
    except KpiError as error:
        return ListedPack(name, origin, distribution, "", where, problem=error.diagnostics[0].message)


def _named(pack: ListedPack) -> str:
    if pack.origin == "bundled":
        return f"the bundled {pack.version}".strip()
    return f"{pack.distribution} {pack.version}".strip() or pack.problem


def _used(config: ProjectConfig) -> tuple[list[str], dict[str, str]]:
    """The packs that a project's definitions lead to, and why those that cannot be read cannot."""
    try:
        texts = read_definitions(config)
    except KpiError as error:
        if error.diagnostics[0].code == "E705":
            return [], {}  # a project without definitions uses nothing
        raise
    asked: dict[str, str] = {}

    def reader(name: str, place: Span) -> PackTexts:
        asked[name] = ""
        try:
            return read_pack(name, config, place)
        except KpiError as error:
            asked[name] = error.diagnostics[0].message
            raise

    packs_used([parse_file(text)[0] for text in texts], reader)
    return list(asked), asked
