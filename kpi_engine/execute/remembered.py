"""What a process has read from the state store, so that the next question of it does not read and decode it again.

Records never change and their names are never used twice, so that nothing here can be out of date.
"""

from __future__ import annotations

from dataclasses import field
from threading import Lock

from kpi_engine.execute.memory import memory_for_states
from kpi_engine.execute.records import Header, parsed_header
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.stored import StoredRecord
from kpi_engine.kernels.frames import frame_bytes
from kpi_engine.kernels.state_bytes import Frames

_SHARE = 4
"""Of the memory that states may take this part may be taken by what is at rest."""

_MOST_HEADERS = 1000


@dataclass(slots=True)
class Remembered:
    """Frames by record and blob, and the headers of records; what was not asked for longest goes first."""

    _frames: dict[tuple[str, str], Frames] = field(default_factory=dict)
    _headers: dict[str, Header | None] = field(default_factory=dict)
    _size: int = 0
    _guard: Lock = field(default_factory=Lock)

    def header(self, record: StoredRecord) -> Header | None:
        """The header of a record; None if it has none of today's form."""
        with self._guard:
            if record.name not in self._headers:
                if len(self._headers) >= _MOST_HEADERS:
                    self._headers.clear()
                self._headers[record.name] = parsed_header(record.header)
            return self._headers[record.name]

    def find(self, record: str, blob: str) -> Frames | None:
        """The frames of a blob, if they are here."""
        with self._guard:
            found = self._frames.pop((record, blob), None)
            if found is not None:
                self._frames[record, blob] = found  # the newest is the last
            return found

    def keep(self, record: str, blob: str, frames: Frames) -> None:
        """Take in the frames of a blob."""
        most = memory_for_states() // _SHARE
        with self._guard:
            if (record, blob) in self._frames:
                return
            self._frames[record, blob] = frames
            self._size += frame_bytes(frames.whole)
            while self._size > most:
                oldest = next(iter(self._frames))
                self._size -= frame_bytes(self._frames.pop(oldest).whole)
