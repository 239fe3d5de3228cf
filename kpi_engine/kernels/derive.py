"""Rows made from rows: the latest of each id, each different row once, pairs of items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.frames import group_rows
from kpi_engine.kernels.ordering import order_numbers
from kpi_engine.kernels.sorting import starts_of_runs
from kpi_engine.kernels.vectors import Ints, Mask, validity


class TooManyItems(KernelError):
    """Baskets with more items than their pairs may be made of."""

    def __init__(self, key: object, items: int, baskets: int) -> None:
        super().__init__(f"{key!r} has {items} items")
        self.key = key
        self.items = items
        self.baskets = baskets


def latest_rows(keys: Sequence[pa.Array], times: pa.Array) -> pa.Array:
    """Positions, ascending, of the row with the greatest time of each key; of equal times the last row.

    Rows without a key or a time are left out.

    >>> latest_rows([pa.array(["a", "a", None])], pa.array([1, 2, 3])).to_pylist()
    [1]
    """
    known = _known([*keys, times])
    rows = np.flatnonzero(known)
    groups = group_rows(keys, len(times)).ids[rows]
    order = np.lexsort((rows, order_numbers(times)[rows], groups))
    last = np.append(starts_of_runs(groups[order])[1:], len(order) > 0)[: len(order)]
    return pa.array(np.sort(rows[order[last]]))


def distinct_rows(columns: Sequence[pa.Array]) -> pa.Array:
    """Positions of the first of all exactly equal rows.

    >>> distinct_rows([pa.array([1, 1, 2]), pa.array(["x", "x", None])]).to_pylist()
    [0, 2]
    """
    length = len(columns[0]) if columns else 0
    return pa.array(np.sort(group_rows(columns, length).first))


def pair_rows(
    keys: Sequence[pa.Array], items: pa.Array, times: pa.Array, most: int
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """All ordered pairs of the different items of each key, an item with itself included.

    Gives three arrays of row positions: of a row with the first item, of one with the second, and of the key's
    earliest row, which dates the pair. Raises `TooManyItems` where a key has more than `most` items.
    """
    rows = np.flatnonzero(_known([*keys, items]))
    basket = group_rows(keys, len(items)).ids[rows]
    chosen = group_rows([pa.array(basket), items.take(pa.array(rows))], len(rows)).first
    chosen = chosen[np.argsort(basket[chosen], kind="stable")]
    owner, row = basket[chosen], rows[chosen]
    starts = np.flatnonzero(starts_of_runs(owner)) if len(owner) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(owner)))
    if len(sizes) and int(sizes.max()) > most:
        worst = int(sizes.argmax())
        raise TooManyItems(keys[0][int(row[starts[worst]])].as_py(), int(sizes[worst]), int((sizes > most).sum()))
    size, start = np.repeat(sizes, sizes), np.repeat(starts, sizes)
    first = np.repeat(np.arange(len(owner)), size)
    within = np.arange(len(first)) - np.repeat(np.cumsum(size) - size, size)
    second = start[first] + within
    dated = _earliest(basket, rows, times)[owner]
    return pa.array(row[first]), pa.array(row[second]), pa.array(dated[first])


def _earliest(basket: Ints, rows: Ints, times: pa.Array) -> Ints:
    """For each basket the row with its least time; rows without a time come last."""
    present = validity(times)
    missing = np.zeros(len(rows), np.bool_) if present is None else ~present[rows]
    order = np.lexsort((rows, order_numbers(times)[rows], missing, basket))
    first = order[starts_of_runs(basket[order])] if len(order) else order
    found = np.zeros(int(basket.max(initial=-1)) + 1, np.int64)
    found[basket[first]] = rows[first]
    return found


def _known(arrays: Sequence[pa.Array]) -> Mask:
    known = np.ones(len(arrays[0]), np.bool_)
    for array in arrays:
        present = validity(array)
        if present is not None:
            known &= present
    return known
