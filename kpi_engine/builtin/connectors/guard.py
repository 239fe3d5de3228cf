"""What the system and Arrow say of a bad file, as an error of ours that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from kpi_engine.extend.rows import data_error

_LONGEST_REASON = 200
_ARROW_FAILURES = (pa.ArrowException, OSError, ValueError, MemoryError, EOFError)


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
    except _ARROW_FAILURES as error:
        help = "the file may be damaged, cut short or of another format; write or copy it again"
        raise data_error("E605", place, f"this cannot be read as {what}: {_reason(error)}", help) from error


@contextmanager
def asking_store(place: str) -> Iterator[None]:
    """Turns failures inside the block into KpiError E625: the object store of `place` does not answer as it should.

    >>> with asking_store("s3://lake/orders"):
    ...     raise OSError("AWS Error ACCESS_DENIED")
    Traceback (most recent call last):
    kpi_engine.ir.diagnostic.KpiError: s3://lake/orders: E625: the object store refuses: AWS Error ACCESS_DENIED
    """
    try:
        yield
    except _ARROW_FAILURES as error:
        help = "look at `endpoint`, `region` and the keys of the connection in kpi.toml"
        raise data_error("E625", place, f"the object store refuses: {_reason(error)}", help) from error


def _reason(error: BaseException) -> str:
    """What went wrong, in one line that is not too long."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ..."
