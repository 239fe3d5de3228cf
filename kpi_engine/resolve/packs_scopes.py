"""What a word means in the project or in a pack, and the one name under which everything is known after linking.

A name of a pack whose names are brought in stays as it is, unless the project or another pack has it, too; then, and
under `use ... as`, it is led by the pack: `sales.revenue`. Dimensions of one name are one dimension: a pack or a
project that declares one of a pack that it uses adds its own sources to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from kpi_engine.ir import tree
from kpi_engine.resolve.packs_units import PROJECT, Ident, Unit, thing_words

Space = Literal["thing", "value"]


class Scopes:
    """Names of all units. `merged` says which logical sources are others."""

    def __init__(self, units: Mapping[str, Unit], merged: Mapping[Ident, Ident]) -> None:
        self.units = units
        self._merged = merged
        self._names: dict[tuple[Space, Ident], str] = {}
        self._name_all()

    # ------------------------------------------------------------------------------------------------------ identities

    def identity(self, space: Space, ident: Ident) -> Ident:
        """What a declaration stands for: itself, the source that it is mapped to, the dimension that it adds to."""
        if space == "thing":
            seen = {ident}
            while ident in self._merged and self._merged[ident] not in seen:
                ident = self._merged[ident]
                seen.add(ident)
            return ident
        return self._dimension(ident, frozenset())

    def _dimension(self, ident: Ident, seen: frozenset[Ident]) -> Ident:
        unit = self.units[ident[0]]
        if not isinstance(unit.values.get(ident[1]), tree.Dimension):
            return ident
        for pack in unit.open_uses:
            other = (pack, ident[1])
            if pack in self.units and other not in seen and isinstance(self._declared(other), tree.Dimension):
                return self._dimension(other, seen | {ident})
        return ident

    def _declared(self, ident: Ident) -> tree.Metric | tree.Dimension | None:
        return self.units[ident[0]].values.get(ident[1])

    def members(self, identity: Ident) -> list[Ident]:
        """The dimensions that are this one: the project's first, then those of packs that add to it, then itself."""
        found = [
            (name, identity[1])
            for name, unit in self.units.items()
            if identity[1] in unit.values and self._joined(self.identity("value", (name, identity[1]))) == identity
        ]
        return sorted(found, key=lambda each: (each[0] != PROJECT, each == identity))

    def _joined(self, identity: Ident) -> Ident:
        """The project's dimension unites those of all packs that it uses: all are the first one's."""
        own = (PROJECT, identity[1])
        if isinstance(self.units[PROJECT].values.get(identity[1]), tree.Dimension):
            roots = [
                self.identity("value", (pack, identity[1]))
                for pack in self.units[PROJECT].open_uses
                if pack in self.units and isinstance(self._declared((pack, identity[1])), tree.Dimension)
            ]
            if identity in roots or identity == own:
                return roots[0] if roots else own
        return identity

    # ----------------------------------------------------------------------------------------------------------- names

    def name(self, space: Space, ident: Ident) -> str:
        """The name under which a declaration is known everywhere."""
        return self._names[space, ident]

    def _name_all(self) -> None:
        project = self.units[PROJECT]
        claims: dict[tuple[Space, str], set[Ident]] = defaultdict(set)
        for pack in [PROJECT, *project.open_uses]:
            unit = self.units.get(pack)
            if unit is not None:
                for space, ident, words in _declared_words(unit):
                    for word in words:
                        claims[space, word].add(self.whole(space, ident))
        for unit in self.units.values():
            for space, ident, words in _declared_words(unit):
                whole = self.whole(space, ident)
                alone = all(claims[space, word] == {whole} for word in words)
                self._names[space, ident] = ident[1] if unit.name == PROJECT or alone else self._qualified(whole)
        for (space, ident), name in list(self._names.items()):
            whole = self.whole(space, ident)
            if whole != ident:
                self._names[space, ident] = self._names.get((space, whole), name)

    def whole(self, space: Space, ident: Ident) -> Ident:
        """What a declaration stands for in this project, whose dimensions unite those of packs."""
        identity = self.identity(space, ident)
        return self._joined(identity) if space == "value" else identity

    def _qualified(self, ident: Ident) -> str:
        pack, name = ident
        if pack == PROJECT:
            return name
        aliases = [key for key, used in self.units[PROJECT].uses.items() if used.pack == pack and used.alias]
        return f"{aliases[0] if aliases else pack}.{name}"

    # ---------------------------------------------------------------------------------------------------------- lookup

    def find(self, unit: str, space: Space, word: str) -> list[Ident]:
        """What a bare word can mean in a unit: its own name, else those of the packs that it uses; one each."""
        own = self._own(unit, space, word)
        if own is not None:
            return [own]
        found: dict[Ident, Ident] = {}
        for pack in self.units[unit].open_uses:
            other = self._own(pack, space, word) if pack in self.units else None
            if other is not None:
                found.setdefault(self.whole(space, other), other)
        return list(found.values())

    def find_in(self, pack: str, space: Space, word: str) -> Ident | None:
        """What a word led by a pack's name means."""
        return self._own(pack, space, word)

    def pack_of(self, unit: str, word: str) -> str | None:
        """The pack that a word before a dot means in a unit."""
        used = self.units[unit].uses.get(word)
        if used is not None and used.pack in self.units:
            return used.pack
        if word == unit or (unit == PROJECT and word in self.units):
            return word
        visible = {used.pack for used in self.units[unit].uses.values()}
        return word if word in visible and word in self.units else None

    def _own(self, unit: str, space: Space, word: str) -> Ident | None:
        known = self.units[unit]
        if space == "thing":
            return (unit, known.words[word]) if word in known.words else None
        return (unit, word) if word in known.values else None


def _declared_words(unit: Unit) -> Iterable[tuple[Space, Ident, tuple[str, ...]]]:
    for name, thing in unit.things.items():
        yield "thing", (unit.name, name), thing_words(thing)
    for name in unit.values:
        yield "value", (unit.name, name), (name,)
