"""Partial states: what is kept of the rows of one key and bucket, and how two such parts become one.

A state is arrays with one element (or one row of limbs) for each key and bucket. Every state holds the number of rows
that passed its filter and the number of those with a value; kinds add exact sums, sums of squares or an extreme. All
merge exactly and in any order: an answer does not depend on how rows were split into files, row groups or batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.plan import StateKind
from kpi_engine.kernels.exact import Limbs, concat, partial_squares, partial_sums, regroup, take
from kpi_engine.kernels.extremes import group_extreme
from kpi_engine.kernels.ids import is_ids, together
from kpi_engine.kernels.vectors import Ints, Mask, booleans, validity


@dataclass(frozen=True, slots=True)
class State:
    """States of one measure for n (key, bucket) pairs.

    `rows` and `values` (non-null rows) are int64 of length n; `sums` and `squares` exact sums of n rows; `extreme` an
    Arrow array of length n. What a kind does not keep is None.
    """

    kind: StateKind
    rows: Ints
    values: Ints
    sums: Limbs | None = None
    squares: Limbs | None = None
    extreme: pa.Array | None = None


def true_rows(condition: pa.Array) -> Mask:
    """Where a condition is true; unknown is not true.

    >>> true_rows(pa.array([True, False, None])).tolist()
    [True, False, False]
    """
    valid = validity(condition)
    found = booleans(condition)
    return found if valid is None else found & valid


def partial_state(kind: StateKind, values: pa.Array | None, ids: Ints, size: int) -> State:
    """States of a batch: `ids` gives each row its group in [0, size), -1 for rows that do not count.

    `values` is None for counts of rows.
    """
    rows = _count(ids, size)
    if values is None:
        return State(kind, rows, rows)
    present = validity(values)
    found = rows if present is None else _count(np.where(present, ids, -1), size)
    match kind:
        case "sum":
            return State(kind, rows, found, sums=partial_sums(values, ids, size)[0])
        case "moments":
            return State(
                kind,
                rows,
                found,
                sums=partial_sums(values, ids, size)[0],
                squares=partial_squares(values, ids, size),
            )
        case "minimum" | "maximum":
            return State(kind, rows, found, extreme=group_extreme(values, ids, size, kind))
    return State(kind, rows, found)


def merge_states(parts: Sequence[State], ids: Ints, size: int) -> State:
    """The states of all parts, laid end to end, merged into `size` groups; `ids` has one id a state."""
    first = parts[0]
    rows = _add([part.rows for part in parts], ids, size)
    same = all(part.values is part.rows for part in parts)
    return State(
        first.kind,
        rows,
        rows if same else _add([part.values for part in parts], ids, size),
        _merge_limbs(_limbs(parts, "sums"), ids, size),
        _merge_limbs(_limbs(parts, "squares"), ids, size),
        _merge_extremes(parts, ids, size),
    )


def chosen_states(parts: Sequence[State], rows: Ints) -> State:
    """The states of some rows of all parts, laid end to end."""
    first = parts[0]
    counts = _end_to_end([part.rows for part in parts])[rows]
    same = all(part.values is part.rows for part in parts)
    sums, squares, extreme = _limbs(parts, "sums"), _limbs(parts, "squares"), _extremes(parts)
    return State(
        first.kind,
        counts,
        counts if same else _end_to_end([part.values for part in parts])[rows],
        None if sums is None else take(sums, rows),
        None if squares is None else take(squares, rows),
        None if extreme is None else extreme.take(pa.array(rows)),
    )


def _count(ids: Ints, size: int) -> Ints:
    """Rows of each group; one extra group at the front takes the rows that do not count."""
    return np.bincount(ids + 1, minlength=size + 1)[1:].astype(np.int64, copy=False)


def _add(parts: Sequence[Ints], ids: Ints, size: int) -> Ints:
    """Sums of counts. Exact: counts of rows stay far below 2**53, where float64 begins to round."""
    return np.bincount(ids, weights=_end_to_end(parts), minlength=size).astype(np.int64)


def _end_to_end(parts: Sequence[Ints]) -> Ints:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _limbs(parts: Sequence[State], name: Literal["sums", "squares"]) -> Limbs | None:
    present = [limbs for part in parts if (limbs := getattr(part, name)) is not None]
    return concat(present) if present else None


def _extremes(parts: Sequence[State]) -> pa.Array | None:
    present = [part.extreme for part in parts if part.extreme is not None]
    return joined(present) if present else None


def _merge_limbs(limbs: Limbs | None, ids: Ints, size: int) -> Limbs | None:
    return None if limbs is None else regroup(limbs, ids, size)


def _merge_extremes(parts: Sequence[State], ids: Ints, size: int) -> pa.Array | None:
    values = _extremes(parts)
    return None if values is None else group_extreme(values, ids, size, _least_or_greatest(parts[0]))


def _least_or_greatest(state: State) -> Literal["minimum", "maximum"]:
    return "minimum" if state.kind == "minimum" else "maximum"


def decoded(array: pa.Array) -> pa.Array:
    """A dictionary's values row by row; any other array as it is."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """Arrays end to end as one. Exact numbers of different widths take the widest, ids that do not go together texts.

    >>> joined([pa.array([1]), pa.array([2])]).to_pylist()
    [1, 2]
    """
    if len(arrays) == 1:
        return arrays[0]
    if all(pa.types.is_dictionary(array.type) for array in arrays):
        return pa.chunked_array(arrays).unify_dictionaries().combine_chunks()
    arrays = [decoded(array) for array in arrays]
    types = {array.type for array in arrays}
    if len(types) > 1 and any(is_ids(type) for type in types):
        arrays = together(arrays)
    elif len(types) > 1:
        wide = (
            pa.unify_schemas(
                [pa.schema([("value", type)]) for type in sorted(types, key=str)], promote_options="permissive"
            )
            .field(0)
            .type
        )
        arrays = [array.cast(wide) for array in arrays]
    return pa.concat_arrays(arrays)
