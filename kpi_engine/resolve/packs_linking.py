"""The work of linking a project with the packs that it uses: every declaration under the name that it is known by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.packs import Pack
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.resolve.packs import Linked
from kpi_engine.resolve.packs_maps import BoundMap, bind_maps, mapped_source, united
from kpi_engine.resolve.packs_names import Renamer
from kpi_engine.resolve.packs_overrides import BoundOverride, Replaced, bind_overrides, overriding
from kpi_engine.resolve.packs_scopes import Scopes
from kpi_engine.resolve.packs_units import PROJECT, Ident, Unit, thing_words, units_of
from kpi_engine.resolve.packs_uses import check_uses
from kpi_engine.resolve.syntax import dotted_in


class Linking:
    """The work of one `link`."""

    def __init__(self, files: Sequence[tree.File], packs: Mapping[str, Pack], functions: FunctionRegistry) -> None:
        self.functions = functions
        self.problems: list[Diagnostic] = []
        self.units = units_of(files, packs)
        self.maps = bind_maps(Scopes(self.units, {}), self.problems)
        merged = {ident: bound.other for ident, bound in self.maps.items() if bound.other is not None}
        self.scopes = Scopes(self.units, merged)
        self.overrides = bind_overrides(self.scopes, self.problems)
        self.owners: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.places: dict[str, Span] = {}
        self.optional: dict[str, frozenset[str]] = {}
        self.unmapped: set[str] = set()
        self.replaced: dict[str, Replaced] = {}
        self.has_currency = any(
            each.key.text == "currency"
            for node in self.units[PROJECT].declarations()
            if isinstance(node, tree.CalendarDeclaration)
            for each in node.properties
        )

    def linked(self) -> Linked:
        """All files, the project's first, then those of the packs."""
        self.problems.extend(check_uses(self.scopes))
        files = tuple(self._file(unit, file) for unit in self.units.values() for file in unit.files)
        infos = {name: unit.info for name, unit in self.units.items() if unit.info is not None}
        problems = tuple(dict.fromkeys(self.problems))
        return Linked(
            files,
            problems,
            infos,
            self.owners,
            self.sources,
            frozenset(self.unmapped),
            self.optional,
            self.places,
            self.scopes,
            self.functions,
            self.replaced,
        )

    def _file(self, unit: Unit, file: tree.File) -> tree.File:
        renamer = Renamer(self.scopes, unit.name, self.functions, self.problems)
        kept: list[tree.AnyDeclaration] = []
        for each in file.declarations:
            kept.extend(self._declaration(unit, renamer, each))
        return replace(file, declarations=tuple(kept))

    def _declaration(self, unit: Unit, renamer: Renamer, node: tree.AnyDeclaration) -> list[tree.AnyDeclaration]:
        match node:
            case tree.Use() | tree.Map() | tree.Override():
                return []
            case tree.CalendarDeclaration():
                if unit.name == PROJECT:
                    return [node]
                message = f"the pack `{unit.name}` has a calendar; the project's counts alone"
                self.problems.append(Diagnostic("E793", message, node.span, "leave the calendar out of the pack"))
                return []
            case tree.Metric():
                return list(self._metric(unit, renamer, node))
            case tree.Dimension():
                return self._dimension(unit, node)
            case tree.Source() | tree.Entity() | tree.Grain():
                return self._thing(unit, renamer, node)
        return [renamer.declaration(node)]

    # ---------------------------------------------------------------------------------------------------------- values

    def _metric(self, unit: Unit, renamer: Renamer, node: tree.Metric) -> list[tree.Metric]:
        ident = (unit.name, node.name.text)
        known = self.scopes.name("value", ident)
        if unit.values.get(node.name.text) is not node:
            return [renamer.declaration(node, known)]  # defined twice: `resolve` says so
        if unit.name != PROJECT:
            self.owners[known] = unit.name
        bound: BoundOverride | None = self.overrides.get(ident)
        if bound is None:
            return [renamer.declaration(node, known)]
        metric, former = overriding(self.scopes, ident, bound, self.functions, self.problems)
        self.replaced[known] = Replaced(renamer.declaration(node, known), metric.name.span)
        if former is None:
            return [metric]
        self.owners[former] = unit.name
        return [metric, renamer.declaration(node, former)]

    def _dimension(self, unit: Unit, node: tree.Dimension) -> list[tree.AnyDeclaration]:
        """A dimension stands where its first member stands, with the values of them all; nearer ones win."""
        ident = (unit.name, node.name.text)
        members = self.scopes.members(self.scopes.whole("value", ident))
        if not members or members[0] != ident or unit.values.get(node.name.text) is not node:
            return [] if members and unit.values.get(node.name.text) is node else [node]
        values: dict[str, tree.Expr] = {}
        properties: dict[str, tree.Property] = {}
        for pack, name in members:
            each = self.units[pack].values[name]
            assert isinstance(each, tree.Dimension)
            renamed = Renamer(self.scopes, pack, self.functions, self.problems).declaration(each)
            own = {_source_of(value): value for value in renamed.values}
            values.update((source, value) for source, value in own.items() if source not in values)
            properties.update((each.key.text, each) for each in renamed.properties if each.key.text not in properties)
            if "" in own:
                break  # a value for every source
        name_known = replace(node.name, text=self.scopes.name("value", ident))
        return [replace(node, name=name_known, values=tuple(values.values()), properties=tuple(properties.values()))]

    # ---------------------------------------------------------------------------------------------------------- things

    def _thing(
        self, unit: Unit, renamer: Renamer, node: tree.Source | tree.Entity | tree.Grain
    ) -> list[tree.AnyDeclaration]:
        ident: Ident = (unit.name, node.name.text)
        known = self.scopes.name("thing", ident)
        if unit.things.get(node.name.text) is not node:
            return [renamer.declaration(node, known)]
        renamed = renamer.declaration(node, known)
        if known != node.name.text:
            renamed = _with_qualified_words(renamed, node, known)
        if not isinstance(renamed, tree.Source):
            return [renamed]
        bound = self.maps.get(ident)
        if bound is not None and bound.other is not None:
            return []
        source = renamed
        optional: set[str] = set()
        if unit.name != PROJECT:
            source, optional = self._pack_source(unit, known, source, bound)
        source, further = self._united(ident, source)
        if optional or further:
            self.optional[known] = frozenset(optional | further)
        return [source]

    def _pack_source(
        self, unit: Unit, known: str, source: tree.Source, bound: BoundMap | None
    ) -> tuple[tree.Source, set[str]]:
        """A source of a pack, closed, with its table if it has one; and the columns that it may lack."""
        self.sources[known] = unit.name
        if source.value is not None:
            return source, set()
        optional = _stored_columns(source)
        uses = [used for other in self.units.values() for used in other.uses.values() if used.pack == unit.name]
        place = uses[0].declaration.pack.span if uses else NOWHERE
        if bound is None:
            self.unmapped.add(known)
        else:
            writer = Renamer(self.scopes, bound.unit, self.functions, self.problems)
            source = mapped_source(source, bound, writer)
            optional -= {each.name.text for each in bound.declaration.assignments}
            place = bound.declaration.logical.span
        self.places[known] = place
        if not self.has_currency and any(_needs_currency(each) for each in source.columns):
            # One error for the project instead of one for each amount of the pack.
            message = f"pack `{unit.name}` has amounts of money, and the project has no currency"
            help = "write a calendar with `currency: EUR`, or another one"
            self.problems.append(Diagnostic("E218", message, uses[0].declaration.pack.span if uses else place, help))
            source = replace(source, columns=tuple(map(_with_any_currency, source.columns)))
        return _closed(source), optional

    def _united(self, ident: Ident, source: tree.Source) -> tuple[tree.Source, set[str]]:
        """A source with what others bring along that are mapped to it."""
        further: set[str] = set()
        for logical, bound in self.maps.items():
            if bound.other is None or self.scopes.identity("thing", logical) != ident:
                continue
            declared = self.units[logical[0]].things[logical[1]]
            assert isinstance(declared, tree.Source)
            renamed = Renamer(self.scopes, logical[0], self.functions, self.problems).declaration(declared)
            before = {each.name.text for each in source.columns}
            writer = Renamer(self.scopes, bound.unit, self.functions, self.problems)
            source = united(source, renamed, bound, writer)
            assigned = {each.name.text for each in bound.declaration.assignments}
            further |= _stored_columns(renamed) - before - assigned
        return source, further


