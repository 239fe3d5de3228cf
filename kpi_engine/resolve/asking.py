"""What is asked of whom: the world of names, and the refusal of what is not evaluated yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpi_engine.ir.catalog import Metric
from kpi_engine.ir.diagnostic import Note
from kpi_engine.ir.span import NOWHERE, SourceText, Span
from kpi_engine.resolve.later import Construct
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.world import World

QUERY = Span(SourceText("query", ""), 0, 0)
"""The place of a question's problems, whose flags have no lines."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What names mean, and whether the question is to be evaluated or only explained."""

    world: World
    evaluated: bool

    def refuse(self, what: str, constructs: Sequence[Construct], metric: Metric | None = None) -> None:
        """E590 if any construct is not evaluated yet."""
        if constructs and self.evaluated:
            raise not_yet(self.world, what, constructs, metric)


def not_yet(world: World, what: str, constructs: Sequence[Construct], metric: Metric | None = None) -> BindError:
    construct, place = constructs[0]
    others = _instead(world, metric)
    help = f"ask for {listed(others[:6], 'or')} instead" if others else "`kpi list` shows what can be asked"
    shown = construct if construct.startswith("a ") else f"`{construct}`"
    notes = [Note(f"{shown} stands here", place)] if place is not NOWHERE else []
    return problem("E590", f"{what} uses {shown}, which is not evaluated yet", QUERY, help, notes)


def _instead(world: World, metric: Metric | None) -> list[str]:
    """Metrics that can be asked instead: what it is made of, then others over its sources."""
    if metric is None:
        return []
    parts = [name for name in metric.uses if not world.metrics[name].later]
    beside = [
        name
        for name, other in world.metrics.items()
        if not other.later and other.sources and set(other.sources) & set(metric.sources)
    ]
    return list(dict.fromkeys([*parts, *beside]))
