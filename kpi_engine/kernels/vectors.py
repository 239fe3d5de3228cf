"""Arrow buffers seen as NumPy vectors, and NumPy vectors made Arrow arrays, without copies where possible.

Exact numbers (int64, decimal128, decimal256) are treated as one thing: a scaled integer in one, two or
four little-endian 64-bit words, and a scale, the number of decimal places (0 for int64).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kpi_engine.kernels.errors import NumberOverflow

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_DIGITS_128 = 38
MAX_DIGITS_256 = 76
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
EXACT_FLOAT = 2**53  # float64 holds every integer up to here


def is_exact(type: pa.DataType) -> bool:
    """Whether values of `type` are exact numbers."""
    return bool(pa.types.is_int64(type) or pa.types.is_decimal128(type) or pa.types.is_decimal256(type))


def scale_of(type: pa.DataType) -> int:
    """The number of decimal places of an exact type."""
    return int(type.scale) if pa.types.is_decimal(type) else 0


def validity(array: pa.Array) -> Mask | None:
    """True where the array has a value, or None when it has one everywhere.

    >>> validity(pa.array([1, None])).tolist()
    [True, False]
    """
    if array.null_count == 0:
        return None
    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.bool_)
    return _bits(array.buffers()[0], array.offset, len(array))


def both_valid(a: Mask | None, b: Mask | None) -> Mask | None:
    """Where both of two operands have a value; None where that is everywhere."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


def booleans(array: pa.Array) -> Mask:
    """The values of a boolean array; arbitrary where it is null."""
    if len(array) == 0:
        return np.zeros(0, np.bool_)
    return _bits(array.buffers()[1], array.offset, len(array))


def _bits(buffer: pa.Buffer, offset: int, length: int) -> Mask:
    first = offset // 8
    stop = (offset + length + 7) // 8
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8)[first:stop], bitorder="little")
    start = offset - 8 * first
    return bits[start : start + length].view(np.bool_)


def int64_view(array: pa.Array) -> Ints:
    """The 64-bit words of an int64 or timestamp array, without a copy; arbitrary where it is null."""
    return _view(array, np.int64, 1)


def int32_view(array: pa.Array) -> NDArray[np.int32]:
    """The 32-bit words of a date32 or int32 array, without a copy; arbitrary where it is null."""
    if len(array) == 0:
        return np.zeros(0, np.int32)
    return np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array)]


def float64_view(array: pa.Array) -> Floats:
    """The values of a float64 array, without a copy; arbitrary where it is null."""
    return _view(array, np.int64, 1).view(np.float64)


