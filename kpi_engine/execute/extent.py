"""The first and the last row of sources in time, from statistics where they suffice."""

from __future__ import annotations

from kpi_engine.execute.prune import time_range
from kpi_engine.execute.rows import Rows, World
from kpi_engine.execute.scan import own_rows
from kpi_engine.extend.rows import Fragment, ReadReport
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.plan import ExtentRequest
from kpi_engine.kernels.extent import time_bounds


def first_time(request: ExtentRequest, world: World) -> Bound | None:
    """The time of the first row that passes the source's own `where`; None without rows."""
    source = world.catalog.sources[request.source]
    earliest: Bound | None = None
    for fragment in world.reader.open(source, request.columns).fragments():
        known = time_range(fragment, source, request.time, world.calendar)
        if known is not None and earliest is not None and known[0] >= earliest:
            continue
        if known is None or source.where is not None or source.lifetime is not None:
            known = _read(fragment, request, world, own=True, limit=None)
        if known is not None and (earliest is None or known[0] < earliest):
            earliest = known[0]
    return earliest


def last_time(request: ExtentRequest, world: World, limit: Bound) -> Bound | None:
    """The latest time before `limit` in any row; None without rows."""
    source = world.catalog.sources[request.source]
    latest: Bound | None = None
    for fragment in world.reader.open(source, request.columns).fragments():
        known = time_range(fragment, source, request.time, world.calendar)
        if known is not None and latest is not None and known[1] <= latest:
            continue
        if known is None or known[1] >= limit:
            known = _read(fragment, request, world, own=False, limit=limit)
        if known is not None and (latest is None or known[1] > latest):
            latest = known[1]
    return latest


def _read(
    fragment: Fragment, request: ExtentRequest, world: World, *, own: bool, limit: Bound | None
) -> tuple[Bound, Bound] | None:
    found: tuple[Bound, Bound] | None = None
    for batch in fragment.batches(ReadReport()):
        rows = Rows(request.source, dict(zip(request.columns, batch.columns, strict=True)), batch.num_rows, world)
        if own:
            rows = own_rows(rows, world)
        bounds = time_bounds(rows.column(request.time), limit, world.calendar)
        if bounds is not None:
            found = bounds if found is None else (min(found[0], bounds[0]), max(found[1], bounds[1]))
    return found
