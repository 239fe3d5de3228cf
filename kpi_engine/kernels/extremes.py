"""Least and greatest value of each group, for every type that has an order."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.vectors import Ints, validity


def group_extreme(
    values: pa.Array, ids: Ints, size: int, kind: Literal["minimum", "maximum"]
) -> pa.Array:
    """The extreme of the non-null values of each group; null where there is none.

    `ids` has one group in [0, size) for each row, -1 for rows that do not count.

    >>> group_extreme(pa.array([3, 1, None]), np.array([0, 0, 1]), 2, "maximum").to_pylist()
    [3, None]
    """
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) and len(values) == 0 else values
    codes, decode = _ordered(plain)
    present = validity(plain)
    counted = ids >= 0 if present is None else (ids >= 0) & present
    rows = np.flatnonzero(counted)
    order = rows[np.argsort(ids[rows], kind="stable")]
    sorted_ids = ids[order]
    first = np.flatnonzero(np.r_[True, sorted_ids[1:] != sorted_ids[:-1]]) if len(order) else np.zeros(0, np.int64)
    chosen = np.full(size, -1, np.int64)
    if len(order):
        reduce = np.minimum if kind == "minimum" else np.maximum
        best = reduce.reduceat(codes[order], first)
        chosen[sorted_ids[first]] = _position(codes, order, sorted_ids, best, first)
    return decode.take(pa.array(chosen, mask=chosen < 0))


def _position(codes: Ints, order: Ints, sorted_ids: Ints, best: Ints, first: Ints) -> Ints:
    """For each group the position of a row that holds its best code."""
    lengths = np.diff(np.r_[first, len(order)])
    hits = np.flatnonzero(codes[order] == np.repeat(best, lengths))
    keep = np.r_[True, sorted_ids[hits][1:] != sorted_ids[hits][:-1]]
    return order[hits[keep]]


def _ordered(values: pa.Array) -> tuple[Ints, pa.Array]:
    """Codes that order as the values do (arbitrary at nulls), and an array to take results from by row."""
    kind = values.type
    if pa.types.is_int64(kind) or pa.types.is_timestamp(kind):
        return np.asarray(values.cast(pa.int64()).fill_null(0)), values
    if pa.types.is_date32(kind):
        return np.asarray(values.cast(pa.int32()).fill_null(0)).astype(np.int64), values
    if pa.types.is_floating(kind):
        return np.asarray(values.fill_null(0.0)), values
    plain = values.dictionary_decode() if pa.types.is_dictionary(kind) else values
    ranks = pc.rank(plain, sort_keys="ascending", null_placement="at_end", tiebreaker="dense")
    return np.asarray(ranks).astype(np.int64), plain
