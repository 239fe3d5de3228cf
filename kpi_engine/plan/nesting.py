"""Aggregates over groups of keys: the frames that their inside is evaluated on, and which groups matter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from kpi_engine.ir.bounds import Bound, Period
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Apply, Constant, Expression, Field, KeyedAggregate, Step, walk
from kpi_engine.ir.plan import FinishKind, Leaf, StateKind
from kpi_engine.ir.question import BoundDimension
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.plan.frames import Frame, frame_of
from kpi_engine.plan.made_of import is_made_of, makes_up

STATES: dict[str, tuple[StateKind, FinishKind]] = {
    "count": ("count", "rows"),
    "sum": ("sum", "sum"),
    "avg": ("sum", "avg"),
    "min": ("minimum", "minimum"),
    "max": ("maximum", "maximum"),
    "first": ("minimum", "first"),
    "last": ("maximum", "last"),
    "stddev": ("moments", "stddev"),
    "variance": ("moments", "variance"),
    "percentile": ("values", "percentile"),
}
"""How each aggregate over groups keeps and finishes their values."""


@dataclass(frozen=True, slots=True)
class InnerFrames:
    """Frames for the inside, and for each outer period the range of frames that belong to it."""

    frames: tuple[Frame | None, ...]
    windows: tuple[tuple[int, int] | None, ...]


def same_frames(frames: Sequence[Frame | None]) -> InnerFrames:
    """Without a grain the inside sees the windows of the outside."""
    windows = tuple(None if frame is None else (number, number + 1) for number, frame in enumerate(frames))
    return InnerFrames(tuple(frames), windows)


def grain_frames(
    calendar: Calendar, grain: str, frames: Sequence[Frame | None], first: Bound | None, watermark: Bound
) -> InnerFrames:
    """The buckets of a grain that lie wholly in some window, inside coverage and before the watermark."""
    intervals = [None if frame is None else frame.interval(calendar) for frame in frames]
    starts = [each.start for each in intervals if each is not None]
    if first is None or not starts:
        return InnerFrames((), (None,) * len(frames))
    begin = min((start for start in starts if start is not None), default=first)
    if begin < first or None in starts:
        covered = calendar.period_at(grain, first).start
        begin = covered if None in starts else max(begin, covered)
    finish = min(max(each.end for each in intervals if each is not None), watermark)
    buckets = [p for p in calendar.periods(grain, begin, finish) if begin <= p.start and p.end <= finish]
    windows: list[tuple[int, int] | None] = []
    for each in intervals:
        if each is None:
            windows.append(None)
            continue
        inside = _inside(buckets, each.start, each.end)
        windows.append(inside if inside[0] < inside[1] else None)
    return InnerFrames(tuple(frame_of(bucket, bucket.start, bucket.end) for bucket in buckets), tuple(windows))


def _inside(buckets: Sequence[Period], start: Bound | None, end: Bound) -> tuple[int, int]:
    low = 0 if start is None else bisect_left(buckets, start, key=lambda bucket: bucket.start)
    return low, bisect_right(buckets, end, key=lambda bucket: bucket.end)


def check_made_of(calendar: Calendar, node: KeyedAggregate, grain: str | None) -> None:
    """E532 where the periods of a question are not made of whole buckets of the key's grain."""
    key = node.grain
    if grain is None or key is None or is_made_of(calendar, grain, key):
        return
    raise KpiError(
        Diagnostic(
            "E532",
            f"{article(grain)} {grain} is not made of whole {key}s, which `per {key}` aggregates",
            node.span,
            f"ask by {' or '.join(makes_up(calendar, key))}",
            exit_code=ExitCode.USAGE,
        )
    )


def article(grain: str) -> str:
    """`an` hour, `a` day."""
    return "an" if grain == "hour" else "a"


