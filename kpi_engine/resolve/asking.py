"""What is asked of whom: the world of names, and what for."""

from __future__ import annotations

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.resolve.world import World

QUERY = Span(SourceText("query", ""), 0, 0)
"""The place of a question's problems, whose flags have no lines."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What names mean, and whether the question is to be evaluated or only explained."""

    world: World
    evaluated: bool
