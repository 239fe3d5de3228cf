"""Rows of a source as a scan meets them: the fragments in question, their batches, and which rows belong."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from kpi_engine.execute.clock import timed
from kpi_engine.execute.evaluate import arrow_type
from kpi_engine.execute.offered import conditions, edges_of
from kpi_engine.execute.prune import outside, time_range
from kpi_engine.execute.rows import Rows, World
from kpi_engine.extend.rows import Fragment, ReadReport, batches_of_all
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.parents import parent_field
from kpi_engine.ir.plan import Scan
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.batches import together
from kpi_engine.kernels.selection import has_lifetime, select

_LOG = logging.getLogger(__name__)


def fragments_of(
    scan: Scan,
    world: World,
    stats: SourceStats,
    placing: Mapping[str, Iterable[Bound]],
    batch_rows: int | None,
) -> list[tuple[int, Fragment]]:
    """The fragments that some window may read, with their numbers from 1. Of the columns in `placing` nothing is looked
    at but where rows lie among some bounds. `batch_rows`: see `ScanRequest`."""
    source = world.catalog.sources[scan.source]
    offered, edges = conditions(scan, source), edges_of(placing, source)
    opened = world.reader.open(source, scan.columns, offered, edges, batch_rows)
    every = list(enumerate(opened.fragments(), 1))
    kept = [each for each in every if not _outside_windows(scan, each[1], world)]
    stats.fragments_pruned += opened.pruned + len(every) - len(kept)
    stats.notes.extend(opened.notes)
    return kept


def _outside_windows(scan: Scan, fragment: Fragment, world: World) -> bool:
    timed = scan.start or scan.end
    if timed is None:
        return False
    times = time_range(fragment, world.catalog.sources[scan.source], timed[0], world.calendar)
    return outside(times, scan.start and scan.start[1], scan.end and scan.end[1])


def no_rows(scan: Scan, world: World) -> Rows:
    """Rows that are none, with all columns."""
    source = world.catalog.sources[scan.source]
    return Rows(scan.source, {name: _empty(source, name, world) for name in scan.columns}, 0, world)


def _empty(source: Source, name: str, world: World) -> pa.Array:
    column = source.columns.get(name) or parent_field(world.catalog, source.name, name)
    return pa.array([], pa.null() if column is None else arrow_type(column.type))


def batches_of(
    scan: Scan, fragments: Sequence[tuple[int, Fragment]], world: World, stats: SourceStats
) -> Iterator[Rows]:
    """The batches of some fragments as rows, small ones together."""
    report = ReadReport()
    batches = together(batches_of_all(_logged(scan, fragments), report))
    while True:
        with timed(stats, "read"):
            batch = next(batches, None)
        if batch is None:
            break
        stats.rows += batch.num_rows
        rows = Rows(scan.source, dict(zip(scan.columns, batch.columns, strict=True)), batch.num_rows, world)
        yield own_rows(rows, world, stats)
    stats.bytes += report.bytes
    stats.failed_casts += report.failed_casts
    stats.failed_in += (each for each in report.failed_in if each not in stats.failed_in)
    stats.nan_values += report.nan_values


def _logged(scan: Scan, fragments: Sequence[tuple[int, Fragment]]) -> Iterator[Fragment]:
    told = _LOG.isEnabledFor(logging.DEBUG)
    for number, fragment in fragments:
        if told:
            _LOG.debug("reading %s, fragment %d: %s", scan.source, number, fragment.name)
        yield fragment


def own_rows(rows: Rows, world: World, stats: SourceStats | None = None) -> Rows:
    """The rows that belong to the source: they pass its own `where`, and have a life if it has lifetimes."""
    source = world.catalog.sources[rows.source]
    if rows.length == 0:
        return rows
    if source.where is not None:
        rows = selected(rows, rows.array(source.where))
    if source.lifetime is not None:
        living = selected(rows, has_lifetime(*(rows.column(name) for name in source.lifetime)))
        if stats is not None:
            stats.excluded_rows += rows.length - living.length
            stats.lifeless_rows += rows.length - living.length
        rows = living
    return rows


def selected(rows: Rows, condition: pa.Array) -> Rows:
    """The rows for which a condition is true."""
    chosen = select(None, (), False, condition, rows.length, always=True)
    return rows if chosen.mask is None else rows.filtered(chosen.mask, chosen.rows)
