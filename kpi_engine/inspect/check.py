"""`kpi check --data`: every source read once, everything odd about its rows said."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import field

import pyarrow as pa

from kpi_engine import pipeline
from kpi_engine.inspect.condition_checks import ConditionWatch
from kpi_engine.inspect.gap_checks import gap_watches
from kpi_engine.inspect.grain_checks import grain_findings
from kpi_engine.inspect.key_checks import KeyWatch, VersionWatch
from kpi_engine.inspect.literal_checks import LiteralWatch, literal_watches
from kpi_engine.inspect.reading import Reading, Watch, can_read, can_watch, lenient_world, read_source
from kpi_engine.inspect.reference_checks import ReferenceWatch
from kpi_engine.inspect.time_checks import DayWatch
from kpi_engine.inspect.unit_checks import unit_watches
from kpi_engine.inspect.wording import finding, of_column, of_source, share
from kpi_engine.ir.catalog import Catalog, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.types import Kind
from kpi_engine.kernels.calendar import Calendar

_TIMES = (Kind.DATE, Kind.TIMESTAMP)


@dataclass(slots=True)
class SourceWatches:
    """All that looks at the rows of one source."""

    keys: dict[tuple[str, ...], KeyWatch] = field(default_factory=dict)
    versions: list[VersionWatch] = field(default_factory=list)
    references: list[ReferenceWatch] = field(default_factory=list)
    literals: list[LiteralWatch] = field(default_factory=list)
    days: list[DayWatch] = field(default_factory=list)
    conditions: list[ConditionWatch] = field(default_factory=list)

    @property
    def all(self) -> list[Watch]:
        """Every watch."""
        return [
            *self.keys.values(),
            *self.versions,
            *self.references,
            *self.literals,
            *self.days,
            *self.conditions,
        ]


def check_data(
    loaded: pipeline.Loaded, default_as_of: str = "data", today: datetime.date | None = None
) -> tuple[Diagnostic, ...]:
    """What is odd about the data of a project without errors in its definitions.

    Each source is read once. `default_as_of` is the project's (`now`, `data` or a date); `today` is what counts as
    the present (default: the current local day). Memory follows the keys and the different ids, days and texts of a
    source, not its rows.
    """
    catalog = loaded.catalog
    calendar = pipeline.calendar_of(catalog.calendar)
    present = today or datetime.datetime.now(calendar.zone).date()
    readable = [name for name in catalog.sources if can_read(loaded, name)]
    watched = {name: watches for name, watches in _watches(catalog, calendar).items() if name in readable}
    world = lenient_world(loaded, {name: watches.all for name, watches in watched.items()})
    readings = {name: read_source(name, watched[name].all, world) for name in readable}
    as_of = _as_of(default_as_of, watched, readings, present)
    found: list[Diagnostic] = [*grain_findings(loaded), *_not_looked_at(loaded, readable)]
    for name in readable:
        found += _failing_values(catalog.sources[name], readings[name])
        found += _findings(name, watched, readings, as_of, present)
    return tuple(dict.fromkeys(found))


def _watches(catalog: Catalog, calendar: Calendar) -> dict[str, SourceWatches]:
    """What to look at in each source, as far as it takes nothing but rows."""
    watched = {name: SourceWatches() for name in catalog.sources}
    for name, source in catalog.sources.items():
        watches = watched[name]
        _add_keys(catalog, source, watched)
        if source.derived is None:
            watches.days += [
                DayWatch(source, column.name, calendar)
                for column in source.columns.values()
                if column.type.kind in _TIMES and (column.computed is None or column.name == source.time)
            ]
            watches.conditions += unit_watches(catalog, source)
    for literals in literal_watches(catalog):
        watched[literals.source].literals.append(literals)
    for name, condition in gap_watches(catalog):
        watched[name].conditions.append(condition)
    for name, watches in watched.items():
        watches.literals = [each for each in watches.literals if can_watch(catalog, name, each)]
        watches.days = [each for each in watches.days if can_watch(catalog, name, each)]
        watches.conditions = [each for each in watches.conditions if can_watch(catalog, name, each)]
        watches.references = [each for each in watches.references if can_watch(catalog, name, each)]
        watches.keys = {key: each for key, each in watches.keys.items() if can_watch(catalog, name, each)}
    return watched


def _add_keys(catalog: Catalog, source: Source, watched: Mapping[str, SourceWatches]) -> None:
    """The key of a source, what its references look for in others, and its versions."""
    watches = watched[source.name]
    if source.key:
        watches.keys.setdefault(source.key, KeyWatch(source, source.key, looked_up=False))
    if source.versions is not None and source.key:
        watches.versions.append(VersionWatch(source, source.key[0], source.versions))
    for column in source.columns.values():
        reference = column.reference
        if reference is None or source.derived is not None:
            continue
        watches.references.append(ReferenceWatch(source, column.name, reference))
        if not reference.to_entity and reference.target in watched:
            key = (reference.target_column,)
            target = catalog.sources[reference.target]
            watched[reference.target].keys[key] = KeyWatch(target, key, looked_up=True)


def _as_of(
    default: str,
    watched: Mapping[str, SourceWatches],
    readings: Mapping[str, Reading],
    today: datetime.date,
) -> datetime.date:
    """The first day that does not count any more: after today, after the last day of the data, or as written."""
    tomorrow = today + datetime.timedelta(1)
    if default not in ("now", "data"):
        return datetime.date.fromisoformat(default[:10])
    if default == "now":
        return today
    epoch = datetime.date(1970, 1, 1)
    days = [
        day
        for name, watches in watched.items()
        for watch in watches.days
        if watch.is_time and watch in readings[name].watches
        for day in watch.tally().values.to_pylist()
        if day <= (today - epoch).days
    ]
    return epoch + datetime.timedelta(max(days) + 1) if days else tomorrow


def _not_looked_at(loaded: pipeline.Loaded, readable: list[str]) -> Iterator[Diagnostic]:
    for name, source in loaded.catalog.sources.items():
        if name not in readable and not source.unmapped:
            reach = loaded.schemas.get(name) is None and source.derived is None
            why = "its table is out of reach" if reach else "which rows it has depends on child rows or events"
            message = f"the rows of {name} were not looked at: {why}"
            yield finding("N678", message, of_source(source), "")


def _findings(
    name: str,
    watched: Mapping[str, SourceWatches],
    readings: Mapping[str, Reading],
    as_of: datetime.date,
    today: datetime.date,
) -> Iterator[Diagnostic]:
    """What the watches of one source found, in the order in which one would look."""
    reading, watches = readings[name], watched[name]
    yield from reading.problems
    if reading.skipped:
        return
    if reading.rows == 0:
        yield finding("W669", f"{name} has no rows", of_source(reading.source), "is this the right table?")
        return
    done = reading.watches
    for key in watches.keys.values():
        if key in done:
            yield from key.findings(reading.places)
    for versions in watches.versions:
        if versions in done:
            yield from versions.findings(reading.places)
    for reference in watches.references:
        if reference in done:
            yield from reference.findings(_known(reference, watched, readings), reading.places)
    for days in watches.days:
        if days in done:
            yield from days.findings(as_of, today, reading.places)
    for literals in watches.literals:
        if literals in done:
            yield from literals.findings()
    for condition in watches.conditions:
        if condition in done:
            yield from condition.findings(reading.places)


def _known(
    reference: ReferenceWatch, watched: Mapping[str, SourceWatches], readings: Mapping[str, Reading]
) -> pa.Array | None:
    """The keys of a reference's target, if they were read."""
    target = reference.reference.target
    if reference.reference.to_entity or target not in readings:
        return None
    key = watched[target].keys.get((reference.reference.target_column,))
    return None if key is None or key not in readings[target].watches else key.keys()


def _failing_values(source: Source, reading: Reading) -> Iterator[Diagnostic]:
    """Columns with values that do not fit: an error where an answer would stop, else a warning."""
    stops = source.on_error == "stop"
    for name, failed in reading.failures.items():
        verb = "does" if failed.count == 1 else "do"
        column = source.columns[name]
        message = (
            f"{share(failed.count, reading.rows, 'value')} of `{column.physical or name}` {verb} not fit its type, "
            f"{column.type}"
        )
        if not stops:
            message += ", and are read as null" if failed.count > 1 else ", and is read as null"
        notes = [f"{each.location}: {each.message}" for each in failed.examples]
        help = failed.examples[0].help if failed.examples else ""
        yield finding("E608" if stops else "W608", message, of_column(source, name), help, notes)
