"""What surrounds an expression on its way down, and what a measure makes of it: keys, filter, state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Apply, Conjunct, EventTest, Expression, Measure, Total
from kpi_engine.ir.plan import FinishKind, KeyColumn, StateKind, StateRequest
from kpi_engine.ir.question import BoundDimension
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import BOOLEAN
from kpi_engine.plan.frames import Frame


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds an expression: a frame for each period, conditions, dimensions.

    `all_filters` and `all_dimensions` are those that no `total` has dropped: they say which groups there are.
    `uncut` are the frames as no watermark cuts them, for rows that speak of whole periods (empty: nobody asks).
    `running` is the end of a question that has neither periods nor an end.
    """

    frames: tuple[Frame | None, ...]
    filters: tuple[Conjunct, ...]
    dimensions: tuple[BoundDimension, ...]
    all_filters: tuple[Conjunct, ...]
    all_dimensions: tuple[BoundDimension, ...]
    before: bool = False
    uncut: tuple[Frame | None, ...] = ()
    running: Bound | None = None

    def restricted(self, conjuncts: tuple[Conjunct, ...]) -> Context:
        """The context inside `(M where c)`."""
        return replace(self, filters=self.filters + conjuncts, all_filters=self.all_filters + conjuncts)


@dataclass(frozen=True, slots=True)
class Coverage:
    """For each source the first instant with a row (None: it has none) and its watermark."""

    first: Mapping[str, Bound | None]
    watermark: Mapping[str, Bound]


def state_of(measure: Measure) -> tuple[StateRequest, FinishKind]:
    """The state that a measure needs, without its filter, and how it is finished."""
    argument = measure.arguments[0] if measure.arguments else None
    match measure.function:
        case "count" if measure.distinct:
            return StateRequest("distinct", argument), "distinct"
        case "count" if argument is None:
            return StateRequest("count"), "rows"
        case "count":
            return StateRequest("count", argument), "count"
        case "sum":
            return StateRequest("sum", argument), "sum"
        case "avg":
            return StateRequest("sum", argument), "avg"
        case "min":
            return StateRequest("minimum", argument), "minimum"
        case "max":
            return StateRequest("maximum", argument), "maximum"
        case "stddev":
            return StateRequest("moments", argument), "stddev"
        case "variance":
            return StateRequest("moments", argument), "variance"
        case "percentile":
            return StateRequest("values", argument), "percentile"
    raise KpiError(not_yet(f"{measure.function}()", measure.span))


_SKETCHES: dict[StateKind, StateKind] = {"distinct": "hll", "values": "kll"}
"""The bounded state that `approx` permits in place of an exact one."""


def sketch_of(state: StateRequest) -> StateRequest:
    """The sketch that estimates what a state finishes to; the state itself if there is none."""
    return replace(state, kind=_SKETCHES.get(state.kind, state.kind))


def keys_on(dimensions: tuple[BoundDimension, ...], source: str) -> tuple[KeyColumn, ...]:
    """Dimensions as keys of rows of a source."""
    return tuple(KeyColumn(d.name, d.on(source), d.type) for d in dimensions)


def filter_of(conjuncts: tuple[Conjunct, ...], measure: Measure) -> Expression | None:
    """All conditions on a measure's rows: those around it, its own, and the events that must follow."""
    followed = EventTest(measure.source, measure.followed, BOOLEAN, measure.span) if measure.followed else None
    return conjunction([*(conjunct.on(measure.source) for conjunct in conjuncts), measure.where, followed])


def conjunction(parts: list[Expression | None]) -> Expression | None:
    """The parts joined by `and`, nested conjunctions flattened, repetitions dropped."""
    found: dict[Expression, None] = {}
    for part in parts:
        if part is None:
            continue
        nested = part.arguments if isinstance(part, Apply) and part.operation == "and" else (part,)
        found.update(dict.fromkeys(nested))
    if len(found) < 2:
        return next(iter(found), None)
    return Apply("and", tuple(found), BOOLEAN)


def without_dimensions(total: Total, context: Context) -> Context:
    """The context inside a `total`: fewer dimensions, and without the conditions on the dropped ones alone."""
    everything = not total.dimensions
    dropped = set(total.dimensions)

    def names_dropped(conjunct: Conjunct) -> bool:
        return bool(conjunct.dimensions) if everything else bool(conjunct.dimensions & dropped)

    def names_only_dropped(conjunct: Conjunct) -> bool:
        return conjunct.only_dimensions and (everything or conjunct.dimensions <= dropped)

    for conjunct in context.filters:
        if names_dropped(conjunct) and not names_only_dropped(conjunct):
            raise KpiError(_mixed_condition(total, conjunct))
    return replace(
        context,
        filters=tuple(c for c in context.filters if not (names_dropped(c) and names_only_dropped(c))),
        dimensions=tuple(d for d in context.dimensions if not everything and d.name not in dropped),
    )


def _mixed_condition(total: Total, conjunct: Conjunct) -> Diagnostic:
    return Diagnostic(
        "E531",
        f"the condition `{conjunct.span.text}` names a dimension that `total` drops together with something else",
        conjunct.span,
        "split it with `and` into a condition on the dropped dimension and one on the rest",
        exit_code=ExitCode.USAGE,
    )


def not_yet(construct: str, span: Span) -> Diagnostic:
    """The one error for what is bound and checked, but not evaluated yet."""
    return Diagnostic(
        "E590",
        f"`{construct}` is not evaluated yet",
        span,
        "ask for metrics without it; `kpi describe NAME` says what a metric still lacks",
        exit_code=ExitCode.USAGE,
    )
