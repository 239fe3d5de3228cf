"""From a bound metric to leaves: window, filter and group travel inwards until they meet a measure.

Everything composes here, once: `previous` moves the frames, `(M where c)` adds conditions, `total` drops dimensions
and the conditions that name only these. What is left above the leaves is arithmetic.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.expression import (
    Apply,
    Conjunct,
    Constant,
    Expression,
    Field,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
    Total,
    Window,
    walk,
)
from kpi_engine.ir.plan import KeyColumn, Nested, StateRequest
from kpi_engine.ir.types import BOOLEAN, COUNT
from kpi_engine.kernels.calendar import Calendar, CalendarGap
from kpi_engine.kernels.extent import earliest
from kpi_engine.plan.context import (
    Context,
    Coverage,
    conjunction,
    filter_of,
    keys_on,
    not_yet,
    sketch_of,
    state_of,
    without_dimensions,
)
from kpi_engine.plan.frames import Frame, apply_window
from kpi_engine.plan.leaves import LeafBook, LeafRequest
from kpi_engine.plan.made_of import check_todate
from kpi_engine.plan.nesting import (
    STATES,
    InnerFrames,
    check_made_of,
    conditions_on_key,
    grain_frames,
    key_dimensions,
    required_leaves,
    same_frames,
)

NOTHING = Constant(False, BOOLEAN)
"""A filter that no row passes."""


ADDS_UP = frozenset({"count", "sum"})
"""Aggregates whose value for a part of a coarse period nobody knows."""


class Lowering:
    """Lowers the metrics of one question into one book of leaves.

    Without `sketches` what may be estimated is computed exactly: `approx` permits, and does not demand.
    """

    def __init__(
        self,
        catalog: Catalog,
        calendar: Calendar,
        coverage: Coverage,
        book: LeafBook,
        grain: str | None,
        *,
        sketches: bool = True,
    ) -> None:
        self._catalog = catalog
        self._calendar = calendar
        self._coverage = coverage
        self._book = book
        self._grain = grain
        self._sketches = sketches

    def metric(self, metric: Metric, context: Context) -> Expression:
        """The metric's formula with every measure replaced by the leaf that computes it."""
        return self.lower(metric.body, context)

    def lower(self, node: Expression, context: Context) -> Expression:
        """An expression with every measure replaced by the leaf that computes it."""
        match node:
            case Constant():
                return node
            case Apply(operation="nonempty"):
                return self._nonempty(node, context)
            case Apply():
                return replace(node, arguments=tuple(self.lower(part, context) for part in node.arguments))
            case MetricReference():
                return self.lower(node.body, context)
            case Restrict():
                return self.lower(node.body, context.restricted(node.conjuncts))
            case Window():
                return self.lower(node.body, self._windowed(node, context))
            case Total():
                return self.lower(node.body, without_dimensions(node, context))
            case Measure():
                return self._measure(node, context)
            case KeyedAggregate():
                return self._keyed(node, context)
        raise KpiError(not_yet(type(node).__name__, node.span))

    def _nonempty(self, node: Apply, context: Context) -> Expression:
        """The argument where some aggregate in it has a row, else null."""
        body = self.lower(node.arguments[0], context)
        fields = [part for part in walk(body) if isinstance(part, Field)]
        rows = [self._book.rows_of(part) for part in fields if self._book.looks_at_rows(part)]
        has_rows = [Apply("greater", (count, Constant(0, COUNT)), BOOLEAN) for count in dict.fromkeys(rows)]
        condition = has_rows[0] if len(has_rows) == 1 else Apply("or", tuple(has_rows), BOOLEAN)
        return Apply("case", (condition, body, Constant(None, node.type)), node.type, node.span)

    def _windowed(self, window: Window, context: Context) -> Context:
        check_todate(self._calendar, window, self._grain)
        frames = tuple(self._moved(frame, window) for frame in context.frames)
        uncut = tuple(self._moved(frame, window) for frame in context.uncut)
        return replace(context, frames=frames, uncut=uncut, before=context.before or window.kind == "before")

    def _moved(self, frame: Frame | None, window: Window) -> Frame | None:
        """The frame inside a window operator; none where a declared grain has no such period, which is noted."""
        if frame is None:
            return None
        try:
            return apply_window(self._calendar, frame, window)
        except CalendarGap as gap:
            from kpi_engine.plan.coarse import empty_beyond

            self._book.note(empty_beyond(gap))
            return None

    def _measure(self, measure: Measure, context: Context, *, weighted: bool = False) -> Expression:
        """The leaf of a measure, perhaps of a sum that is a part of a weighted average."""
        if measure.function == "weighted_avg":
            return self._weighted_average(measure, context)
        state, finish = state_of(measure)
        source = self._catalog.sources[measure.source]
        added = measure.function in ADDS_UP and not weighted
        if source.grain is not None and added:
            from kpi_engine.plan.coarse import check_coarse

            check_coarse(self._calendar, measure, source.grain, context.frames)
        begins, ends = source.lifetime if measure.at is not None and source.lifetime is not None else (None, None)
        if measure.approximate and ends is None and self._sketches:
            state = self._sketched(state, measure)
        nobody = ends is not None and measure.at == "start" and _is_all_history(context)
        request = LeafRequest(
            source=measure.source,
            time=begins or measure.dated_by or source.time,
            until=ends,
            keys=keys_on(context.dimensions, measure.source),
            state=replace(state, filter=NOTHING if nobody else filter_of(context.filters, measure)),
            finish=finish,
            windows=self._windows(measure, context, measure.at if ends is not None else None, added=added),
            type=measure.type,
            parameter=str(measure.parameters[0].value) if measure.parameters else "",
            outside_is_zero=context.before and finish in ("rows", "count", "sum", "distinct"),
            shows_groups=context.dimensions == context.all_dimensions,
            text=" ".join(measure.span.text.split()),
        )
        counted: Expression | None = None
        if source.snapshot is not None:
            from kpi_engine.plan.snapshots import OfSnapshots

            of = OfSnapshots(self._catalog, self._calendar, self._coverage.first[measure.source], self._book)
            request, counted = of.read(request, measure.at)
        if not request.shows_groups and not nobody and _has_groups(context, measure.source):
            self._book.show_groups(
                request, keys_on(context.all_dimensions, measure.source), filter_of(context.all_filters, measure)
            )
        found = self._book.add(request)
        if counted is None:
            return found
        from kpi_engine.plan.snapshots import value_where

        return value_where(counted, found)

    def _sketched(self, state: StateRequest, measure: Measure) -> StateRequest:
        """The sketch of a state; the state itself, with a note, where what estimates it is not installed."""
        sketch = sketch_of(state)
        from kpi_engine.kernels.sketches_hll import can_estimate

        if sketch.kind == "hll" and not can_estimate():
            text = " ".join(measure.span.text.split())
            self._book.note(f"{text} is counted exactly: estimates need kpi-engine[approx]")
            return state
        return sketch

    def _windows(
        self, measure: Measure, context: Context, instant: Literal["start", "end"] | None, *, added: bool
    ) -> tuple[Interval | None, ...]:
        """The window of each period inside the source's coverage; for lifetimes all time up to one of its ends."""
        grain, first = self._catalog.sources[measure.source].grain, self._coverage.first[measure.source]
        intervals = [None if frame is None else frame.interval(self._calendar) for frame in context.frames]
        if grain is not None and first is not None:
            from kpi_engine.plan.coarse import Coarse

            coarse = Coarse(self._calendar, measure, grain, first, context.running, self._book.note)
            intervals = coarse.added(intervals, context.uncut) if added else coarse.touched(intervals)
        windows = [self._covered(measure.source, each) for each in intervals]
        if instant is None:
            return tuple(self._since_earliest(measure, each) for each in windows)
        return tuple(None if each is None else Interval(None, _instant(each, instant)) for each in windows)

    def _since_earliest(self, measure: Measure, window: Interval | None) -> Interval | None:
        """A window over all history, without rows that are older than all periods."""
        has_time = measure.dated_by is not None or self._catalog.sources[measure.source].time is not None
        if window is None or window.start is not None or not has_time:
            return window
        return Interval(earliest(self._calendar), window.end)

    def _covered(self, source: str, window: Interval | None) -> Interval | None:
        """The window if any of it lies inside the source's coverage."""
        first = self._coverage.first[source]
        if window is None or first is None:
            return None
        watermark = self._coverage.watermark[source]
        if window.end <= first or (window.start is not None and window.start >= watermark):
            return None
        return window

    def _keyed(self, node: KeyedAggregate, context: Context, *, shows_groups: bool = True) -> Expression:
        """An aggregate over groups of keys: its inside is lowered into a book of its own, with the keys added."""
        if context.dimensions != context.all_dimensions:
            # The groups of the answer are those of the whole group, and need the rows by all of its dimensions.
            if all(_has_groups(context, source) for source in _split(node)):
                self._keyed(node, replace(context, dimensions=context.all_dimensions, filters=context.all_filters))
            context = replace(context, all_dimensions=context.dimensions, all_filters=context.filters)
            return self._keyed(node, context, shows_groups=False)
        check_made_of(self._calendar, node, self._grain)
        if node.function not in STATES:
            raise KpiError(not_yet(f"{node.function}() per", node.span))
        frames = self._inner_frames(node, context)
        inside = self._inside(node, context, frames)
        lowering = Lowering(
            self._catalog,
            self._calendar,
            self._coverage,
            self._book.inner(),
            node.grain or self._grain,
            sketches=self._sketches,
        )
        book = lowering._book
        body = None if node.body is None else lowering.lower(node.body, inside)
        having = None if node.having is None else lowering.lower(node.having, inside)
        everyone = lowering._everyone(node, inside) if node.all else ""
        leaves = book.leaves()
        state, finish = STATES[node.function]
        if node.body is not None and finish == "rows":
            finish = "count"
        return self._book.add_nested(
            Nested(
                name="",
                keys=tuple(dimension.name for dimension in context.dimensions),
                own=tuple(dimension.name for dimension in key_dimensions(node)),
                leaves=leaves,
                inner=book.nested(),
                frames=len(frames.frames),
                body=body,
                having=having,
                state=state,
                finish=finish,
                windows=frames.windows,
                type=node.type,
                parameter=str(node.parameters[0].value) if node.parameters else "",
                required=(everyone,) if node.all else required_leaves(body, having, node.function, leaves),
                every_frame=node.keys == (node.grain,),
                everyone=everyone,
                outside_is_zero=context.before and finish in ("rows", "count", "sum"),
                shows_groups=shows_groups,
                text=" ".join(node.span.text.split()),
            )
        )

    def _inner_frames(self, node: KeyedAggregate, context: Context) -> InnerFrames:
        if node.grain is None:
            return self._covered_frames(node, context)
        sources = {measure.source for measure in walk(node) if isinstance(measure, Measure)}
        firsts = [bound for source in sources if (bound := self._coverage.first[source]) is not None]
        watermark = min(self._coverage.watermark[source] for source in sources)
        return grain_frames(self._calendar, node.grain, context.frames, min(firsts, default=None), watermark)

    def _covered_frames(self, node: KeyedAggregate, context: Context) -> InnerFrames:
        """The frames of the outside. Outside the coverage of all sources nothing is known of groups."""
        inner = same_frames(context.frames)
        sources = {measure.source for measure in walk(node) if isinstance(measure, Measure)}
        intervals = [None if frame is None else frame.interval(self._calendar) for frame in context.frames]
        known = [any(self._covered(source, each) is not None for source in sources) for each in intervals]
        windows = [window if inside else None for window, inside in zip(inner.windows, known, strict=True)]
        return replace(inner, windows=tuple(windows))

    def _inside(self, node: KeyedAggregate, context: Context, frames: InnerFrames) -> Context:
        """The context of the inside: its frames, the keys as dimensions, the filter on the key's own columns."""
        keys = key_dimensions(node)
        conjuncts: tuple[Conjunct, ...] = ()
        if node.where is not None:
            # A total of everybody drops it: it names nothing but the key.
            names = frozenset(key.name for key in keys)
            conjuncts = (Conjunct(conditions_on_key(self._catalog, node), names, True, node.span),)
        restricted = context.restricted(conjuncts)
        return replace(
            restricted,
            frames=frames.frames,
            uncut=context.uncut if node.grain is None else frames.frames,
            dimensions=context.dimensions + keys,
            all_dimensions=context.all_dimensions + keys,
            before=False,
        )

    def _everyone(self, node: KeyedAggregate, inside: Context) -> str:
        """A leaf over the key's own rows, whatever their time: all of them are looked at."""
        source = self._catalog.sources[node.keys[0]]
        keys = key_dimensions(node)
        outer = inside.dimensions[: len(inside.dimensions) - len(keys)]
        columns = tuple(source.columns[name] for name in source.key)
        filters = [dict(each.by_source).get(source.name) for each in inside.filters]
        request = LeafRequest(
            source=source.name,
            time=None,
            keys=(
                *keys_on(outer, source.name),
                *(
                    KeyColumn(key.name, Field(column.name, column.type), key.type)
                    for key, column in zip(keys, columns, strict=True)
                ),
            ),
            state=StateRequest("count", None, conjunction([*filters, node.where])),
            finish="rows",
            windows=tuple(None if frame is None else Interval(None, frame.whole.end) for frame in inside.frames),
            type=node.type,
        )
        return self._book.add(request).column

    def _weighted_average(self, measure: Measure, context: Context) -> Expression:
        """Sum of value x weight over sum of the weights of rows that have a value."""
        value, weight = measure.arguments
        product = Apply("multiply", (value, weight), replace(measure.type, kind=value.type.kind))
        weights = Apply(
            "case",
            (Apply("is_not_null", (value,), BOOLEAN), weight, Constant(None, weight.type)),
            weight.type,
        )
        above, below = (
            self._measure(replace(measure, function="sum", arguments=(part,), type=part.type), context, weighted=True)
            for part in (product, weights)
        )
        return Apply("divide", (above, below), measure.type, measure.span)


def _is_all_history(context: Context) -> bool:
    """Whether the windows have no start: there nothing lives yet."""
    return any(frame is not None and frame.unbounded for frame in context.frames)


def _instant(window: Interval, at: Literal["start", "end"]) -> Bound:
    """One end of a window; of all history its end."""
    return window.end if at == "end" or window.start is None else window.start


def _split(node: KeyedAggregate) -> set[str]:
    """The sources whose rows an aggregate over groups looks at."""
    domains = {part.keys[0] for part in walk(node) if isinstance(part, KeyedAggregate) and part.all}
    return domains | {part.source for part in walk(node) if isinstance(part, Measure)}


def _has_groups(context: Context, source: str) -> bool:
    """Whether rows of a source belong to groups of the whole question, whatever a `total` around them drops."""
    split = all(dimension.reaches(source) for dimension in context.all_dimensions)
    return split and all(conjunct.reaches(source) for conjunct in context.all_filters)