def _stored_columns(source: tree.Source) -> set[str]:
    return {each.name.text for each in source.columns if each.origin is None or isinstance(each.origin, tree.StoredAs)}


def _needs_currency(column: tree.Column) -> bool:
    return column.type is not None and column.type.name.text == "currency" and column.type.parameter is None


def _with_any_currency(column: tree.Column) -> tree.Column:
    """A column of money without a calendar's currency gets ISO 4217's code for none, so that one error is enough."""
    if column.type is None or not _needs_currency(column):
        return column
    return replace(column, type=replace(column.type, parameter=replace(column.type.name, text="XXX")))


def _closed(source: tree.Source) -> tree.Source:
    place = source.name.span
    closed = tree.Property(
        tree.Name("columns", span=place), tree.Path((tree.Name("closed", span=place),), span=place), span=place
    )
    others = tuple(each for each in source.properties if each.key.text != "columns")
    return replace(source, properties=(*others, closed))


def _with_qualified_words(
    renamed: tree.Source | tree.Entity | tree.Grain, node: tree.Source | tree.Entity | tree.Grain, known: str
) -> tree.Source | tree.Entity | tree.Grain:
    """A thing whose name is led by its pack: so is its other word."""
    words = thing_words(node)
    if len(words) == 1:
        return renamed
    key = "singular" if isinstance(node, tree.Source) else "plural"
    place = node.name.span
    lead = known.removesuffix(node.name.text)
    word = tree.Path((tree.Name(lead + words[1], span=place),), span=place)
    given = tree.Property(tree.Name(key, span=place), word, span=place)
    others = tuple(each for each in renamed.properties if each.key.text != key)
    return replace(renamed, properties=(*others, given))


def _source_of(value: tree.Expr) -> str:
    """The source that a value of a dimension begins at; empty for one over `time` alone."""
    paths = dotted_in([value])
    return paths[0].parts[0].text if paths else ""
