"""Partial states: what is kept of the rows of one key and bucket, and how two such parts become one.

A state is arrays with one element (or one row of limbs) for each key and bucket. Every state holds the number of rows
that passed its filter and the number of those with a value; kinds add exact sums, sums of squares or an extreme. All
merge exactly and in any order: an answer does not depend on how rows were split into files, row groups or batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import StateKind
from kpi_engine.kernels.counted_rows import CountedRows
from kpi_engine.kernels.exact import Limbs, concat, regroup, take
from kpi_engine.kernels.id_codecs import is_ids
from kpi_engine.kernels.ids import together
from kpi_engine.kernels.partials import sums_of
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


def partial_state(kind: StateKind, values: pa.Array | None, rows: CountedRows) -> State:
    """States of a batch, by the groups of the rows that count. `values` is None for counts of rows."""
    if values is None:
        return State(kind, rows.counts, rows.counts)
    known = rows.having(validity(values))
    match kind:
        case "sum":
            return State(kind, rows.counts, known.counts, sums=sums_of(values, known))
        case "moments":
            from kpi_engine.kernels.squares import squares_of

            squares = squares_of(values, known)
            return State(kind, rows.counts, known.counts, sums=sums_of(values, known), squares=squares)
        case "minimum" | "maximum":
            from kpi_engine.kernels.extremes import extremes_of

            return State(kind, rows.counts, known.counts, extreme=extremes_of(values, known, kind))
    return State(kind, rows.counts, known.counts)


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


def chosen_states(parts: Sequence[State], rows: Ints | None) -> State:
    """The states of some rows of all parts, laid end to end; of all rows for None."""
    first = parts[0]
    counts = _chosen([part.rows for part in parts], rows)
    same = all(part.values is part.rows for part in parts)
    sums, squares, extreme = _limbs(parts, "sums"), _limbs(parts, "squares"), _extremes(parts)
    if rows is not None:
        sums = None if sums is None else take(sums, rows)
        squares = None if squares is None else take(squares, rows)
        extreme = None if extreme is None else extreme.take(pa.array(rows))
    values = counts if same else _chosen([part.values for part in parts], rows)
    return State(first.kind, counts, values, sums, squares, extreme)


def state_between(state: State, start: int, stop: int) -> State:
    """The rows of a state from `start` up to `stop`, without a copy."""
    own = slice(start, stop)
    counts = state.rows[own]
    sums, squares = (
        None if each is None else replace(each, words=each.words[own]) for each in (state.sums, state.squares)
    )
    extreme = None if state.extreme is None else state.extreme.slice(start, stop - start)
    values = counts if state.values is state.rows else state.values[own]
    return State(state.kind, counts, values, sums, squares, extreme)


def _chosen(parts: Sequence[Ints], rows: Ints | None) -> Ints:
    whole = _end_to_end(parts)
    return whole if rows is None else whole[rows]


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
    if values is None:
        return None
    from kpi_engine.kernels.extremes import group_extreme

    return group_extreme(values, ids, size, _least_or_greatest(parts[0]))


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
    if any(pa.types.is_dictionary(array.type) for array in arrays):
        return _joined_dictionaries(arrays)
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


def _joined_dictionaries(arrays: Sequence[pa.Array]) -> pa.Array:
    """Arrays of which some are dictionaries end to end: as a dictionary if all are, or are empty."""
    types = {array.type for array in arrays if pa.types.is_dictionary(array.type)}
    (type, *others) = types
    if others or any(len(array) and array.type != type for array in arrays):
        return joined([decoded(array) for array in arrays])
    return pa.chunked_array([array for array in arrays if array.type == type]).unify_dictionaries().combine_chunks()
