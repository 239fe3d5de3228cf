"""The book of leaves: each different measure-in-context once, with the measure query that feeds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.expression import Expression, Field
from kpi_engine.ir.plan import FinishKind, KeyColumn, Leaf, MeasureQuery, StateRequest
from kpi_engine.ir.types import COUNT, Type


@dataclass(frozen=True, slots=True)
class LeafRequest:
    """A measure in its context: all that `Leaf` and `MeasureQuery` need. `text` is for `explain` alone."""

    source: str
    time: str | None
    keys: tuple[KeyColumn, ...]
    state: StateRequest
    finish: FinishKind
    windows: tuple[Interval | None, ...]
    type: Type
    parameter: str
    outside_is_zero: bool
    shows_groups: bool
    text: str = field(compare=False, default="")


class LeafBook:
    """Collects leaves; equal requests share one."""

    def __init__(self) -> None:
        self._names: dict[LeafRequest, str] = {}

    def add(self, request: LeafRequest) -> Field:
        """The leaf that answers a request, as a field that arithmetic above can read."""
        name = self._names.setdefault(request, f"m{len(self._names) + 1}")
        return Field(name, request.type)

    def show_groups(
        self, request: LeafRequest, keys: tuple[KeyColumn, ...], filter: Expression | None
    ) -> None:
        """Add a count of rows by all `keys`, for a measure that dropped some: groups with rows become rows."""
        state = StateRequest("count", None, filter)
        self.add(replace(request, keys=keys, state=state, finish="rows", type=COUNT, shows_groups=True, parameter=""))

    def build(self) -> tuple[tuple[MeasureQuery, ...], tuple[Leaf, ...]]:
        """One measure query for each different combination of source, keys, time, state and windows."""
        queries: dict[MeasureQuery, int] = {}
        leaves: list[Leaf] = []
        for request, name in self._names.items():
            query = _query(request)
            leaves.append(
                Leaf(
                    name,
                    queries.setdefault(query, len(queries)),
                    0,
                    request.finish,
                    tuple(key.name for key in request.keys),
                    request.windows,
                    request.type,
                    request.parameter,
                    request.outside_is_zero,
                    request.shows_groups,
                    request.text,
                )
            )
        return tuple(queries), tuple(leaves)


def _query(request: LeafRequest) -> MeasureQuery:
    windows = [window for window in request.windows if window is not None]
    edges: set[Bound] = {window.end for window in windows}
    edges.update(window.start for window in windows if window.start is not None)
    unbounded = any(window.start is None for window in windows)
    return MeasureQuery(
        source=request.source,
        keys=request.keys,
        time=request.time,
        edges=tuple(sorted(edges)),
        states=(request.state,),
        complete_from=None if unbounded or not edges else min(edges),
    )
