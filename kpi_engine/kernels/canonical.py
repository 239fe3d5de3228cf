"""Any Arrow array as one of the engine's few physical types.

    int64, decimal128, decimal256, float64, bool, string, dictionary<int32, string>, date32, timestamp[us]

Every other kernel relies on this form: no NaN, no infinity, one zero, no null inside a dictionary, no
duplicate in one. Durations and times of day become int64 microseconds. Naive timestamps stay naive: only the
caller knows their zone.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.errors import NumberOverflow, UnsupportedType
from kpi_engine.kernels.vectors import (
    Ints,
    build,
    float64_view,
    from_python_ints,
    int64_view,
    python_ints,
    retype,
    validity,
)

__all__ = ["Counts", "UnsupportedType", "canonical"]

_PER_MICROSECOND = {"s": 1_000_000, "ms": 1_000, "us": 1}
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What `canonical` replaced by null."""

    nan: int = 0
    infinite: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.nan + other.nan, self.infinite + other.infinite)


def canonical(array: pa.Array) -> tuple[pa.Array, Counts]:
    """The array in physical form, and how many NaN and infinities became null.

    Takes pa.Array or pa.ChunkedArray. A null-typed array stays one (every kernel takes it). uint64 beyond
    int64 becomes decimal128(38, 0). Nanoseconds are cut to the microsecond that they lie in. A dictionary of
    texts stays one where it has no more values than rows; any other dictionary is decoded. Lists, structs,
    maps and bytes raise UnsupportedType; instants that microseconds cannot hold raise NumberOverflow.

    >>> canonical(pa.array([1.0, float("nan"), -0.0], pa.float32()))[0].to_pylist()
    [1.0, None, 0.0]
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_floating(array.type):
        return _floats(array)
    if pa.types.is_dictionary(array.type):
        return _dictionary(array)
    if isinstance(array, pa.ExtensionArray):
        return canonical(array.storage)
    if pa.types.is_run_end_encoded(array.type):
        return canonical(pc.run_end_decode(array))
    return _plain(array), Counts()


def _plain(array: pa.Array) -> pa.Array:
    type_ = array.type
    if _is_physical(type_):
        return array
    if pa.types.is_uint64(type_):
        return _unsigned(array)
    if pa.types.is_integer(type_):
        return array.cast(pa.int64())
    if pa.types.is_decimal(type_):
        return _decimal(array)
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return array.cast(pa.string())
    if pa.types.is_temporal(type_):
        return _temporal(array)
    raise UnsupportedType(type_)


def _is_physical(type_: pa.DataType) -> bool:
    if pa.types.is_decimal128(type_) or pa.types.is_decimal256(type_):
        return bool(type_.scale >= 0)
    if pa.types.is_timestamp(type_):
        return type_.unit == "us" and type_.tz in (None, "UTC")
    return type_ in (pa.int64(), pa.bool_(), pa.string(), pa.date32(), pa.null())


def _unsigned(array: pa.Array) -> pa.Array:
    words = int64_view(array)
    valid = validity(array)
    negative = words < 0  # as a signed number: beyond int64
    if valid is not None:
        negative &= valid
    if not negative.any():
        return build(pa.int64(), words, valid)
    wide = np.zeros((len(words), 2), np.int64)
    wide[:, 0] = words
    return build(pa.decimal128(38, 0), wide, valid)


def _decimal(array: pa.Array) -> pa.Array:
    scale = array.type.scale
    if array.type.bit_width < 128:
        array = array.cast(pa.decimal128(max(array.type.precision, 1), scale))
    if scale >= 0:
        return array
    make = pa.decimal256 if pa.types.is_decimal256(array.type) else pa.decimal128
    whole = retype(array, make(array.type.precision, 0))
    return from_python_ints([v if v is None else v * 10**-scale for v in python_ints(whole)], 0, "a decimal")


def _floats(array: pa.Array) -> tuple[pa.Array, Counts]:
    wide = array.cast(pa.float64())
    values, valid = float64_view(wide), validity(wide)
    finite = np.isfinite(values)
    nan = infinite = 0
    if not finite.all():
        there = np.ones(len(values), np.bool_) if valid is None else valid
        nan = int(np.count_nonzero(np.isnan(values) & there))
        infinite = int(np.count_nonzero(np.isinf(values) & there))
        valid = there & finite
    negative_zero = (values == 0) & np.signbit(values)
    if not negative_zero.any() and not nan and not infinite:
        return wide, Counts()
    with np.errstate(invalid="ignore"):  # signalling NaNs, which are null from here on
        positive = values + 0.0
    return build(pa.float64(), positive, valid), Counts(nan, infinite)


def _dictionary(array: pa.Array) -> tuple[pa.Array, Counts]:
    values = array.dictionary
    textual = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    if not (textual or pa.types.is_string_view(values.type)) or len(values) > len(array):
        return canonical(values.take(array.indices))
    values = _plain(values)
    unique = values.dictionary_encode()
    distinct = unique.dictionary
    # Equal values and nulls inside: point every row at the one code of its value.
    clean = len(distinct) == len(values)
    codes = array.indices.cast(pa.int32()) if clean else unique.indices.take(array.indices)
    return pa.DictionaryArray.from_arrays(codes, distinct), Counts()


def _temporal(array: pa.Array) -> pa.Array:
    type_ = array.type
    if pa.types.is_timestamp(type_):
        target = pa.timestamp("us", None if type_.tz is None else "UTC")
        return build(target, _microseconds(array, type_.unit), validity(array))
    if pa.types.is_date64(type_):
        days = np.floor_divide(int64_view(array), _MICROSECONDS_A_DAY // 1_000)
        return build(pa.date32(), days.astype(np.int32), validity(array))
    if pa.types.is_duration(type_) or pa.types.is_time64(type_):
        return build(pa.int64(), _microseconds(array, type_.unit), validity(array))
    if pa.types.is_time32(type_):
        wide = array.view(pa.int32()).cast(pa.int64())
        return build(pa.int64(), int64_view(wide) * _PER_MICROSECOND[type_.unit], validity(array))
    raise UnsupportedType(type_)


def _microseconds(array: pa.Array, unit: str) -> Ints:
    values = int64_view(array)
    if unit == "ns":
        return np.floor_divide(values, 1_000)
    factor = _PER_MICROSECOND[unit]
    valid = validity(array)
    present = values if valid is None else np.where(valid, values, 0)
    if len(present) and max(int(present.max()), -int(present.min())) * factor >= 2**63:
        raise NumberOverflow("a change to microseconds")
    return present * factor
