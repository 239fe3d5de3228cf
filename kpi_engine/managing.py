"""What `kpi plugins` does: list what there is, look at what a project names, freeze it; no more is imported."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kpi_engine.extend.discovery import CONNECTORS, PLUGINS, Installed, clash, forget, installed, normal_name, providers
from kpi_engine.extend.host import usable
from kpi_engine.extend.loading import SLOW
from kpi_engine.extend.pins import Pin, broken_pin, pin_of
from kpi_engine.extend.probe import probe
from kpi_engine.hosting import builtin_host
from kpi_engine.inspect.pack_listing import ListedPack, listed_packs
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.project import ProjectConfig
from kpi_engine.project.files import read_text, shown
from kpi_engine.project.writing import replacing

Status = Literal["in use", "available", "off", "unusable", "not installed", "failed", "works"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `kpi plugins list` or `doctor`: an entry, how it stands, and the cause if it cannot be used.

    `used` says whether the project names it; `seconds` is how long its import took, where it was looked at. A pack has
    an `origin` (`kpi.toml`, whose `folder` it is, `installed` or `bundled`) and `hides` others of its name, in words.
    """

    kind: str
    name: str
    distribution: str
    version: str
    api: str
    status: Status
    cause: str = ""
    used: bool = False
    seconds: float | None = None
    provides: tuple[str, ...] = ()
    origin: str = ""
    folder: str = ""
    hides: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """Who provides it, with its version: a distribution, the engine, or a folder.

        >>> Row("pack", "sales", "kpi-engine", "1.0.0", "", "in use", origin="bundled").provider
        'bundled 1.0.0'
        """
        where = "bundled" if self.origin == "bundled" else shown(Path(self.folder)) if self.folder else ""
        return f"{where or self.distribution} {self.version}".strip()


def listed(config: ProjectConfig | None) -> list[Row]:
    """Every installed connector and plugin, every pack, and what the project names that is missing. Imports nothing."""
    forget()
    used = _used(config)
    rows = [_row(each, config, used) for each in installed(CONNECTORS, PLUGINS)]
    known = {(each.kind, each.name) for each in rows}
    rows += [
        Row(kind, name, "", "", "", "not installed", "it is not installed", used=True)
        for kind, name in used
        if (kind, name) not in known
    ]
    return [*rows, *map(_pack_row, listed_packs(config))]


def _pack_row(pack: ListedPack) -> Row:
    status: Status = "not installed" if pack.origin is None else "unusable"
    if not pack.problem:
        status = "in use" if pack.used else "available"
    return Row(
        "pack",
        pack.name,
        pack.distribution,
        pack.version,
        "",
        status,
        pack.problem,
        pack.used,
        origin=pack.origin or "",
        folder="" if pack.folder is None else str(pack.folder),
        hides=pack.hides,
    )


def looked_at(config: ProjectConfig | None, names: tuple[str, ...] = (), longest: float = 30.0) -> list[Row]:
    """What the project names (or the given names), each imported in a process of its own; without names also its pins
    that do not hold and are of nothing that it names."""
    rows = listed(config)
    asked = [row for row in rows if (row.name in names if names else row.used)]
    missing = [name for name in names if all(row.name != name for row in rows)]
    fit = ("in use", "available", "off")
    found = [_looked_at(row, config, longest) if row.status in fit else row for row in asked]
    found += [Row("plugin", name, "", "", "", "not installed", "it is not installed") for name in missing]
    return found if names or config is None else [*found, *_other_pins(config, {row.distribution for row in found})]


def _other_pins(config: ProjectConfig, known: set[str]) -> Iterator[Row]:
    """The pins that do not hold, of distributions other than those known."""
    seen = {normal_name(name) for name in known}
    for name, pin in config.pins.items():
        if normal_name(name) not in seen and (broken := broken_pin(name, pin)):
            yield Row("pin", name, "", pin.version, "", "failed", f"it {broken}")


def _looked_at(row: Row, config: ProjectConfig | None, longest: float) -> Row:
    if row.kind == "pack":
        return _pack_looked_at(row, config)
    group = CONNECTORS if row.kind == "connector" else PLUGINS
    (entry,) = providers(group, row.name)
    found = probe(row.kind, row.name, entry.target, longest)
    status: Status = "failed" if found.cause else "works"
    slow = f"its import took {found.seconds:.1f} s" if found.seconds > SLOW else ""
    return replace(row, status=status, cause=found.cause or slow, seconds=found.seconds, provides=found.provides)


def _pack_looked_at(row: Row, config: ProjectConfig | None) -> Row:
    """A pack is read, checked and its cases are run; nothing of it is imported. One that lacks a description works."""
    from kpi_engine.pack_checks import pack_verdict

    works, cause = pack_verdict(row.name, {} if config is None else config.packs)
    return replace(row, status="works" if works else "failed", cause=cause)


