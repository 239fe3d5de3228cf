"""`use`, `map` and `override`: read and checked, but packs are not evaluated by this version."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.span import Span
from kpi_engine.resolve.world import World


def refuse_packs(world: World, files: Sequence[tree.File]) -> list[Diagnostic]:
    """One error for each declaration that needs a pack."""
    found: list[Diagnostic] = []
    overridden: dict[str, Span] = {}
    for file in files:
        for each in file.declarations:
            match each:
                case tree.Use(pack=pack):
                    message = f"pack `{pack.text}` is not installed: packs are not evaluated yet"
                    help = "copy the definitions that you need into this project"
                    found.append(Diagnostic("E790", message, pack.span, help))
                case tree.Map(logical=logical):
                    message = f"`{logical.text}` cannot be mapped: packs are not evaluated yet"
                    help = f"write `source {logical.parts[-1].text}` with its table and columns"
                    found.append(Diagnostic("E791", message, logical.span, help))
                case tree.Override(target=target):
                    found.append(_override(world, target, overridden))
                    overridden.setdefault(target.text, target.span)
    return found


def _override(world: World, target: tree.Path, overridden: dict[str, Span]) -> Diagnostic:
    name = target.text
    if name in overridden:
        notes = (Note("the first one stands here", overridden[name]),)
        return Diagnostic("E216", f"`{name}` is overridden twice", target.span, "keep one of them", notes)
    if len(target.parts) == 1 and not world.has_metric(name):
        message = f"there is no metric `{name}` to override"
        return Diagnostic("E216", message, target.span, world.value_help(name))
    message = f"`{name}` cannot be overridden: packs are not evaluated yet"
    help = f"define `{target.parts[-1].text}` in this project"
    if len(target.parts) == 1:
        help = f"change the definition of `{name}` itself"
    return Diagnostic("E792", message, target.span, help)
