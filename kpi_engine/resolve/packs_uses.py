"""What can be wrong with `use` lines: versions, circles, words that mean something already, names that are hidden."""

from __future__ import annotations

from collections.abc import Iterator

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.versions import in_range, is_range
from kpi_engine.resolve.packs_scopes import Scopes
from kpi_engine.resolve.packs_units import PROJECT, Unit, Used
from kpi_engine.resolve.problems import Attempts, BindError
from kpi_engine.resolve.properties import read_properties
from kpi_engine.resolve.property_tables import USE


def check_uses(scopes: Scopes) -> Iterator[Diagnostic]:
    """The problems and notes of all `use` lines."""
    for unit in scopes.units.values():
        seen: dict[str, tree.Use] = {}
        for each in unit.declarations():
            if isinstance(each, tree.Use):
                yield from _version(scopes, each)
                word = (each.alias or each.pack.parts[0]).text
                if word in seen:
                    notes = (Note("the first one stands here", seen[word].span),)
                    message = f"`{word}` is used twice"
                    yield Diagnostic("E792", message, each.pack.span, "keep one of them", notes)
                seen.setdefault(word, each)
        for word, used in unit.uses.items():
            yield from _word(scopes, unit, word, used)
        yield from _own_range(scopes, unit)
    yield from _circles(scopes)
    yield from _hidden(scopes)


def _version(scopes: Scopes, declaration: tree.Use) -> Iterator[Diagnostic]:
    attempts = Attempts()
    given = read_properties("a `use`", declaration.properties, USE, attempts)
    try:
        attempts.check()
    except BindError as failure:
        yield from failure.diagnostics
        return
    allowed, unit = given.get("version"), scopes.units.get(declaration.pack.text)
    if allowed is None or unit is None or unit.info is None:
        return
    place = given.place("version").value.span
    if not is_range(allowed):
        yield Diagnostic("E212", f"`{allowed}` is no range of versions", place, 'write version: ">=1.2, <2"')
    elif not in_range(unit.info.version, allowed):
        message = f"pack `{unit.name}` {unit.info.version} is here, and {allowed} is asked for"
        yield Diagnostic("E796", message, place, "install another version of the pack, or change the range")


def _own_range(scopes: Scopes, unit: Unit) -> Iterator[Diagnostic]:
    """What a pack says in its pack.toml of the packs that it uses."""
    for name, allowed in (unit.info.uses if unit.info is not None else {}).items():
        other = scopes.units.get(name)
        if other is not None and other.info is not None and not in_range(other.info.version, allowed):
            assert unit.info is not None
            message = f"pack `{unit.name}` needs `{name}` {allowed}, and {other.info.version} is here"
            yield Diagnostic("E796", message, unit.info.place, f"install a version of `{name}` that fits")


def _word(scopes: Scopes, unit: Unit, word: str, used: Used) -> Iterator[Diagnostic]:
    """A pack's word lives with those of things: it stands before a dot, as they do."""
    for name in (unit.name, *unit.open_uses):
        owner = scopes.units.get(name)
        if owner is None or word not in owner.words:
            continue
        thing = owner.things[owner.words[word]]
        notes = (Note("it is declared here", thing.name.span),)
        help = f"write `use {used.pack} as {used.pack}_pack`"
        whose = "of yours" if owner is unit else f"of pack {name}"
        message = f"the word `{word}` means a thing {whose}"
        yield Diagnostic("E205", message, used.declaration.pack.span, help, notes)


def _circles(scopes: Scopes) -> Iterator[Diagnostic]:
    """A pack that needs itself, at the `use` that closes the circle."""
    reported: set[frozenset[str]] = set()
    for start in scopes.units:
        waiting: list[tuple[str, ...]] = [(start,)]
        while waiting:
            way = waiting.pop()
            for used in scopes.units[way[-1]].uses.values():
                if used.pack == start and start != PROJECT and frozenset(way) not in reported:
                    reported.add(frozenset(way))
                    circle = " -> ".join((*way, start))
                    message = f"packs need each other in a circle: {circle}"
                    yield Diagnostic("E794", message, used.declaration.pack.span, "leave one of the `use` lines out")
                elif used.pack in scopes.units and used.pack not in way:
                    waiting.append((*way, used.pack))


def _hidden(scopes: Scopes) -> Iterator[Diagnostic]:
    """Names of the project that hide those of a pack whose names are brought in."""
    project = scopes.units[PROJECT]
    for pack in project.open_uses:
        unit = scopes.units.get(pack)
        for name, declared in project.values.items() if unit is not None else ():
            assert unit is not None
            other = unit.values.get(name)
            merged = isinstance(declared, tree.Dimension) and isinstance(other, tree.Dimension)
            if other is not None and not merged:
                message = f"`{name}` is yours here, and not that of pack {pack}"
                notes = (Note("the pack's stands here", other.name.span),)
                yield Diagnostic("N790", message, declared.name.span, f"the other one is `{pack}.{name}`", notes)
        for name, thing in project.things.items() if unit is not None else ():
            assert unit is not None
            if name in unit.words:
                message = f"`{name}` is yours here, and not that of pack {pack}"
                notes = (Note("the pack's stands here", unit.things[unit.words[name]].name.span),)
                yield Diagnostic("N790", message, thing.name.span, f"the other one is `{pack}.{name}`", notes)
