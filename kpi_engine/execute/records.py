"""The header of a kept record: which units of a source's rows it has states of, which states, and where they lie.

A unit is some neighbouring fragments whose states were made together; it is taken whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.recut import Extent, Span
from kpi_engine.kernels.unassigned import Unassigned

_FORM = 2
Form = Literal["plain", "set", "cells"]
"""A frame without sets, that of one set, and the cells of a set with how many values each has."""

_COUNTS = ("excluded_rows", "lifeless_rows", "early_rows", "late_rows", "failed_casts", "nan_values")


@dataclass(frozen=True, slots=True)
class Unit:
    """Fragments, by fingerprint; what was counted while reading them; the extent of the source's times in them, and the
    watermark past which late rows were counted."""

    fragments: tuple[str, ...]
    counts: Mapping[str, int]
    failed_in: tuple[str, ...]
    times: Extent | None
    mark: Bound | None = None

    @property
    def is_clean(self) -> bool:
        """Whether no value became null, in whichever columns were read."""
        return not (self.count("failed_casts") or self.count("nan_values"))

    def count(self, name: str) -> int:
        """One of the counts."""
        return int(self.counts.get(name, 0))

    def late_rows(self, mark: Bound | None) -> int | None:
        """How many rows lie past a watermark; None where only the rows can tell."""
        if mark is None or self.times is None or self.times.last < (mark.day if self.times.by_day else mark.us):
            return 0
        return self.count("late_rows") if mark == self.mark else None

    @classmethod
    def of(cls, fragments: Sequence[str], read: SourceStats, times: Extent | None, mark: Bound | None) -> Unit:
        """The unit of fragments that were just read."""
        counts = {name: getattr(read, name) for name in _COUNTS if getattr(read, name)}
        return cls(tuple(fragments), counts, tuple(read.failed_in), times, mark)


@dataclass(frozen=True, slots=True)
class Entry:
    """States of units: what their cells and they mean, by unit the span (None: it is not among them), and for each blob
    the units whose frames it holds, in their order.

    `without` are by unit and key the rows that have a null there, of keys with such rows.
    """

    cells: str
    states: tuple[str, ...]
    form: Form
    spans: tuple[Span | None, ...]
    blobs: tuple[tuple[str, tuple[int, ...]], ...]
    without: tuple[Mapping[int, Unassigned], ...]
    passing: bool = False
    """Whether the states rest on the as-of, so that they are of no use when it has moved on."""

    def place(self, unit: int) -> tuple[str, int] | None:
        """The blob of a unit, and the number of its frame there."""
        for name, units in self.blobs:
            if unit in units:
                return name, units.index(unit)
        return None


@dataclass(frozen=True, slots=True)
class Header:
    """What a record holds. `columns` are those that were read, `counts_times` whether rows without a time, or with one
    that lies too early, were counted."""

    columns: tuple[str, ...]
    counts_times: bool
    units: tuple[Unit, ...]
    entries: tuple[Entry, ...]


def header_text(header: Header) -> str:
    """A header as text."""
    units = [
        [each.fragments, each.counts, each.failed_in, _extent(each.times), each.mark and (each.mark.us, each.mark.day)]
        for each in header.units
    ]
    entries = [
        [
            each.cells,
            each.states,
            each.form,
            [span and _span(span) for span in each.spans],
            each.blobs,
            [[(key, found.buckets, found.by_state) for key, found in of_unit.items()] for of_unit in each.without],
            each.passing,
        ]
        for each in header.entries
    ]
    return json.dumps([_FORM, header.columns, header.counts_times, units, entries], separators=(",", ":"))


def _span(span: Span) -> list[Any]:
    return [[(edge.us, edge.day) for edge in span.edges], _extent(span.begins), _extent(span.ends)]


def _extent(extent: Extent | None) -> list[int] | None:
    return None if extent is None else [extent.first, extent.last, int(extent.by_day)]


def parsed_header(text: str) -> Header | None:
    """The header that a text spells; None if it is none of this form."""
    try:
        form, columns, counts_times, units, entries = json.loads(text)
        if form != _FORM:
            return None
        return Header(
            tuple(columns),
            bool(counts_times),
            tuple(_unit(*each) for each in units),
            tuple(_entry(*each) for each in entries),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _unit(fragments: Any, counts: Any, failed_in: Any, times: Any, mark: Any) -> Unit:
    watermark = None if mark is None else Bound(*mark)
    return Unit(tuple(fragments), dict(counts), tuple(failed_in), _read_extent(times), watermark)


def _entry(cells: str, states: Any, form: Form, spans: Any, blobs: Any, without: Any, passing: bool) -> Entry:
    read = tuple(None if each is None else _read_span(*each) for each in spans)
    of_units = tuple({int(key): _unassigned(*found) for key, *found in of_unit} for of_unit in without)
    names = tuple((name, tuple(units)) for name, units in blobs)
    return Entry(cells, tuple(states), form, read, names, of_units, passing)


def _unassigned(buckets: Any, by_state: Any) -> Unassigned:
    return Unassigned(tuple(buckets), tuple(map(tuple, by_state)))


def _read_span(edges: Any, begins: Any, ends: Any) -> Span:
    return Span(tuple(Bound(us, day) for us, day in edges), _read_extent(begins), _read_extent(ends))


def _read_extent(found: Any) -> Extent | None:
    if found is None:
        return None
    first, last, by_day = found
    return Extent(first, last, bool(by_day))
