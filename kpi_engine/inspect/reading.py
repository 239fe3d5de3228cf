"""One pass over a source for everything that wants to look at its rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Protocol

import pyarrow as pa

from kpi_engine import pipeline
from kpi_engine.connect.reader import CatalogReader
from kpi_engine.execute import Rows, World, make_world
from kpi_engine.extend.rows import FailedValues, Fragment, ReadReport
from kpi_engine.inspect.grain_checks import lenient_calendar
from kpi_engine.inspect.row_expressions import has_plain_rows, is_plain
from kpi_engine.ir.catalog import Catalog, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.expression import Expression, Field
from kpi_engine.kernels.states import true_rows
from kpi_engine.kernels.tallies import row_numbers
from kpi_engine.plan import Needs, gather, gather_source


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a source: all that were read, and those that pass its `where:`, each with the rows' numbers."""

    read: Rows
    rows: Rows
    read_numbers: pa.Array
    numbers: pa.Array


class Watch(Protocol):
    """Something that looks at all rows of a source, and then says what it found."""

    @property
    def expressions(self) -> Sequence[Expression]:
        """What it computes on the rows."""

    def add(self, batch: Batch) -> None:
        """Look at a batch."""


@dataclass(slots=True)
class Places:
    """Where rows stand: the fragments of a source, and the number of the first row of each."""

    fragments: list[Fragment] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def place(self, number: int) -> str:
        """`orders.csv:17` for a row's number."""
        which = bisect_right(self.starts, number) - 1
        return self.fragments[which].place(number - self.starts[which])

    def places(self, numbers: Sequence[int]) -> str:
        """Several places as a list of words."""
        return "; ".join(self.place(number) for number in numbers)


@dataclass(slots=True)
class Reading:
    """What one pass left: the watches that saw every row, failing values by column, and what could not be read."""

    source: Source
    watches: list[Watch]
    places: Places = field(default_factory=Places)
    rows: int = 0
    failures: dict[str, FailedValues] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    skipped: bool = False
    """No row was looked at: the columns that every reading needs cannot be read."""


def lenient_world(loaded: pipeline.Loaded, watches: Mapping[str, Sequence[Watch]]) -> World:
    """A world in which values that do not fit are null, with the inputs that the watches look at."""
    catalog = loaded.catalog
    sources = {name: replace(source, on_error="null") for name, source in catalog.sources.items()}
    lenient = replace(catalog, sources=sources)
    calendar = lenient_calendar(loaded)
    reader = CatalogReader(loaded.connectors, loaded.bound, calendar.timezone)
    needs = Needs()
    for name, each in watches.items():
        if catalog.sources[name].derived is not None or catalog.sources[name].where is not None:
            gather_source(lenient, name, None, needs)
        for watch in each:
            for expression in watch.expressions:
                gather(lenient, name, expression, needs)
    return make_world(lenient, loaded.functions, calendar, reader, needs.preparations())


def can_watch(catalog: Catalog, source: str, watch: Watch) -> bool:
    """Whether what a watch computes takes nothing but rows."""
    return all(is_plain(catalog, source, each) for each in watch.expressions)


def can_read(loaded: pipeline.Loaded, name: str) -> bool:
    """Whether the rows of a source are within reach, and take no plans of their own."""
    source = loaded.catalog.sources[name]
    base = source.derived.base if source.derived is not None else None
    within_reach = loaded.schemas.get(name) is not None if base is None else can_read(loaded, base)
    return within_reach and has_plain_rows(loaded.catalog, name)


