"""How answers go out: the record of an output format, and what its writer is given."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Protocol

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.result import ResultColumn, RunStats

if TYPE_CHECKING:
    import pyarrow as pa


class Answer(Protocol):
    """What a writer presents: a table, what its columns mean (in the table's order), and how the run went."""

    @property
    def table(self) -> pa.Table:
        """`period` (if a grain was asked), dimensions, metrics."""

    @property
    def columns(self) -> Sequence[ResultColumn]:
        """One record a column."""

    @property
    def stats(self) -> RunStats:
        """Notes, watermarks, counts and times."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Where the output goes: the width in terminal cells, whether colours may be used, whether it is a terminal.

    On a terminal no data may reach it that it would obey (escape sequences).
    """

    width: int = 80
    colour: bool = False
    terminal: bool = False


Writer = Callable[[Answer, IO[bytes], Surface], None]
"""Writes the whole answer to a binary stream that it does not close."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One output format. `write` is `"module:name"` of a `Writer`, imported when first used.

    `binary` formats are never written to a terminal. `extension` (no dot) is how `--output`
    recognises the format.
    """

    name: str
    extension: str
    binary: bool
    write: str
    description: str

    def writer(self) -> Writer:
        """The writer itself."""
        module, _, attribute = self.write.partition(":")
        loaded: Writer = getattr(importlib.import_module(module), attribute)
        return loaded
