"""`override`: another formula for a metric of a pack, for everybody who uses it, the pack included."""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, Note, did_you_mean
from kpi_engine.ir.span import Span
from kpi_engine.resolve.packs_names import Renamer
from kpi_engine.resolve.packs_scopes import Scopes
from kpi_engine.resolve.packs_units import Ident
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.syntax import walk_tree


@dataclass(frozen=True, slots=True)
class BoundOverride:
    """An override of one metric, and the unit that writes it."""

    unit: str
    declaration: tree.Override
    replaced: tree.Metric


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an override took the place of, with the names that are known everywhere; `place` is where it is written."""

    former: tree.Metric
    place: Span


def bind_overrides(scopes: Scopes, problems: list[Diagnostic]) -> dict[Ident, BoundOverride]:
    """All overrides by the metric that they replace; what is wrong with the others goes to `problems`."""
    found: dict[Ident, BoundOverride] = {}
    for name, unit in scopes.units.items():
        for each in unit.declarations():
            if not isinstance(each, tree.Override):
                continue
            try:
                ident = _target(scopes, name, each.target)
                if ident in found:
                    notes = [Note("the first one stands here", found[ident].declaration.target.span)]
                    message = f"`{each.target.text}` is overridden twice"
                    raise problem("E216", message, each.target.span, "keep one of them", notes)
                replaced = scopes.units[ident[0]].values[ident[1]]
                assert isinstance(replaced, tree.Metric)
                found[ident] = BoundOverride(name, each, replaced)
            except BindError as failure:
                problems.extend(failure.diagnostics)
    return found


def _target(scopes: Scopes, unit: str, path: tree.Path) -> Ident:
    if len(path.parts) == 2 and (pack := scopes.pack_of(unit, path.parts[0].text)) is not None:
        ident = scopes.find_in(pack, "value", path.parts[1].text)
        found = [ident] if ident is not None else []
    else:
        found = scopes.find(unit, "value", path.text)
    if len(found) > 1:
        packs = listed((f"{pack}.{word}" for pack, word in found), last="or")
        raise problem("E792", f"{len(found)} packs have a name `{path.text}`", path.span, f"write {packs}")
    if found and found[0][0] == unit:
        help = f"change the definition of `{path.text}` itself"
        raise problem("E216", f"`{path.text}` is no metric of a pack", path.span, help)
    if found and isinstance(scopes.units[found[0][0]].values[found[0][1]], tree.Metric):
        return found[0]
    known = [name for pack in scopes.units.values() if pack.name != unit for name in pack.values]
    help = did_you_mean(path.parts[-1].text, known) or "name a metric of a pack that is used"
    raise problem("E216", f"there is no metric `{path.text}` to override", path.span, help)


def overriding(
    scopes: Scopes, ident: Ident, bound: BoundOverride, functions: FunctionRegistry, problems: list[Diagnostic]
) -> tuple[tree.Metric, str | None]:
    """The metric that takes the place of another, and a name for that other one, if the formula asks for it.

    What the override does not say (its unit, its target, ...) stays as it was.
    """
    known = scopes.name("value", ident)
    former = f"{ident[0]}.{ident[1]}.replaced"
    declaration = bound.declaration
    renamer = Renamer(scopes, bound.unit, functions, problems, {ident: former})
    value = renamer.group(declaration.value)
    given = {each.key.text: each for each in renamer.properties(declaration.properties)}
    before = Renamer(scopes, ident[0], functions, problems).properties(bound.replaced.properties)
    kept = (_told_at(each, declaration.target) for each in before if each.key.text not in given)
    properties = (*kept, *given.values())
    name = replace(declaration.target.parts[-1], text=known, span=declaration.target.span)
    metric = tree.Metric(name, value, properties=properties, span=declaration.span)
    asked = any(isinstance(node, tree.Path) and node.text == former for node in walk_tree([value]))
    return metric, former if asked else None


def _told_at(given: tree.Property, target: tree.Path) -> tree.Property:
    """A unit or target that stays: that the new formula does not fit it is the override's mistake, not the pack's."""
    if given.key.text not in ("unit", "target"):
        return given
    return replace(given, value=replace(given.value, span=target.span))