def words_view(array: pa.Array) -> Ints:
    """The words of an exact array as (rows, 1, 2 or 4), least significant first; the top word is signed."""
    width = max(1, array.type.bit_width // 64)
    return _view(array, np.int64, width).reshape(-1, width)


def _view(array: pa.Array, dtype: type[np.int64], width: int) -> Ints:
    if len(array) == 0:
        return np.zeros(0, dtype)
    words = np.frombuffer(array.buffers()[1], dtype)
    return words[array.offset * width : (array.offset + len(array)) * width]


def narrow(array: pa.Array) -> Ints | None:
    """The scaled integers of an exact array if all fit int64, else None; 0 where the array is null.

    >>> from decimal import Decimal
    >>> narrow(pa.array([Decimal("1.50"), None], pa.decimal128(38, 2))).tolist()
    [150, 0]
    """
    words = words_view(array)
    low = words[:, 0]
    valid = validity(array)
    if words.shape[1] > 1:
        sign = low >> 63
        for column in range(1, words.shape[1]):
            wide = words[:, column] != sign
            if valid is not None:
                wide &= valid
            if wide.any():
                return None
    return low if valid is None else np.where(valid, low, 0)


def largest(values: Ints) -> int:
    """The greatest absolute value, as a Python integer; 0 for no values."""
    if len(values) == 0:
        return 0
    return max(int(values.max()), -int(values.min()))


def magnitude(array: pa.Array) -> int:
    """The greatest absolute scaled integer of an exact array; 0 when it has no value."""
    values = narrow(array)
    if values is not None:
        return largest(values)
    bounds = pc.min_max(array)
    ends = pa.array([bounds["min"].as_py(), bounds["max"].as_py()], array.type)
    return max(abs(value) for value in python_ints(ends) if value is not None)


def python_ints(array: pa.Array) -> list[int | None]:
    """The scaled integers of an exact array as Python integers.

    >>> from decimal import Decimal
    >>> python_ints(pa.array([Decimal("-1.5"), None], pa.decimal128(5, 2)))
    [-150, None]
    """
    words = words_view(array)
    result: list[int] = words[:, -1].tolist()
    for column in range(words.shape[1] - 2, -1, -1):
        lower = words[:, column].view(np.uint64).tolist()
        result = [(high << 64) | low for high, low in zip(result, lower, strict=True)]
    valid = validity(array)
    if valid is None:
        return list(result)
    return [value if there else None for value, there in zip(result, valid.tolist(), strict=True)]


def build(type: pa.DataType, values: NDArray[np.generic], valid: Mask | None) -> pa.Array:
    """A fixed-width array over `values` (whose bytes are the type's layout), null where `valid` is False."""
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    length = len(values) if valid is None else len(valid)
    return pa.Array.from_buffers(type, length, [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def row_numbers(rows: Ints) -> pa.Array:
    """Numbers of rows as Arrow takes them. (`pa.array` would import `numpy.ma` to see whether they are masked.)

    >>> pa.array(["a", "b"]).take(row_numbers(np.array([1, 1]))).to_pylist()
    ['b', 'b']
    """
    return build(pa.int64(), np.asarray(rows, np.int64), None)


def from_booleans(values: Mask, valid: Mask | None) -> pa.Array:
    """A boolean array, null where `valid` is False."""
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [bitmap, data])


def from_floats(values: Floats, valid: Mask | None) -> pa.Array:
    """A float64 array in which NaN and infinities are null, as in every result of the engine.

    >>> from_floats(np.array([1.0, np.inf]), None).to_pylist()
    [1.0, None]
    """
    finite = np.isfinite(values)
    if finite.all():
        return build(pa.float64(), values, valid)
    return build(pa.float64(), values, finite if valid is None else finite & valid)


def from_int64(values: Ints, valid: Mask | None, scale: int | None) -> pa.Array:
    """An int64 array (scale None), or a decimal of that scale, over scaled integers.

    >>> from_int64(np.array([150]), None, 2).to_pylist()
    [Decimal('1.50')]
    """
    if scale is None:
        return build(pa.int64(), values, valid)
    kind = decimal_type(INT64_MAX, scale)
    words = np.empty((len(values), kind.bit_width // 64), np.int64)
    words[:, 0] = values
    words[:, 1:] = (values >> 63)[:, None]
    return build(kind, words, valid)


def from_python_ints(values: Sequence[int | None], scale: int | None, operation: str) -> pa.Array:
    """An exact array over scaled Python integers: int64 where scale is None and all fit, else a decimal.

    Raises NumberOverflow, naming `operation`, beyond 76 digits.

    >>> from_python_ints([10**20, None], None, "sum").type
    Decimal128Type(decimal128(38, 0))
    """
    bound = max((abs(value) for value in values if value is not None), default=0)
    if scale is None and bound <= INT64_MAX:
        return exact_array(values, pa.int64())
    return exact_array(values, decimal_type(bound, scale or 0, operation))


def exact_array(values: Sequence[int | None], type: pa.DataType) -> pa.Array:
    """Scaled Python integers, all of which fit, as an array of the given exact type.

    >>> exact_array([15, None], pa.decimal128(4, 1)).to_pylist()
    [Decimal('1.5'), None]
    """
    width = type.bit_width // 8
    data = b"".join((value or 0).to_bytes(width, "little", signed=True) for value in values)
    bitmap = np.packbits(np.array([value is not None for value in values], np.bool_), bitorder="little")
    return pa.Array.from_buffers(type, len(values), [pa.py_buffer(bitmap), pa.py_buffer(data)])


def decimal_type(bound: int, scale: int, operation: str = "a calculation") -> pa.DataType:
    """The engine's decimal type for scaled integers up to `bound`: 38 digits, else 76, else NumberOverflow.

    >>> decimal_type(10**40, 2)
    Decimal256Type(decimal256(76, 2))
    """
    if bound < 10**MAX_DIGITS_128 and scale <= MAX_DIGITS_128:
        return pa.decimal128(MAX_DIGITS_128, scale)
    if bound < 10**MAX_DIGITS_256 and scale <= MAX_DIGITS_256:
        return pa.decimal256(MAX_DIGITS_256, scale)
    raise NumberOverflow(operation)


def retype(array: pa.Array, type: pa.DataType) -> pa.Array:
    """The same buffers under another type of the same width: precision and scale changed, digits kept."""
    return pa.Array.from_buffers(type, len(array), array.buffers(), offset=array.offset)