def _used(config: ProjectConfig | None) -> list[tuple[str, str]]:
    """The plugins and connectors that a project names, as (kind, name); what ships inside is none."""
    if config is None:
        return []
    built_in = builtin_host().connectors
    connectors = sorted({each.connector for each in config.connections.values()} - built_in.keys())
    return [*(("plugin", name) for name in config.plugins), *(("connector", name) for name in connectors)]


def _row(entry: Installed, config: ProjectConfig | None, used: list[tuple[str, str]]) -> Row:
    is_used = (entry.kind, entry.name) in used
    group = CONNECTORS if entry.kind == "connector" else PLUGINS
    problem = (
        clash(providers(group, entry.name))
        or built_in(entry.kind, entry.name)
        or usable(entry, {} if config is None else config.pins)
    )
    off = config is not None and config.allowed is not None and entry.name not in config.allowed
    status: Status = "unusable" if problem else "off" if off else "in use" if is_used else "available"
    named = (entry.kind, entry.name, entry.distribution, entry.version, entry.api)
    return Row(*named, status, problem, is_used)


def built_in(kind: str, name: str) -> str:
    """Why no package can provide something of this name; empty if one can.

    >>> built_in("connector", "files")
    'the connector `files` is built in, and nothing is ever replaced'
    >>> built_in("connector", "helpdesk")
    ''
    """
    taken = kind == "connector" and name in builtin_host().connectors
    return f"the connector `{name}` is built in, and nothing is ever replaced" if taken else ""


def frozen(config: ProjectConfig) -> dict[str, Pin]:
    """The pins of what a project names, as installed now. KpiError E753 for what is missing or provided twice."""
    forget()
    pins = {}
    for kind, name in _used(config):
        found = providers(CONNECTORS if kind == "connector" else PLUGINS, name)
        problem = clash(found) if found else f"the {kind} `{name}` is not installed"
        if problem:
            raise KpiError(Diagnostic("E753", problem, help="`kpi plugins list` shows what is installed"))
        pins[found[0].distribution] = pin_of(found[0].distribution)
        if broken := broken_pin(found[0].distribution, pins[found[0].distribution]):
            raise KpiError(Diagnostic("E753", f"{found[0].distribution} {broken}", help="install it again"))
    return dict(sorted(pins.items()))


def freeze(config: ProjectConfig) -> dict[str, Pin]:
    """Write the pins of what a project names into its kpi.toml, in place of those that are there."""
    if config.file is None:
        help = "start a project with `kpi init DIR`"
        raise KpiError(Diagnostic("E701", "there is no kpi.toml to write pins into", help=help))
    pins = frozen(config)
    before = read_text(config.file).text
    text = with_pins(before, pins)
    if not _says_the_same(before, text):
        help = "take the old [pins] out by hand"
        raise KpiError(Diagnostic("E753", "kpi.toml is written in a way that cannot be changed safely", help=help))
    with replacing(config.file) as sink:
        sink.write(text.encode())
    return pins


def _says_the_same(before: str, after: str) -> bool:
    """Whether two texts of kpi.toml differ in their pins alone."""
    try:
        read = [tomllib.loads(text) for text in (before, after)]
    except tomllib.TOMLDecodeError:
        return False
    first, second = ({key: value for key, value in each.items() if key != "pins"} for each in read)
    return first == second


def with_pins(text: str, pins: dict[str, Pin]) -> str:
    """The text of a kpi.toml with these pins and no others; every other line stays as it is.

    >>> print(with_pins('name = "shop"\\n', {"kpi-sql": Pin("1.2", "ab")}))
    name = "shop"
    <BLANKLINE>
    [pins]
    kpi-sql = { version = "1.2", sha256 = "ab" }
    <BLANKLINE>
    """
    kept = "".join(_without_pins(text)).rstrip("\n")
    if not pins:
        return f"{kept}\n" if kept else ""
    lines = [f"{_key(name)} = {_value(pin)}" for name, pin in pins.items()]
    return "\n".join([*([kept, ""] if kept else []), "[pins]", *lines, ""])


_HEADER = re.compile(r"\s*\[")
_PINS = re.compile(r"\s*\[\s*pins\s*\]")


def _without_pins(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            inside = _PINS.match(line) is not None
        if not inside:
            yield line


def _value(pin: Pin) -> str:
    parts = [f'version = "{pin.version}"'] + ([f'sha256 = "{pin.sha256}"'] if pin.sha256 else [])
    return f"{{ {', '.join(parts)} }}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
