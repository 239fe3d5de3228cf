"""What the executor and the state store say to each other: records of bytes, which the store keeps and never reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from kpi_engine.ir.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be kept: under a `label`, a short text about it, and named blobs."""

    label: str
    header: str
    blobs: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that is kept: its name in the store, its label and header, and how many bytes each blob has."""

    name: str
    label: str
    header: str
    sizes: Mapping[str, int]


class StateStore(Protocol):
    """Keeps records on disk. What cannot be verified is not there; what cannot be written is not written. Neither is
    an error: `notes` say so in sentences for the reader, and the answer does not depend on it."""

    @property
    def notes(self) -> Sequence[str]:
        """What readers should know of trouble with the store."""

    def news(self) -> Sequence[str]:
        """The notes; those of damage, which is over, are given once."""

    def records(self, label: str) -> Sequence[StoredRecord]:
        """The records under a label whose headers are whole, oldest first."""

    def read(self, record: StoredRecord, blob: str) -> bytes | None:
        """A blob, verified; None if it is damaged or gone."""

    def used(self, records: Iterable[StoredRecord]) -> None:
        """Say that records were of use: what is used least recently goes first when space is needed."""

    def save(self, new: Sequence[NewRecord], replaced: Iterable[str] = ()) -> bool:
        """Keep new records and, in the same step, forget others by name. Whether it was done."""
