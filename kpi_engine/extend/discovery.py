"""What is installed, read from metadata alone: no plugin is imported to be listed.

A distribution says what it provides by entry points, and for which versions of the engine it is written by its
`Requires-Dist: kpi-engine ...` and by an entry point of the group `kpi_engine.api` whose name is the version of the
interface: `1 = "my_package"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from kpi_engine._version import __version__
from kpi_engine.ir.dataclass import dataclass

if TYPE_CHECKING:
    from importlib.metadata import Distribution

API = "1"
"""The version of the interface that plugins are written for: everything in `kpi_engine.extend`."""

CONNECTORS, PLUGINS, PACKS = "kpi_engine.connectors", "kpi_engine.plugins", "kpi_engine.packs"
_API_GROUP = "kpi_engine.api"
KINDS = {CONNECTORS: "connector", PLUGINS: "plugin", PACKS: "pack"}
"""The groups of entry points, and what one entry of each is called."""

_REQUIREMENT = r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?"


@dataclass(frozen=True, slots=True)
class Installed:
    """One entry point: what it is called, what it leads to (`package.module:Name`), and who provides it.

    `problem` says why it cannot be used with this engine, as far as metadata tells; empty if it can.
    """

    kind: str
    name: str
    target: str
    distribution: str
    version: str
    api: str = ""
    problem: str = ""

    @property
    def provider(self) -> str:
        """`kpi-sql 1.2`."""
        return f"{self.distribution} {self.version}"


def installed(*groups: str) -> tuple[Installed, ...]:
    """All entries of these groups (none given: of all), by kind and name; a damaged distribution is passed over.

    >>> installed("kpi_engine.no_such_group")
    ()
    """
    wanted = groups or tuple(KINDS)
    found = [each for each in _everything() if _GROUP_OF[each.kind] in wanted]
    return tuple(sorted(found, key=lambda each: (wanted.index(_GROUP_OF[each.kind]), each.name, each.distribution)))


def providers(group: str, name: str) -> tuple[Installed, ...]:
    """Every distribution that provides a name: one if all is well."""
    return tuple(each for each in installed(group) if each.name == name)


def clash(found: Sequence[Installed]) -> str:
    """What is wrong where several distributions provide one name; empty where only one does."""
    if len(found) < 2:
        return ""
    names = " and ".join(each.provider for each in found)
    return f"the {found[0].kind} `{found[0].name}` is provided by {names}"


def forget() -> None:
    """Look again next time: distributions were installed, or `sys.path` was changed."""
    _everything.cache_clear()


_GROUP_OF = {kind: group for group, kind in KINDS.items()}


@lru_cache(maxsize=1)
def _everything() -> tuple[Installed, ...]:
    from importlib.metadata import distributions  # takes long, and most projects have no plugins

    seen: dict[str, tuple[Installed, ...]] = {}
    for distribution in distributions():
        # Most distributions have nothing to do with the engine; to read all their metadata would take long.
        if "kpi_engine." not in (distribution.read_text("entry_points.txt") or ""):
            continue
        name = str(distribution.metadata["Name"] or "")
        # The first one on the path is the one that would be imported; later ones of its name are hidden by it.
        if name and normal_name(name) not in seen:
            seen[normal_name(name)] = tuple(_entries(distribution, name))
    return tuple(each for entries in seen.values() for each in entries)


def _entries(distribution: Distribution, name: str) -> Iterable[Installed]:
    points = [each for each in distribution.entry_points if each.group in KINDS or each.group == _API_GROUP]
    apis = sorted(each.name for each in points if each.group == _API_GROUP)
    problem = _incompatible(apis, distribution.requires or ())
    for each in points:
        if each.group in KINDS:
            kind = KINDS[each.group]
            # Packs say in pack.toml what they are written for.
            why = "" if each.group == PACKS else problem
            yield Installed(kind, each.name, each.value, name, distribution.version, ", ".join(apis), why)


def _incompatible(apis: Sequence[str], requires: Iterable[str]) -> str:
    if apis and API not in apis:
        return f"it is written for version {', '.join(apis)} of the interface, and this engine has version {API}"
    from kpi_engine.ir.versions import in_range, is_range

    for text in requires:
        found = re.fullmatch(_REQUIREMENT, text)
        if found is None or normal_name(found[1]) != "kpi-engine" or "extra" in (found[3] or ""):
            continue
        allowed = found[2].strip()
        if allowed and is_range(allowed) and not in_range(__version__, allowed):
            return f"it needs kpi-engine {allowed}, and this is {__version__}"
    return ""


def normal_name(name: str) -> str:
    """The one spelling of a distribution's name: `Kpi_SQL` and `kpi-sql` are the same.

    >>> normal_name("Kpi_SQL")
    'kpi-sql'
    """
    return re.sub(r"[-_.]+", "-", name).lower()
