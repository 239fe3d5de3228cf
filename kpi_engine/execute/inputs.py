"""Prepared inputs: what rows look at beyond themselves. Each is read, sorted or indexed once and shared by a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

import pyarrow as pa

from kpi_engine.execute.answer import Aligned, align_leaves
from kpi_engine.execute.derived import DerivingReader, whole_columns
from kpi_engine.execute.reader import SourceReader
from kpi_engine.execute.results import Results
from kpi_engine.execute.rows import Rows, World
from kpi_engine.execute.scan import run_scan
from kpi_engine.execute.source_rows import own_rows, selected
from kpi_engine.execute.tasks import thread_count
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.extend.rows import ReadReport
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog, elapsed, have_same_rows
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import EventTest, Expression, Field, Followed, LastBefore, Step
from kpi_engine.ir.plan import KeyedTable, Plan, Preparation
from kpi_engine.ir.result import SourceStats
from kpi_engine.ir.types import BOOLEAN, Kind
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.kernels.selection import before

if TYPE_CHECKING:
    from kpi_engine.kernels.events import EventIndex
    from kpi_engine.kernels.lookup import DuplicateKey, KeyIndex, VersionIndex


class PreparedInputs:
    """The prepared inputs of one run, made when they are first looked at."""

    def __init__(
        self,
        catalog: Catalog,
        functions: FunctionRegistry,
        calendar: Calendar,
        reader: SourceReader,
        prepared: Sequence[Preparation],
        keyed: Sequence[KeyedTable],
        watermarks: dict[str, Bound],
    ) -> None:
        self.world = World(catalog, functions, calendar, self, DerivingReader(reader, self))
        self._columns = {each.source: each.columns for each in prepared}
        self._plans = {(table.owner, table.body): table.plan for table in keyed}
        self._watermarks = watermarks
        self._making = RLock()
        """Held while an input is looked for and made: threads that ask for the same one wait for it."""
        self._targets: dict[str, Rows] = {}
        self._past: dict[str, Rows] = {}
        self._indexes: dict[tuple[str, str, bool], KeyIndex | VersionIndex] = {}
        self._events: dict[tuple[Followed, ...], EventIndex] = {}
        self._latest: dict[LastBefore, EventIndex] = {}
        self._tables: dict[tuple[str, Expression], tuple[KeyIndex, pa.Array, pa.Array]] = {}
        self._counted: dict[str, SourceStats] = {}

    @property
    def catalog(self) -> Catalog:
        """The definitions."""
        return self.world.catalog

    def counted(self) -> Mapping[str, SourceStats]:
        """By source what was counted while its rows were read as an input; of several times the most."""
        return self._counted

    def _count(self, name: str, read: SourceStats) -> None:
        mine = self._counted.setdefault(name, SourceStats())
        mine.failed_casts = max(mine.failed_casts, read.failed_casts)
        mine.failed_in += (each for each in read.failed_in if each not in mine.failed_in)
        mine.nan_values = max(mine.nan_values, read.nan_values)
        mine.notes.extend(note for note in read.notes if note not in mine.notes)

    def stored_columns(self, name: str) -> Sequence[str]:
        """The stored columns of a prepared source."""
        return self._columns[name]

    def own_rows(self, name: str, batch: pa.RecordBatch) -> Rows:
        """The rows of a batch that belong to the source."""
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        return own_rows(Rows(name, columns, batch.num_rows, self.world), self.world)

    def target(self, name: str) -> Rows:
        """All rows of a source."""
        with self._making:
            found = self._targets.get(name)
            if found is None:
                found = self._targets[name] = own_rows(self._read(name), self.world)
            return found

    def past(self, name: str) -> Rows:
        """The rows of a source before its watermark; all of them as long as no as-of is known."""
        with self._making:
            found = self._past.get(name)
            if found is None:
                found, mark = self.target(name), self._watermarks.get(name)
                if mark is not None:
                    found = selected(found, before(found.times(), mark))
                self._past[name] = found
        return found

    def _read(self, name: str) -> Rows:
        source, names = self.world.catalog.sources[name], self._columns[name]
        # Rows that are made of others may look at inputs, and those wait for this thread while it makes one.
        threads = thread_count() if source.derived is None else 1
        scan, report = self.world.reader.open(source, names), ReadReport()
        arrays = whole_columns(scan, source, names, threads, report)
        read = SourceStats(
            failed_casts=report.failed_casts,
            failed_in=report.failed_in,
            nan_values=report.nan_values,
            notes=list(scan.notes),
        )
        self._count(name, read)
        return Rows(name, dict(zip(names, arrays, strict=True)), len(arrays[0]), self.world)

    # References ------------------------------------------------------------------------------------------------------

    def place(self, step: Step, ids: pa.Array, rows: Rows) -> pa.Array:
        """For each id the position of the target's row that a reference means, null where there is none.

        `rows` are those that the ids belong to: their time says which version, or which snapshot, is meant. Between a
        timestamp and dates the local date decides.
        """
        from kpi_engine.kernels.lookup import KeyIndex, VersionIndex
        from kpi_engine.kernels.temporal import bucket

        target = self.world.catalog.sources[step.target]
        if target.snapshot is None and target.versions is None:
            index = self._index(step.target, step.target_column)
            assert isinstance(index, KeyIndex)
            return index.positions(ids)
        times = rows.times()
        by_day = pa.types.is_date32(times.type)
        if target.snapshot is not None:
            times = bucket(times, target.snapshot, self.world.calendar)
        elif target.versions is not None and target.columns[target.versions[0]].type.kind is Kind.DATE:
            times = bucket(times, "day", self.world.calendar)
        index = self._index(step.target, step.target_column, by_day)
        assert isinstance(index, VersionIndex)
        return index.positions(ids, times)

    def _index(self, name: str, key: str, by_day: bool = False) -> KeyIndex | VersionIndex:
        from kpi_engine.kernels.lookup import DuplicateKey

        with self._making:
            found = self._indexes.get((name, key, by_day))
            if found is None:
                try:
                    found = self._indexes[name, key, by_day] = self._make_index(name, key, by_day)
                except DuplicateKey as error:
                    raise KpiError(_duplicate(name, key, error, self.world)) from error
            return found

    def _make_index(self, name: str, key: str, by_day: bool) -> KeyIndex | VersionIndex:
        from kpi_engine.kernels.lookup import KeyIndex, VersionIndex
        from kpi_engine.kernels.temporal import bucket

        source, rows = self.world.catalog.sources[name], self.target(name)
        if source.versions is not None:
            bounds = [rows.column(each) for each in source.versions]
            if by_day:
                bounds = [bucket(each, "day", self.world.calendar) for each in bounds]
            return VersionIndex(rows.column(key), *bounds)
        if source.snapshot is not None:
            day = bucket(rows.times(), source.snapshot, self.world.calendar)
            return VersionIndex(rows.column(key), day, None)
        return KeyIndex(rows.column(key))

    # Keyed tables ----------------------------------------------------------------------------------------------------

    def value_of(self, owner: str, body: Expression, ids: pa.Array) -> pa.Array:
        """A keyed table's value for each id; an id without a row has what no rows give."""
        from kpi_engine.kernels.logic import if_else

        index, values, without = self._table(owner, body)
        place = index.positions(ids)
        found = values.take(place)
        return if_else(place.is_valid(), found, without[0]) if without[0].is_valid else found

    def _table(self, owner: str, body: Expression) -> tuple[KeyIndex, pa.Array, pa.Array]:
        with self._making:
            found = self._tables.get((owner, body))
            if found is None:
                found = self._tables[owner, body] = self._make_table(owner, body)
            return found

    def _make_table(self, owner: str, body: Expression) -> tuple[KeyIndex, pa.Array, pa.Array]:
        from kpi_engine.kernels.lookup import KeyIndex

        plan, keeper = self._plans[owner, body], self.world.keeper
        attempt = partial(self._aligned, plan)
        aligned, read = attempt() if keeper is None else keeper.until_whole(attempt)
        for source, stats in read:
            self._count(source, stats)
        (output,) = plan.outputs
        values = self._evaluate(output.expression, aligned.values, aligned.alignment.size)
        without = self._evaluate(output.expression, aligned.without_rows, 1)
        return KeyIndex(aligned.alignment.keys[0]), values, without

    def _aligned(self, plan: Plan) -> tuple[Aligned, list[tuple[str, SourceStats]]]:
        states: dict[int, Sequence[Pieces]] = {}
        read = [(scan.source, SourceStats()) for scan in plan.scans]
        for scan, (_, stats) in zip(plan.scans, read, strict=True):
            states.update(zip(scan.queries, run_scan(plan, scan, self.world, stats), strict=True))
        return align_leaves(plan, states, self.world), read

    def _evaluate(self, expression: Expression, values: Mapping[str, pa.Array], length: int) -> pa.Array:
        return Results(values, length, self.world.functions, self.world.calendar).array(expression)

    # Events ----------------------------------------------------------------------------------------------------------

    def followed(self, chain: tuple[Followed, ...], rows: Rows) -> pa.Array:
        """Which rows are followed by a chain of events.

        The chain is swept from its end: events count only if they are followed by the rest, so that some row of each
        link exists within its own time of the one before, whichever that is.
        """
        from kpi_engine.kernels.logic import not_

        link, rest = chain[0], chain[1:]
        with self._making:
            index = self._events.get(chain)
            if index is None:
                index = self._events[chain] = self._event_index(link, rest)
        keys = [rows.keys(key) for key in link.keys]
        itself = self._is_event(link, rest, rows) if rows.source == link.target else None
        found = index.followed(keys, rows.times(), elapsed(link.within), itself)
        return not_(found) if link.negated else found

    def _event_index(self, link: Followed, rest: tuple[Followed, ...]) -> EventIndex:
        from kpi_engine.kernels.events import EventIndex

        events = self.target(link.target)
        events = selected(events, self._is_event(link, rest, events))
        return EventIndex([events.keys(key) for key in link.target_keys], events.times())

    def _is_event(self, link: Followed, rest: tuple[Followed, ...], rows: Rows) -> pa.Array:
        """Which rows of the target count as the event: before its watermark, meeting the condition and the rest."""
        from kpi_engine.kernels.logic import and_, coalesce

        counted = before(rows.times(), self._watermarks[link.target])
        if link.condition is not None:
            counted = and_(counted, rows.array(link.condition))
        if rest:
            counted = and_(counted, rows.array(EventTest(link.target, rest, BOOLEAN)))
        return coalesce(counted, pa.scalar(False))

    def latest(self, node: LastBefore, rows: Rows) -> pa.Array:
        """For each row the key of the latest earlier row of a source with the same ids.

        Among rows of its own none at its own instant is earlier, so that a row never finds itself.
        """
        with self._making:
            index = self._latest.get(node)
            if index is None:
                from kpi_engine.kernels.events import EventIndex

                past = self.past(node.target)
                index = self._latest[node] = EventIndex([past.keys(key) for key in node.target_keys], past.times())
        within = None if node.within is None else elapsed(node.within)
        own = have_same_rows(self.world.catalog, rows.source, node.target)
        place = index.latest([rows.keys(key) for key in node.keys], rows.times(), within, strictly=own)
        (key,) = self.world.catalog.sources[node.target].key
        return self.past(node.target).array(Field(key, node.type)).take(place)


def shown_value(value: object) -> str:
    """A key as a message shows it: texts in quotes, everything else as it is written."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def _duplicate(target: str, key: str, error: DuplicateKey, world: World) -> Diagnostic:
    more = f", and {error.duplicates - 1} more keys repeat" if error.duplicates > 1 else ""
    value = shown_value(error.value)
    return Diagnostic(
        "E641",
        f"{error.rows} rows of {target} have the {key} {value}{more}: a reference must lead to one row",
        world.catalog.sources[target].span,
        f"remove the duplicates, or declare which row counts: `on_duplicate: latest(...)` on source {target}",
        exit_code=ExitCode.DATA,
    )
