"""The first and the last row of sources in time. Statistics say which fragments to look into, rows say the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from kpi_engine.execute.prune import time_range
from kpi_engine.execute.pushed import pushed_times
from kpi_engine.execute.rows import Rows, World
from kpi_engine.execute.source_rows import own_rows
from kpi_engine.extend.rows import Fragment, ReadReport
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.plan import ExtentRequest
from kpi_engine.kernels.extent import earliest, time_bounds

Ranged = tuple[Fragment, tuple[Bound, Bound] | None]


def first_time(request: ExtentRequest, world: World) -> Bound | None:
    """The time of the first row that belongs to the source; None without rows."""
    asked = pushed_times(request, world, "minimum", None)
    if asked is not None:
        found = time_bounds(asked, None, world.calendar)
        return None if found is None else found[0]
    if world.keeper is None:
        return _first(request, world, None, None)
    return world.keeper.time("first", request, world.catalog, world.reader, partial(_first, request, world))


def last_time(request: ExtentRequest, world: World, limit: Bound) -> Bound | None:
    """The latest time before `limit` in any row; None without rows."""
    asked = pushed_times(request, world, "maximum", limit)
    if asked is not None:
        found = time_bounds(asked, limit, world.calendar)
        return None if found is None else found[1]
    if world.keeper is not None:
        find = partial(_last, request, world, limit=None)
        latest = world.keeper.time("last", request, world.catalog, world.reader, find)
        if latest is None or latest < limit:  # no row is still to come
            return latest
    return _last(request, world, None, None, limit=limit)


def _first(
    request: ExtentRequest, world: World, fragments: Sequence[Fragment] | None, first: Bound | None
) -> Bound | None:
    """The first time in some fragments (None: in all), if it is before `first`; else that."""
    ranged = _ranged(request, world, fragments)
    # Those without statistics come first, then those that may begin first: the rest need not be read.
    for fragment, known in sorted(ranged, key=lambda each: (each[1] is not None, each[1] or ())):
        if known is None or first is None or known[0] < first:
            found = _read(fragment, request, world, own=True, limit=None)
            if found is not None and (first is None or found[0] < first):
                first = found[0]
    return first


def _last(
    request: ExtentRequest,
    world: World,
    fragments: Sequence[Fragment] | None,
    latest: Bound | None,
    *,
    limit: Bound | None,
) -> Bound | None:
    """The last time in some fragments (None: in all) before a limit, if it is after `latest`; else that."""
    ranged = _ranged(request, world, fragments)
    for fragment, known in sorted(
        ranged, key=lambda each: (each[1] is None, (each[1] and each[1][1]) or ()), reverse=True
    ):
        if known is None or latest is None or known[1] > latest:
            found = _read(fragment, request, world, own=False, limit=limit)
            if found is not None and (latest is None or found[1] > latest):
                latest = found[1]
    return latest


def _ranged(request: ExtentRequest, world: World, fragments: Sequence[Fragment] | None) -> Sequence[Ranged]:
    """Fragments of a source (None: all), each with the least and greatest time that its rows can have, if known."""
    source = replace(world.catalog.sources[request.source], distinct=False)  # rows that repeat have the same times
    if fragments is None:
        fragments = world.reader.open(source, request.columns).fragments()
    return [(each, time_range(each, source, request.time, world.calendar)) for each in fragments]


def _read(
    fragment: Fragment, request: ExtentRequest, world: World, *, own: bool, limit: Bound | None
) -> tuple[Bound, Bound] | None:
    found: tuple[Bound, Bound] | None = None
    lives = world.catalog.sources[request.source].lifetime is not None
    for batch in fragment.batches(ReadReport()):
        rows = Rows(request.source, dict(zip(request.columns, batch.columns, strict=True)), batch.num_rows, world)
        if own:
            rows = own_rows(rows, world)
        # Rows from before all periods count nowhere, so that they are no beginning; only lives may begin there.
        start = None if lives or not own else earliest(world.calendar)
        bounds = time_bounds(rows.column(request.time), limit, world.calendar, start)
        if bounds is not None:
            found = bounds if found is None else (min(found[0], bounds[0]), max(found[1], bounds[1]))
    return found
