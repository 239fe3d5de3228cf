"""Leaves meet: groups of all leaves by union, null-safe, never by a join; then rows of the answer in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.cells import Cells
from kpi_engine.kernels.frames import group_rows
from kpi_engine.kernels.ids import texts
from kpi_engine.kernels.states import joined
from kpi_engine.kernels.vectors import Ints, Mask, from_booleans, from_int64, row_numbers, validity


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """The groups of one leaf: for each of its dimensions, by name, an array of `size` values.

    `shown`: which groups become rows of the answer.
    """

    names: tuple[str, ...]
    keys: tuple[pa.Array, ...]
    size: int
    shown: Mask


@dataclass(frozen=True, slots=True)
class Alignment:
    """The groups of the answer: `keys` one array a dimension, `size` groups; `places`: for each leaf the position of
    each of the answer's groups among the leaf's own, its size where the leaf does not have it."""

    keys: tuple[pa.Array, ...]
    size: int
    places: tuple[Ints, ...]


def shown_groups(rows: Ints, groups: int, periods: int, wanted: bool) -> Mask:
    """Which groups have a row in some period; `rows` is laid out group by group, the empty group last.

    >>> shown_groups(np.array([0, 2, 0, 0, 0, 0]), 2, 2, True).tolist()
    [True, False]
    """
    if not wanted or periods == 0:
        return np.zeros(groups, np.bool_)
    found: Mask = (rows.reshape(groups + 1, periods).sum(axis=1) > 0)[:-1]
    return found


def align(dimensions: Sequence[str], leaves: Sequence[GroupKeys], *, ordered: bool = True) -> Alignment:
    """Bring leaves together on the dimensions that each has. Without dimensions there is one group.

    `ordered`: groups in the order of their values, nulls last, ids as texts; else in any order, ids as they are.
    """
    if not dimensions:
        return Alignment((), 1, tuple(np.full(1, 0 if leaf.size else leaf.size, np.int64) for leaf in leaves))
    full = [leaf for leaf in leaves if leaf.names == tuple(dimensions)]
    if full and not ordered and _are_one(full):
        size = full[0].size
        same = np.arange(size, dtype=np.int64)
        places = (same if leaf.keys is full[0].keys else _places(dimensions, full[0].keys, leaf) for leaf in leaves)
        return Alignment(full[0].keys, size, tuple(places))
    keys = tuple(joined([_shown(leaf, leaf.keys[number]) for leaf in full]) for number in range(len(dimensions)))
    first = row_numbers(group_rows(keys, len(keys[0])).first)
    keys = tuple(key.take(first) for key in keys)
    if ordered:
        keys = _sorted(tuple(texts(key) for key in keys))
    return Alignment(keys, len(keys[0]), tuple(_places(dimensions, keys, leaf) for leaf in leaves))


def _are_one(leaves: Sequence[GroupKeys]) -> bool:
    """Whether leaves have the very same groups, all of them shown: they read the same states."""
    return all(leaf.keys is leaves[0].keys and bool(leaf.shown.all()) for leaf in leaves)


def _shown(leaf: GroupKeys, key: pa.Array) -> pa.Array:
    return key if bool(leaf.shown.all()) else key.filter(from_booleans(leaf.shown, None))


def every_group(size: int) -> Mask:
    """All groups shown."""
    return np.ones(size, np.bool_)


def whole_keys(keys: Sequence[pa.Array], cells: Cells) -> pa.Array:
    """For each cell whether none of its group's keys is null: a null is no id."""
    if not keys:
        return from_booleans(np.ones(len(cells), np.bool_), None)
    known = np.ones(len(keys[0]), np.bool_)
    for key in keys:
        present = validity(key)
        if present is not None:
            known &= present
    return from_booleans(known[cells.group], None)


def take_groups(key: pa.Array, cells: Cells) -> pa.Array:
    """The key of each cell's group."""
    return key.take(row_numbers(cells.group))


def missing_group(size: int) -> Ints:
    """The places of one group that a leaf with `size` groups does not have."""
    return np.full(1, size, np.int64)


def _sorted(keys: tuple[pa.Array, ...]) -> tuple[pa.Array, ...]:
    """Groups in the order of their values, nulls last."""
    table = pa.table({str(number): key for number, key in enumerate(keys)})
    order = pc.sort_indices(table, sort_keys=[(name, "ascending", "at_end") for name in table.column_names])
    return tuple(key.take(order) for key in keys)


def _places(dimensions: Sequence[str], keys: tuple[pa.Array, ...], leaf: GroupKeys) -> Ints:
    size = len(keys[0])
    if not leaf.names:
        return np.full(size, 0 if leaf.size else leaf.size, np.int64)
    wanted = [keys[dimensions.index(name)] for name in leaf.names]
    both = [joined([own, asked]) for own, asked in zip(leaf.keys, wanted, strict=True)]
    ids = group_rows(both, leaf.size + size).ids
    place = np.full(int(ids.max(initial=-1)) + 1, leaf.size, np.int64)
    place[ids[: leaf.size]] = np.arange(leaf.size)
    return place[ids[leaf.size :]]


def spread(values: pa.Array, places: Ints, periods: int) -> pa.Array:
    """A leaf's values laid out for the answer's groups, period by period within each group."""
    rows = (places[:, None] * periods + np.arange(periods, dtype=np.int64)[None, :]).ravel()
    return values.take(row_numbers(rows))


def answer_order(groups: int, periods: int) -> pa.Array:
    """Row numbers that turn the layout group by group into period by period."""
    return row_numbers(np.arange(groups * periods).reshape(groups, periods).T.ravel())


def repeat_keys(key: pa.Array, periods: int) -> pa.Array:
    """A dimension's values for the layout group by group."""
    return key.take(row_numbers(np.repeat(np.arange(len(key)), periods)))


def tile_periods(values: pa.Array, groups: int) -> pa.Array:
    """The period column for the layout group by group."""
    return values.take(row_numbers(np.tile(np.arange(len(values)), groups)))


def most_rows(counts: Sequence[Ints], places: Sequence[Ints], periods: int, groups: int) -> pa.Array:
    """For each row of the answer (group by group) the largest number of rows that any of the leaves has there."""
    found = np.zeros(groups * periods, np.int64)
    if periods > 0:
        for rows, place in zip(counts, places, strict=True):
            found = np.maximum(found, rows.reshape(-1, periods)[place].ravel())
    return from_int64(found, None, None)


def any_rows(counts: Sequence[Ints], places: Sequence[Ints], periods: int, groups: int) -> Mask:
    """For each row of the answer (group by group) whether any leaf has a row there."""
    found = np.zeros(groups * periods, np.bool_)
    if periods == 0:
        return found
    for rows, place in zip(counts, places, strict=True):
        found |= rows.reshape(-1, periods)[place].ravel() > 0
    return found
