"""What is odd about rows: keys that repeat, spans that overlap, conditions that some rows meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.frames import group_rows
from kpi_engine.kernels.ordering import order_numbers
from kpi_engine.kernels.states import joined, true_rows
from kpi_engine.kernels.vectors import Mask, validity


@dataclass(frozen=True, slots=True)
class Repeats:
    """Keys of several rows: how many keys, how many rows have one of them, and some of them with their rows."""

    keys: int
    rows: int
    examples: tuple[tuple[tuple[object, ...], int, tuple[int, ...]], ...] = ()
    """The key's values, how many rows have it, the positions of the first of these."""


def repeated_keys(keys: Sequence[pa.Array], examples: int = 3, shown: int = 3) -> Repeats:
    """Keys that several rows have; rows without a whole key do not count. Examples stand in the order of rows.

    >>> repeated_keys([pa.array(["a", "b", "a", None, None])])
    Repeats(keys=1, rows=2, examples=((('a',), 2, (0, 2)),))
    """
    known = np.flatnonzero(present(keys))
    if len(known) == 0:
        return Repeats(0, 0)
    chosen = [key if len(known) == len(key) else key.take(pa.array(known)) for key in keys]
    groups = group_rows(chosen, len(known))
    sizes = np.bincount(groups.ids, minlength=groups.size)
    several = np.flatnonzero(sizes > 1)
    firsts = np.asarray(groups.first)[several]
    found = []
    for group in several[np.argsort(firsts, kind="stable")][:examples].tolist():
        rows = np.flatnonzero(groups.ids == group)[:shown]
        values = tuple(key[int(rows[0])].as_py() for key in chosen)
        found.append((values, int(sizes[group]), tuple(known[rows].tolist())))
    return Repeats(len(several), int(sizes[several].sum()), tuple(found))


def present(keys: Sequence[pa.Array]) -> Mask:
    """Where no key is null.

    >>> present([pa.array([1, None]), pa.array(["a", "b"])]).tolist()
    [True, False]
    """
    known = np.ones(len(keys[0]), np.bool_)
    for key in keys:
        valid = validity(key)
        if valid is not None:
            known &= valid
    return known


def without_key(keys: Sequence[pa.Array]) -> tuple[int, int]:
    """How many rows lack a part of their key, and the position of the first (-1: none).

    >>> without_key([pa.array(["a", None])])
    (1, 1)
    """
    missing = np.flatnonzero(~present(keys))
    return len(missing), int(missing[0]) if len(missing) else -1


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Versions that begin before the one before them of the same key ends: how many, and pairs of positions."""

    count: int
    keys: int
    examples: tuple[tuple[int, int], ...] = ()


def overlapping(keys: pa.Array, begins: pa.Array, ends: pa.Array, examples: int = 3) -> Overlaps:
    """Versions [begin, end) of one key that overlap; a null end is open.

    >>> begins, ends = pa.array([1, 4], pa.date32()), pa.array([5, None], pa.date32())
    >>> overlapping(pa.array(["a", "a"]), begins, ends)
    Overlaps(count=1, keys=1, examples=((0, 1),))
    """
    rows = np.flatnonzero(present([keys, begins]))
    if len(rows) < 2:
        return Overlaps(0, 0)
    chosen = pa.array(rows)
    taken = ends.take(chosen)
    open_ended = ~present([taken])
    # Begins and ends are ranked together, so that they compare whatever their type is.
    ranked = order_numbers(joined([begins.take(chosen), taken]))
    lasting = np.flatnonzero(open_ended | (ranked[len(rows) :] > ranked[: len(rows)]))
    rows, open_ended = rows[lasting], open_ended[lasting]
    starts, stops = ranked[: len(chosen)][lasting], ranked[len(chosen) :][lasting]
    groups = group_rows([keys.take(pa.array(rows))], len(rows)).ids
    order = np.lexsort((rows, starts, groups))
    earlier, later = order[:-1], order[1:]
    overlap = (groups[earlier] == groups[later]) & (open_ended[earlier] | (stops[earlier] > starts[later]))
    found = np.flatnonzero(overlap)
    pairs = tuple((int(rows[earlier[each]]), int(rows[later[each]])) for each in found[:examples])
    return Overlaps(len(found), len(np.unique(groups[earlier[found]])), pairs)


def true_positions(condition: pa.Array, most: int = 3) -> tuple[int, tuple[int, ...]]:
    """For how many rows a condition is true, and the positions of the first of them.

    >>> true_positions(pa.array([True, None, True]))
    (2, (0, 2))
    """
    found = np.flatnonzero(true_rows(condition))
    return len(found), tuple(found[:most].tolist())


def value_range(values: pa.Array) -> tuple[object, object]:
    """The least and the greatest value, None where all are null.

    >>> value_range(pa.array([2, None, 1]))
    (1, 2)
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    found = pc.min_max(values)
    return found["min"].as_py(), found["max"].as_py()


def usual_step(days: Sequence[int]) -> int:
    """The most frequent distance between neighbouring days (ascending); of several the shortest, 0 for one day.

    >>> usual_step([0, 7, 14, 28])
    7
    """
    steps = Counter(later - earlier for earlier, later in pairwise(days))
    return min(steps, key=lambda step: (-steps[step], step), default=0)
