"""The last step of a value: from what the engine computes with to what an answer carries."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.ir.types import Kind, Type


def output_array(values: pa.Array, type: Type) -> pa.Array:
    """A metric's column: durations as duration[us], everything else as computed."""
    if type.numeric and type.unit.is_duration:
        from kpi_engine.kernels.durations import to_duration

        return to_duration(values)
    if pa.types.is_decimal(values.type) and values.null_count == len(values):
        return pa.nulls(len(values), pa.decimal128(38, 0))  # without a value nothing says what its scale is
    if pa.types.is_dictionary(values.type):
        return values.dictionary_decode()
    if pa.types.is_null(values.type):
        return values.cast(_TYPES.get(type.kind, pa.float64()))
    return values


_TYPES = {
    Kind.INTEGER: pa.int64(),
    Kind.TEXT: pa.string(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
}
