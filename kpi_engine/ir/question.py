"""A question: which metrics, split how, over which time; as asked, and as bound to a catalogue."""

from __future__ import annotations

from dataclasses import field

from kpi_engine.ir.catalog import Metric
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Conjunct, Expression
from kpi_engine.ir.span import NOWHERE, SourceText, Span
from kpi_engine.ir.types import Type


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, as the flags of `kpi eval` say it. All texts; nothing is checked yet."""

    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    grain: str | None = None
    where: str | None = None
    start: str | None = None
    end: str | None = None
    as_of: str | None = None
    skip_empty: bool = False
    order_by: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def grains(self) -> tuple[str, ...]:
        """The grains asked, each once: `grain` is one of them or a comma list.

        >>> Question(("revenue",), grain="month, week").grains
        ('month', 'week')
        """
        named = (each.strip() for each in (self.grain or "").split(","))
        return tuple(dict.fromkeys(each for each in named if each))

    @property
    def period_columns(self) -> tuple[str, ...]:
        """The columns of the answer that say of which period a row is."""
        return ("grain", "period") if len(self.grains) > 1 else ("period",) if self.grains else ()

    def span_of(self, flag: str, text: str) -> Span:
        """A place for messages: the text of a flag as a small text of its own."""
        source = SourceText(flag, text)
        return Span(source, 0, len(text)) if text else NOWHERE


@dataclass(frozen=True, slots=True)
class BoundDimension:
    """A dimension of a question, as an expression on the rows of each base source that has it.

    Sources without it stand only inside of what a `total` takes it away from.
    """

    name: str
    type: Type
    by_source: tuple[tuple[str, Expression], ...]

    def reaches(self, source: str) -> bool:
        """Whether rows of `source` have the dimension."""
        return any(name == source for name, _ in self.by_source)

    def on(self, source: str) -> Expression:
        """The expression on rows of `source`."""
        return dict(self.by_source)[source]


@dataclass(frozen=True, slots=True)
class Order:
    """One `--order-by`: an output column, and the direction."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class BoundQuestion:
    """A question whose names are bound and whose legality is checked. Periods are still texts (see `plan`)."""

    metrics: tuple[Metric, ...]
    dimensions: tuple[BoundDimension, ...]
    where: tuple[Conjunct, ...]
    grain: str | None
    start: str | None = None
    end: str | None = None
    as_of: str | None = None
    skip_empty: bool = False
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    sources: tuple[str, ...] = field(default=())
    """Names of all base sources of the metrics, in order."""
    further_grains: tuple[str, ...] = ()
    """Grains asked beside `grain`, each with periods and rows of its own."""

    @property
    def grains(self) -> tuple[str, ...]:
        """All grains asked, in order; empty without any."""
        return () if self.grain is None else (self.grain, *self.further_grains)