def read_source(name: str, watches: Sequence[Watch], world: World) -> Reading:
    """Show every row of a source to its watches, in one pass.

    Columns that cannot be read at all are left out with what looks at them, and are reported; then the rest is read.
    """
    source = world.catalog.sources[name]
    try:
        return _one_pass(source, watches, world)
    except KpiError as error:
        wanted = _wanted(source, watches, world)
        unreadable = _unreadable_columns(source, world, wanted)
        if not unreadable:
            return Reading(source, [], problems=list(error.diagnostics), skipped=True)
    problems = _once(problem for found in unreadable.values() for problem in found)
    left = [watch for watch in watches if not _columns(source, watch.expressions, world) & unreadable.keys()]
    if unreadable.keys() >= wanted or unreadable.keys() & _columns(source, (), world):
        return Reading(source, [], problems=problems, skipped=True)
    try:
        reading = _one_pass(source, left, world, frozenset(unreadable))
    except KpiError as error:
        return Reading(source, [], problems=[*problems, *error.diagnostics], skipped=True)
    reading.problems[:0] = problems
    return reading


def _once(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Problems without repetition: what is wrong with a row is found anew with each of its columns."""
    return list({(each.code, each.location, each.message): each for each in problems}.values())


def declared_columns(source: Source) -> list[str]:
    """The stored columns whose type is declared: each of their values has to fit. Those of a base are read there."""
    if source.derived is not None:
        return []
    return [each.name for each in source.columns.values() if each.declared and each.computed is None]


def _columns(source: Source, expressions: Sequence[Expression], world: World) -> frozenset[str]:
    needs = Needs()
    gather_source(world.catalog, source.name, None, needs)
    for expression in expressions:
        gather(world.catalog, source.name, expression, needs)
    return frozenset(needs.columns.get(source.name, ()))


def _wanted(source: Source, watches: Sequence[Watch], world: World) -> frozenset[str]:
    """The stored columns that watches take, and those whose values have to fit a declared type."""
    taken = _columns(source, [each for watch in watches for each in watch.expressions], world)
    return taken | frozenset(declared_columns(source))


def _one_pass(source: Source, watches: Sequence[Watch], world: World, without: frozenset[str] = frozenset()) -> Reading:
    reading = Reading(source, list(watches))
    columns = sorted(_wanted(source, watches, world) - without)
    for batch in _batches(source, columns, world, reading):
        for watch in list(reading.watches):
            try:
                watch.add(batch)
            except KpiError as error:
                # What one expression cannot compute hides nothing else.
                reading.problems += error.diagnostics
                reading.watches.remove(watch)
    return reading


def _batches(source: Source, columns: Sequence[str], world: World, reading: Reading) -> Iterator[Batch]:
    opened = world.reader.open(source, columns)
    report = ReadReport(failures=reading.failures)
    for fragment in opened.fragments():
        reading.places.fragments.append(fragment)
        reading.places.starts.append(reading.rows)
        for batch in fragment.batches(report):
            numbers = row_numbers(reading.rows, batch.num_rows)
            reading.rows += batch.num_rows
            read = Rows(source.name, dict(zip(columns, batch.columns, strict=True)), batch.num_rows, world)
            yield _own(source, read, numbers)


def _own(source: Source, read: Rows, numbers: pa.Array) -> Batch:
    """A batch with the rows that pass the source's `where:`. Rows without a lifetime stay: they are looked for."""
    if source.where is None or read.length == 0:
        return Batch(read, read, numbers, numbers)
    mask = pa.array(true_rows(read.array(source.where)))
    kept = numbers.filter(mask)
    return Batch(read, read.filtered(mask, len(kept)), numbers, kept)


def _unreadable_columns(source: Source, world: World, wanted: frozenset[str]) -> dict[str, list[Diagnostic]]:
    """The columns that fail when they are read alone, each with why."""
    found: dict[str, list[Diagnostic]] = {}
    for name in sorted(wanted):
        try:
            for fragment in world.reader.open(source, [name]).fragments():
                for _ in fragment.batches(ReadReport()):
                    pass
        except KpiError as error:
            # What a table of a pack lacks is told by the check of the definitions.
            found[name] = [] if name in source.missing else list(error.diagnostics)
    return found


def column_field(source: Source, name: str) -> Field:
    """A column of a source's own rows as an expression."""
    return Field(name, source.columns[name].type)