def key_dimensions(node: KeyedAggregate) -> tuple[BoundDimension, ...]:
    """The ids of the groups as dimensions, one for each column of each key."""
    if not node.by_source:
        return ()
    columns = node.by_source[0][1]
    return tuple(
        BoundDimension(
            f"per {' and '.join(node.keys)} {number}",
            column.type,
            tuple((source, fields[number]) for source, fields in node.by_source),
        )
        for number, column in enumerate(columns)
    )


def conditions_on_key(catalog: Catalog, node: KeyedAggregate) -> tuple[tuple[str, Expression], ...]:
    """The condition on the key's own columns, on the rows of each source that belongs to it; none without one."""
    if node.where is None:
        return ()
    key = node.keys[0]
    return tuple(
        (source, node.where if source == key else rebase(node.where, _to_key(catalog, key, source, fields[0])))
        for source, fields in node.by_source
    )


def _to_key(catalog: Catalog, key: str, source: str, field: Field) -> tuple[Step, ...]:
    """The steps from a row, which has the id, to the row of its key; an entity has none, and its values are by id."""
    holder = field.steps[-1].target if field.steps else source
    column = catalog.sources[key].key[0] if key in catalog.sources else ""
    return (*field.steps, Step(holder, field.column, key, column))


def rebase(expression: Expression, steps: tuple[Step, ...]) -> Expression:
    """A condition on a key's own columns as a condition on rows that lead to the key by `steps`."""
    match expression:
        case Field():
            return Field(expression.column, expression.type, steps + expression.steps, expression.span)
        case Apply():
            moved = tuple(rebase(argument, steps) for argument in expression.arguments)
            return Apply(expression.operation, moved, expression.type, expression.span)
    return expression


def required_leaves(
    body: Expression | None, having: Expression | None, function: str, leaves: Iterable[Leaf]
) -> tuple[str, ...]:
    """Leaves that must have a row in a cell for the cell to matter; empty when any row may matter.

    A condition such as `order_count > 0` is false where the leaf it reads has no rows, and a count of no rows adds
    nothing to a sum. Only cells with rows of such a leaf are then worth looking at.
    """
    plain = {leaf.name: leaf for leaf in leaves if leaf.shows_groups}
    candidates: list[str] = []
    for condition in _conjuncts(having):
        names = _names(condition)
        if len(names) == 1 and names <= plain.keys() and _false_without_rows(condition, plain):
            candidates.extend(names)
    if not candidates and isinstance(body, Field) and body.column in plain:
        finish = plain[body.column].finish
        # A sum of nulls alone is null and not 0, so only what is never null may be left out of one.
        adds_nothing = function == "sum" and finish in ("rows", "count", "distinct")
        is_null = function not in ("sum", "count") and finish not in ("rows", "count", "sum", "distinct")
        if adds_nothing or is_null:
            candidates.append(body.column)
    return tuple(candidates[:1])


def _conjuncts(condition: Expression | None) -> tuple[Expression, ...]:
    if condition is None:
        return ()
    return condition.arguments if isinstance(condition, Apply) and condition.operation == "and" else (condition,)


def _names(expression: Expression) -> set[str]:
    return {node.column for node in walk(expression) if isinstance(node, Field)}


def _false_without_rows(condition: Expression, leaves: dict[str, Leaf]) -> bool:
    """Whether `leaf > constant` and its like cannot hold where the leaf has no rows."""
    if not isinstance(condition, Apply) or len(condition.arguments) != 2:
        return condition.operation == "is_not_null" if isinstance(condition, Apply) else False
    leaf, constant = condition.arguments
    if not isinstance(leaf, Field) or not isinstance(constant, Constant):
        return False
    if leaves[leaf.column].finish not in ("rows", "count", "sum", "distinct"):
        return True  # null where there are no rows, and a comparison with null is not true
    value = constant.value
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    match condition.operation:
        case "greater":
            return value >= 0
        case "greater_equal" | "equal":
            return value > 0
        case "not_equal":
            return value == 0
    return False
