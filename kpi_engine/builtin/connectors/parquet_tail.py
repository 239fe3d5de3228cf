"""The end of a Parquet file, looked at before Arrow does."""

from __future__ import annotations

from kpi_engine.builtin.connectors.stored_file import StoredFile

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_LENGTH_AND_MAGIC = 8
_FIRST_READ = 1 << 15


def read_tail(file: StoredFile, size: int) -> bytes:
    """The footer of a file of `size` bytes with its length and magic, as a Parquet file without pages would have it.

    ValueError if the file is cut short, encrypted, no Parquet, or its footer cannot be as long as it says.
    """
    wanted = min(size, _FIRST_READ)
    tail = file.read_at(size - wanted, wanted)
    length = _footer_length(tail, size)
    if length + _LENGTH_AND_MAGIC > len(tail):
        tail = file.read_at(size - length - _LENGTH_AND_MAGIC, length + _LENGTH_AND_MAGIC)
    return _MAGIC + tail[-length - _LENGTH_AND_MAGIC :]


def footer_of(tail: bytes) -> bytes:
    """The footer alone, of what `read_tail` gave."""
    return tail[len(_MAGIC) : -_LENGTH_AND_MAGIC]


def _footer_length(tail: bytes, size: int) -> int:
    if tail.endswith(_ENCRYPTED):
        raise ValueError("it is encrypted")
    if not tail.endswith(_MAGIC) or len(tail) < _LENGTH_AND_MAGIC:
        raise ValueError("it does not end as Parquet files do")
    length = int.from_bytes(tail[-_LENGTH_AND_MAGIC : -len(_MAGIC)], "little")
    if not 0 < length <= size - _LENGTH_AND_MAGIC - len(_MAGIC):
        raise ValueError(f"its footer would be {length} bytes long, of {size} in the file")
    return length
