"""Many small records as one: a table that grows by a day leaves a record a day, and asking should not open hundreds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from kpi_engine.execute.keeper import Keeper, KeptRecord
from kpi_engine.execute.records import Entry, Form, Header, Unit, header_text
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.stored import NewRecord
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.recut import Span
from kpi_engine.kernels.state_bytes import bytes_to_frames, frames_to_bytes
from kpi_engine.kernels.unassigned import Unassigned

MOST_RECORDS = 8
"""So many small records under a label become one when another one is to be kept."""

_SMALL = 16_000_000
"""A record of more bytes stays as it is."""

_Key = tuple[str, tuple[str, ...], Form, bool]


@dataclass(slots=True)
class _Gathered:
    """Units of several records, and by what they mean the states of each: a frame, or a set's bytes."""

    units: list[Unit] = field(default_factory=list)
    frames: dict[_Key, dict[int, tuple[Span, StateFrame]]] = field(default_factory=dict)
    sets: dict[_Key, dict[int, tuple[Span, bytes]]] = field(default_factory=dict)
    without: dict[_Key, dict[int, Mapping[int, Unassigned]]] = field(default_factory=dict)

    def take(self, header: Header, blobs: Mapping[str, bytes], wanted: Sequence[int], *, passing: bool) -> None:
        """Take in some units of a record; `passing`: also those states that rest on the as-of."""
        place = {unit: len(self.units) + number for number, unit in enumerate(wanted)}
        for entry in header.entries:
            if entry.passing and not passing:
                continue
            key = (entry.cells, entry.states, entry.form, entry.passing)
            without = {place[unit]: entry.without[unit] for unit in wanted}
            self.without.setdefault(key, {}).update(without)
            for name, units in entry.blobs:
                if entry.form == "set":
                    (unit,) = units
                    span = entry.spans[unit]
                    if unit in place and span is not None:
                        self.sets.setdefault(key, {})[place[unit]] = (span, blobs[name])
                    continue
                for unit, frame in zip(units, bytes_to_frames(blobs[name]), strict=True):
                    span = entry.spans[unit]
                    if unit in place and span is not None:
                        self.frames.setdefault(key, {})[place[unit]] = (span, frame)
        self.units += [header.units[unit] for unit in wanted]

    def entries(self, blobs: dict[str, bytes]) -> Iterator[Entry]:
        """One entry for each meaning; `blobs` are filled in."""
        for key, of_units in self.frames.items():
            name = f"{len(blobs)}"
            blobs[name] = frames_to_bytes([frame for _, frame in of_units.values()])
            yield self._entry(key, {unit: span for unit, (span, _) in of_units.items()}, ((name, tuple(of_units)),))
        for key, sets in self.sets.items():
            names = []
            for unit, (_, data) in sets.items():
                names.append((f"{len(blobs)}", (unit,)))
                blobs[names[-1][0]] = data
            yield self._entry(key, {unit: span for unit, (span, _) in sets.items()}, tuple(names))

    def _entry(self, key: _Key, spans: Mapping[int, Span], blobs: tuple[tuple[str, tuple[int, ...]], ...]) -> Entry:
        cells, states, form, passing = key
        units = range(len(self.units))
        without = tuple(self.without[key].get(unit, {}) for unit in units)
        return Entry(cells, states, form, tuple(map(spans.get, units)), blobs, without, passing)


def compacted(
    keeper: Keeper, new: NewRecord, header: Header, known: Sequence[KeptRecord]
) -> tuple[NewRecord, list[str]]:
    """A new record together with small ones that were kept before, if these are many, and the names of those.

    `known` are the records under the same label that are still of use, newest first.
    """
    alike = [
        record
        for record in known
        if sum(record.stored.sizes.values()) <= _SMALL
        and (record.header.columns, record.header.counts_times) == (header.columns, header.counts_times)
    ]
    if len(alike) < MOST_RECORDS:
        return new, []
    gathered = _Gathered()
    gathered.take(header, new.blobs, range(len(header.units)), passing=True)
    taken, seen = [], {unit.fragments for unit in header.units}
    for record in alike:
        blobs = {name: keeper.store.read(record.stored, name) for name in record.stored.sizes}
        whole = {name: data for name, data in blobs.items() if data is not None}
        if len(whole) < len(blobs):
            continue
        wanted = [number for number, unit in enumerate(record.header.units) if unit.fragments not in seen]
        seen.update(record.header.units[number].fragments for number in wanted)
        gathered.take(record.header, whole, wanted, passing=False)
        taken.append(record.stored.name)
    made: dict[str, bytes] = {}
    entries = tuple(gathered.entries(made))
    both = Header(header.columns, header.counts_times, tuple(gathered.units), entries)
    return NewRecord(new.label, header_text(both), made), taken
