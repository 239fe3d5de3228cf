"""Measures of snapshot sources: cut at every snapshot, beside leaves that know which snapshots there are."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Apply, Constant, Expression, Field, walk
from kpi_engine.ir.plan import KeyColumn, SnapshotPick, StateRequest
from kpi_engine.ir.types import BOOLEAN, COUNT
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.plan.leaves import LeafBook, LeafRequest

_POINTS: dict[str | None, Literal["first", "last", "any"]] = {"start": "first", "end": "last"}


@dataclass(frozen=True, slots=True)
class OfSnapshots:
    """Reads snapshots of one source. `first` is the beginning of its coverage (None: it has no rows)."""

    catalog: Catalog
    calendar: Calendar
    first: Bound | None
    book: LeafBook

    def read(self, request: LeafRequest, at: str | None) -> tuple[LeafRequest, Expression | None]:
        """The request, cut at every snapshot and saying which count; and a condition that its value has to meet.

        With `snapshot_by: [c]`, conditions and dimensions that follow from c say whose snapshots are looked at, so
        that a value filtered to one warehouse is that of the warehouse in its group: null in a window in which the
        warehouse has no snapshot, whatever the others have.
        """
        source = self.catalog.sources[request.source]
        assert source.snapshot is not None
        cuts = self._cuts(request, source.snapshot)
        if not cuts:
            return request, None
        follow = [part for part in _conjuncts(request.state.filter) if self._follows(source, part)]
        own = _own_keys(source)
        point = _POINTS.get(at, "any")
        if point == "any":
            own = ()
        present = LeafRequest(
            source=request.source,
            time=request.time,
            keys=(),
            state=StateRequest("count", None, _conjunction(follow)),
            finish="rows",
            windows=request.windows,
            type=COUNT,
            shows_groups=False,
            makes_cells=False,
            cuts=cuts,
        )
        presence = self.book.add(replace(present, own=own))
        picked = replace(request, cuts=cuts, own=own, pick=SnapshotPick(point, presence.column, source.snapshot))
        split = tuple(key for key in request.keys if self._follows(source, key.expression))
        if not split or request.outside_is_zero:
            return picked, None
        count = self.book.add(replace(present, keys=split))
        return picked, Apply("greater", (count, Constant(0, COUNT)), BOOLEAN)

    def _cuts(self, request: LeafRequest, grain: str) -> tuple[Bound, ...]:
        """The bounds of all snapshots that a window may hold."""
        windows = [window for window in request.windows if window is not None]
        if self.first is None or not windows:
            return ()
        start = min(window.start or self.first for window in windows)
        periods = self.calendar.periods(grain, start, max(window.end for window in windows))
        return tuple(dict.fromkeys(bound for period in periods for bound in (period.start, period.end)))

    def _follows(self, source: Source, expression: Expression) -> bool:
        """Whether the values of `snapshot_by` alone decide an expression, which names some of them."""
        named = any(isinstance(node, Field) for node in walk(expression))
        return bool(source.snapshot_by) and named and self._decided(source, expression)

    def _decided(self, source: Source, expression: Expression) -> bool:
        match expression:
            case Constant():
                return True
            case Apply():
                return all(self._decided(source, argument) for argument in expression.arguments)
            case Field():
                name = expression.steps[0].column if expression.steps else expression.column
                targets = [self.catalog.sources.get(step.target) for step in expression.steps]
                dated = any(each is not None and (each.versions or each.snapshot) for each in targets)
                return not dated and self._column_decided(source, name)
        return False

    def _column_decided(self, source: Source, name: str) -> bool:
        if name in source.snapshot_by:
            return True
        computed = source.columns[name].computed
        return computed is not None and self._decided(source, computed)


def value_where(condition: Expression, value: Field) -> Expression:
    """A leaf's value where a condition holds, else null."""
    return Apply("case", (condition, value, Constant(None, value.type)), value.type)


def _own_keys(source: Source) -> tuple[KeyColumn, ...]:
    return tuple(
        KeyColumn(f"own {name}", Field(name, source.columns[name].type), source.columns[name].type)
        for name in source.snapshot_by
    )


def _conjuncts(filter: Expression | None) -> tuple[Expression, ...]:
    if filter is None:
        return ()
    return filter.arguments if isinstance(filter, Apply) and filter.operation == "and" else (filter,)


def _conjunction(parts: list[Expression]) -> Expression | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return Apply("and", tuple(parts), BOOLEAN)
