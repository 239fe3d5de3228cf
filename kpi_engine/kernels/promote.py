"""One common type for several operands, and the exact conversions that reach it.

The order is int64 -> decimal -> float64; a step to float64 rounds once, to the nearest. A null array takes
any type. Dictionaries of text become plain text. Everything else must already be of one type.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.rounding import divide_pairs, pair_of_floats, pair_of_words, scale_pair, settle, small_quotient
from kpi_engine.kernels.vectors import (
    INT64_MAX,
    MAX_DIGITS_128,
    MAX_DIGITS_256,
    build,
    decimal_type,
    from_floats,
    from_int64,
    int64_view,
    is_exact,
    largest,
    magnitude,
    narrow,
    python_ints,
    retype,
    scale_of,
    validity,
    words_view,
)

_INT64_DIGITS = 18  # 10**18 is the last power of ten in int64


def align(operation: str, arrays: Sequence[pa.Array]) -> list[pa.Array]:
    """The arrays converted to one type; TypeMismatch names `operation` where there is none.

    Decimals come out with the greatest scale among them.

    >>> from decimal import Decimal
    >>> [str(one.type) for one in align("=", [pa.array([1]), pa.array([Decimal("1.5")])])]
    ['decimal128(38, 1)', 'decimal128(38, 1)']
    """
    types = [array.type for array in arrays]
    if all(one == types[0] for one in types) and not pa.types.is_dictionary(types[0]):
        return list(arrays)
    plain = [decode(array) for array in arrays]
    known = [array.type for array in plain if not pa.types.is_null(array.type)]
    if not known:
        return plain
    if all(one == known[0] for one in known):
        return [nulls_as(array, known[0]) for array in plain]
    if not all(is_number(one) for one in known):
        raise TypeMismatch(operation, *types)
    if any(pa.types.is_float64(one) for one in known):
        return [to_float(array) for array in plain]
    scale = reduce(max, (scale_of(one) for one in known))
    scaled = [nulls_as(rescale(array, scale, operation), decimal_type(0, scale)) for array in plain]
    if any(pa.types.is_decimal256(array.type) for array in scaled):
        return [widen(array) for array in scaled]
    return scaled


def is_number(type: pa.DataType) -> bool:
    """Whether `type` is one of the engine's number types."""
    return is_exact(type) or bool(pa.types.is_float64(type))


def decode(array: pa.Array) -> pa.Array:
    """A dictionary array as plain values; any other array as it is."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def nulls_as(array: pa.Array, type: pa.DataType) -> pa.Array:
    """A null-typed array as nulls of `type`; any other array as it is."""
    return pa.nulls(len(array), type) if pa.types.is_null(array.type) else array


def to_decimal_form(array: pa.Array) -> pa.Array:
    """An exact array as a decimal of the engine's precision (38 or 76), its scale kept."""
    scale = scale_of(array.type)
    if pa.types.is_int64(array.type):
        return from_int64(int64_view(array), validity(array), 0)
    if pa.types.is_decimal256(array.type) or scale > MAX_DIGITS_128:
        return widen(array)
    return retype(array, pa.decimal128(MAX_DIGITS_128, scale))


def rescale(array: pa.Array, scale: int, operation: str = "a change of scale") -> pa.Array:
    """An exact array as a decimal of a scale not below its own; null-typed arrays stay as they are.

    >>> rescale(pa.array([3]), 2).to_pylist()
    [Decimal('3.00')]
    """
    if pa.types.is_null(array.type):
        return array
    step = scale - scale_of(array.type)
    if step == 0:
        return to_decimal_form(array)
    values = narrow(array) if step <= _INT64_DIGITS and scale <= MAX_DIGITS_128 else None
    if values is not None and largest(values) * 10**step <= INT64_MAX:
        return from_int64(values * np.int64(10**step), validity(array), scale)
    kind = decimal_type(magnitude(array) * 10**step, scale, operation)
    wide = widen(array).cast(pa.decimal256(MAX_DIGITS_256, scale))
    return shrink(wide) if pa.types.is_decimal128(kind) else wide


def shrink(array: pa.Array) -> pa.Array:
    """A decimal256 array, all of whose values have at most 38 digits, as decimal128."""
    words = np.ascontiguousarray(words_view(array)[:, :2])
    return build(pa.decimal128(MAX_DIGITS_128, scale_of(array.type)), words, validity(array))


def widen(array: pa.Array) -> pa.Array:
    """An exact array as decimal256 with its scale."""
    if pa.types.is_decimal256(array.type):
        return retype(array, pa.decimal256(MAX_DIGITS_256, scale_of(array.type)))
    words = words_view(array)
    wide = np.empty((len(array), 4), np.int64)
    wide[:, : words.shape[1]] = words
    wide[:, words.shape[1] :] = (words[:, -1] >> 63)[:, None]
    return build(pa.decimal256(MAX_DIGITS_256, scale_of(array.type)), wide, validity(array))


def to_float(array: pa.Array) -> pa.Array:
    """Any number array as float64, each value the nearest one (Arrow's own cast of decimals is not).

    >>> from decimal import Decimal
    >>> to_float(pa.array([Decimal("0.1")], pa.decimal128(38, 20)))[0].as_py()
    0.1
    """
    if pa.types.is_float64(array.type):
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.float64())
    valid, scale = validity(array), scale_of(array.type)
    values = narrow(array)
    if scale == 0 and values is not None:
        return build(pa.float64(), values.astype(np.float64), valid)
    if values is not None and scale <= 15:
        quick = small_quotient(values, np.array([10**scale]))
        if quick is not None:
            return from_floats(quick, valid)

    def exactly(row: int) -> Fraction | None:
        value = python_ints(array.slice(row, 1))[0]
        return None if value is None else Fraction(value, 10**scale)

    power = scale_pair(pair_of_floats(np.ones(len(array))), scale)
    rounded, certain = divide_pairs(pair_of_words(words_view(array)), power)
    return from_floats(settle(rounded, certain, exactly), valid)
