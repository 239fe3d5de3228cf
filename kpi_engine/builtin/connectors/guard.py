"""What the system and Arrow say of a bad file, as an error of ours that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from kpi_engine.extend.rows import data_error

_LONGEST_REASON = 200


@contextmanager
def reading(place: str, what: str) -> Iterator[None]:
    """Turns failures inside the block into KpiError E605: `place` cannot be read as `what`.

    >>> with reading("a.parquet", "Parquet"):
    ...     raise OSError("no footer")
    Traceback (most recent call last):
    kpi_engine.ir.diagnostic.KpiError: a.parquet: E605: this cannot be read as Parquet: no footer
    """
    try:
        yield
    except PermissionError as error:
        help = "give the user that runs this the right to read it"
        raise data_error("E605", place, "this may not be read", help) from error
    except (pa.ArrowException, OSError, ValueError, MemoryError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        shortened = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ..."
        help = "the file may be damaged, cut short or of another format; write or copy it again"
        raise data_error("E605", place, f"this cannot be read as {what}: {shortened}", help) from error
