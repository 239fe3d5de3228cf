"""Measure queries that a connector answers itself: which ones it is asked, and its states as frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from kpi_engine.execute.rows import World
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Field
from kpi_engine.ir.plan import ExtentRequest, MeasureQuery, Plan, Scan, StateRequest
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.extent import earliest, latest
from kpi_engine.kernels.frames import StateFrame

if TYPE_CHECKING:
    from kpi_engine.extend.measures import Aggregating, PartialStates


@dataclass(frozen=True, slots=True)
class Pushed:
    """By the number of a query the states that the source's connector made.

    `left_out`: the source's rows without a time, and those past its watermark, as the connector counts them; None where
    it does not, or need not, since all rows are read.
    """

    states: Mapping[int, list[StateFrame]] = field(default_factory=dict)
    left_out: tuple[int, int] | None = None


def pushed_states(plan: Plan, scan: Scan, world: World, stats: SourceStats) -> Pushed:
    """What the connector of a scan's source answers; the other queries have to be made of rows.

    `stats` says what was answered where, and why not.
    """
    source = world.catalog.sources[scan.source]
    connector = world.reader.aggregating(source)
    if connector is None:
        return Pushed()
    from kpi_engine.execute.elsewhere import NotElsewhere, request_of

    found: dict[int, list[StateFrame]] = {}
    answers: list[PartialStates] = []
    for number in scan.queries:
        query = plan.queries[number]
        try:
            request = request_of(query, world, dict(plan.watermarks).get(scan.source))
        except NotElsewhere as refusal:
            stats.pushdown.append(_as_rows(query, refusal.reason))
            continue
        support = connector.supports(request)
        if not support:
            stats.pushdown.append(_as_rows(query, support.reason))
            continue
        answer = connector.partial_states(request)
        found[number] = _frames(query, answer)
        answers.append(answer)
        _report(query, answer, source.connection, stats)
    if len(found) < len(scan.queries):
        return Pushed(found, _left_out(plan, scan, world, connector))
    nan: dict[str, int] = {}
    for answer in answers:
        # Several queries of one source look at the same rows.
        stats.excluded_rows = max(stats.excluded_rows, answer.untimed_rows)
        stats.late_rows = max(stats.late_rows, answer.late_rows)
        nan |= answer.nan_values
    stats.nan_values += sum(nan.values())
    return Pushed(found)


def _left_out(plan: Plan, scan: Scan, world: World, connector: Aggregating) -> tuple[int, int] | None:
    """How many rows have no time and how many are late, where only rows within the windows are asked for."""
    source = world.catalog.sources[scan.source]
    if source.time is None or scan.end is None or scan.end[0] != source.time:
        return None
    from kpi_engine.execute.elsewhere import NotElsewhere, request_of

    end = scan.end[1]
    query = MeasureQuery(source.name, (), source.time, (end,), (StateRequest("count"),), complete_from=end)
    try:
        request = request_of(query, world, dict(plan.watermarks).get(scan.source))
    except NotElsewhere:
        return None
    if not connector.supports(request):
        return None
    answer = connector.partial_states(request)
    return answer.untimed_rows, answer.late_rows


def pushed_times(
    request: ExtentRequest, world: World, kind: Literal["minimum", "maximum"], limit: Bound | None
) -> pa.Array | None:
    """The first or last time of a source as its connector knows it, an array of at most one value.

    With a `limit`, only times before it count, and of all rows, whatever the source's own condition says; without one
    only times that lie in periods. None where the connector cannot say.
    """
    source = world.catalog.sources[request.source]
    connector = world.reader.aggregating(source)
    if connector is None:
        return None
    from kpi_engine.execute.elsewhere import NotElsewhere, request_of

    time = Field(request.time, source.columns[request.time].type)
    first = earliest(world.calendar)
    edges = (first, latest(world.calendar)) if limit is None else (limit,)
    begin = first if limit is None else None
    query = MeasureQuery(source.name, (), request.time, edges, (StateRequest(kind, time),), complete_from=begin)
    try:
        asked = request_of(query, world, None)
    except NotElsewhere:
        return None
    if limit is not None:
        tables = {**asked.tables, source.name: replace(asked.tables[source.name], where=None)}
        asked = replace(asked, tables=tables)
    if not connector.supports(asked):
        return None
    (frame,) = _frames(query, connector.partial_states(asked))
    found = frame.states[0].extreme
    assert found is not None
    return found.filter(pa.array(frame.bucket == (1 if limit is None else 0)))


def explained(plan: Plan, world: World) -> list[str]:
    """For each measure query of a connector that aggregates, what it will be sent, or why rows are asked for."""
    shown = []
    for scan in plan.scans:
        source = world.catalog.sources[scan.source]
        connector = world.reader.aggregating(source)
        if connector is not None:
            shown += [_explained(plan.queries[number], connector, source.connection, world) for number in scan.queries]
    return shown


def _explained(query: MeasureQuery, connector: Aggregating, connection: str, world: World) -> str:
    from kpi_engine.execute.elsewhere import NotElsewhere, request_of

    try:
        support = connector.supports(request_of(query, world, None))
    except NotElsewhere as refusal:
        return _as_rows(query, refusal.reason)
    if not support:
        return _as_rows(query, support.reason)
    return f"{query.source}: states made by the connection {connection}\n{support.text}".rstrip()


def _as_rows(query: MeasureQuery, reason: str) -> str:
    return f"{query.source}: rows, because {reason}"


def _frames(query: MeasureQuery, answer: PartialStates) -> list[StateFrame]:
    from kpi_engine.kernels.state_tables import NotStates, frames_of_tables

    try:
        return frames_of_tables(len(query.keys), query.states, answer.tables)
    except NotStates as error:
        message = f"the connector's states are not of the form that was asked for: {error}"
        raise data_error("E626", query.source, message, "update the connector, or tell its author") from error


def _report(query: MeasureQuery, answer: PartialStates, connection: str, stats: SourceStats) -> None:
    fetched = sum(table.num_rows for table in answer.tables)
    stats.rows += fetched
    stats.bytes += sum(table.nbytes for table in answer.tables)
    stats.pushdown.append(f"{query.source}: states made by the connection {connection}, {fetched} fetched")
    stats.notes.extend(note for note in answer.notes if note not in stats.notes)
