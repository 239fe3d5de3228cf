"""Arrow columns from NumPy numbers: fixed-width ids, money, instants, words.

Everything is built from whole buffers, because two years of a shop are a million rows and `kpi demo` is the
first thing that a new user waits for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
# An odd factor below 2**48: multiplying by it modulo 2**48 gives every number another one.
_SCATTER = 0x9E3779B97F4B


def numbered(prefix: str, numbers: Ints, width: int, null: Mask | None = None) -> pa.Array:
    """Ids of one width: the prefix, then each number with leading zeros; null where `null` is true.

    >>> numbered("P", np.array([7, 300]), 3).to_pylist()
    ['P007', 'P300']
    """
    return _fixed_width(prefix, numbers, width, 10, null)


def scattered(numbers: Ints) -> pa.Array:
    """Ids that look random, 12 hexadecimal digits, a different one for each number below 2**48.

    >>> scattered(np.array([1, 2])).to_pylist()
    ['9e3779b97f4b', '3c6ef372fe96']
    """
    mixed = (numbers.astype(np.uint64) * np.uint64(_SCATTER)) & np.uint64(2**48 - 1)
    return _fixed_width("", mixed.astype(np.int64), 12, 16, None)


def integers(values: Ints, null: Mask) -> pa.Array:
    """Whole numbers; null where `null` is true."""
    return pa.array(values, pa.int64(), mask=null)


def booleans(values: Mask, null: Mask) -> pa.Array:
    """Yes or no; null where `null` is true."""
    return pa.array(values, pa.bool_(), mask=null)


def _fixed_width(prefix: str, numbers: Ints, width: int, base: int, null: Mask | None) -> pa.Array:
    """Texts of one width, written digit by digit into one buffer."""
    head = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    size = len(head) + width
    text = np.empty((len(numbers), size), dtype=np.uint8)
    text[:, : len(head)] = head
    rest = numbers
    for position in range(size - 1, len(head) - 1, -1):
        rest, digit = np.divmod(rest, base)
        text[:, position] = _DIGITS[digit]
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(size)
    buffers = [_validity(null), pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(numbers), buffers)


def words(names: Sequence[str], codes: npt.NDArray[np.integer]) -> pa.Array:
    """The name of each code; null where the code is negative.

    >>> words(["phone", "desktop"], np.array([1, -1, 0])).to_pylist()
    ['desktop', None, 'phone']
    """
    return pa.array(names, pa.string()).take(pa.array(codes, pa.int32(), mask=codes < 0))


def money(cents: Ints) -> pa.Array:
    """Amounts as decimal128(12, 2) from whole cents.

    >>> money(np.array([1999, -5])).to_pylist()
    [Decimal('19.99'), Decimal('-0.05')]
    """
    return decimals(cents, 12, 2)


def decimals(units: Ints, precision: int, scale: int, null: Mask | None = None) -> pa.Array:
    """Decimals from whole units of the last digit; null where `null` is true.

    >>> decimals(np.array([45, 5]), 2, 1, np.array([False, True])).to_pylist()
    [Decimal('4.5'), None]
    """
    # A decimal128 is two 64-bit words, the low one first; the high one only repeats the sign.
    limbs = np.stack([units, units >> 63], axis=1)
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(units), [_validity(null), pa.py_buffer(limbs)])


def instants(microseconds: Ints, null: Mask | None = None) -> pa.Array:
    """Instants as timestamp[us, UTC] from microseconds since 1970; null where `null` is true."""
    return pa.array(microseconds, pa.timestamp("us", "UTC"), mask=null)


def days(numbers: Ints) -> pa.Array:
    """Dates as date32 from days since 1970."""
    return pa.array(numbers.astype(np.int32), pa.int32()).view(pa.date32())


def seconds(numbers: Ints) -> pa.Array:
    """Durations as duration[us] from whole seconds."""
    return pa.array(numbers * 1_000_000, pa.duration("us"))


def _validity(null: Mask | None) -> pa.Buffer | None:
    """The bitmap of the rows that are not null."""
    return None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
