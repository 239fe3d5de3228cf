"""What a conversion of arrays is asked, and what it gives; `casts` converts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Type
from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.vectors import Ints

_NONE_FAILING: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class Parsed:
    """What was read: null where the text is null or failed; `failing` holds the failing rows, ascending."""

    values: pa.Array
    failing: Ints


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How texts write numbers: the decimal mark, and the mark between thousands (empty: none)."""

    decimal: str = "."
    thousands: str = ""


PLAIN = NumberStyle()


class NoConversion(KernelError):
    """Types between which no value can be converted; `help` says what to write instead."""

    def __init__(self, stored: pa.DataType, wanted: Type, help: str = "") -> None:
        super().__init__(f"{stored} cannot be read as {wanted}")
        self.stored = stored
        self.wanted = wanted
        self.help = help


@dataclass(frozen=True, slots=True)
class Style:
    """How texts write values, and the zone in which local times are read.

    `format` is that of dates or timestamps; `counts` the part of time (`minute`) that numbers stand for in a column of
    durations.
    """

    timezone: str = "UTC"
    format: str | None = None
    numbers: NumberStyle = PLAIN
    counts: str | None = None


ISO = Style()


def is_text(type: pa.DataType) -> bool:
    """Whether an array holds texts, as such or as a dictionary."""
    return bool(pa.types.is_string(type) or pa.types.is_dictionary(type))


def all_read(values: pa.Array) -> Parsed:
    """Values none of which failed."""
    return Parsed(values, _NONE_FAILING)
