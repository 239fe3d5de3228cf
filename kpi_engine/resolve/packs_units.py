"""The units that definitions come in: the project and each pack, with the names that each declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.packs import Pack, PackInfo
from kpi_engine.resolve.names import default_plural, default_singular

PROJECT = ""
"""The name of the unit that is no pack."""

Ident = tuple[str, str]
"""A thing, or a value: the unit that declares it, and its name there."""


@dataclass(frozen=True, slots=True)
class Used:
    """One `use` line: the pack, and the word that stands before its names (None: they are brought in)."""

    pack: str
    alias: str | None
    declaration: tree.Use


@dataclass(slots=True)
class Unit:
    """A project or a pack. `things` and `values` are its own declarations by name, `words` the names by any word."""

    name: str
    files: tuple[tree.File, ...]
    info: PackInfo | None = None
    uses: dict[str, Used] = field(default_factory=dict)
    things: dict[str, tree.Source | tree.Entity | tree.Grain] = field(default_factory=dict)
    values: dict[str, tree.Metric | tree.Dimension] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def open_uses(self) -> list[str]:
        """The packs whose names are brought in."""
        return [used.pack for used in self.uses.values() if used.alias is None]

    def declarations(self) -> Iterator[tree.AnyDeclaration]:
        """All declarations, in the order of the files."""
        for file in self.files:
            yield from file.declarations


def make_unit(name: str, files: Sequence[tree.File], info: PackInfo | None = None) -> Unit:
    """A unit with its names; of two declarations with one name the first counts."""
    unit = Unit(name, tuple(files), info)
    for each in unit.declarations():
        match each:
            case tree.Source() | tree.Entity() | tree.Grain():
                unit.things.setdefault(each.name.text, each)
                for word in thing_words(each):
                    unit.words.setdefault(word, each.name.text)
            case tree.Metric() | tree.Dimension():
                unit.values.setdefault(each.name.text, each)
            case tree.Use():
                alias = each.alias.text if each.alias is not None else None
                unit.uses.setdefault(alias or each.pack.text, Used(each.pack.text, alias, each))
    for thing in unit.things:
        unit.words[thing] = thing
    return unit


def thing_words(declaration: tree.Source | tree.Entity | tree.Grain) -> tuple[str, ...]:
    """The words that a thing answers to, its name first."""
    name = declaration.name.text
    match declaration:
        case tree.Source():
            return name, _word(declaration, "singular") or default_singular(name)
        case tree.Entity():
            return name, _word(declaration, "plural") or default_plural(name)
    return (name,)


def _word(declaration: tree.Declaration, key: str) -> str | None:
    for each in declaration.properties:
        if each.key.text == key and isinstance(each.value, tree.Path):
            return each.value.text
    return None


def units_of(files: Sequence[tree.File], packs: Mapping[str, Pack]) -> dict[str, Unit]:
    """The project's unit and those of all packs read, by name."""
    units = {PROJECT: make_unit(PROJECT, files)}
    for name, pack in packs.items():
        units[name] = make_unit(name, pack.files, pack.info)
    return units
