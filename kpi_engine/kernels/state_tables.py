"""States that come from elsewhere as Arrow tables, and states as such tables: the form that travels.

The columns are those of `extend.measures.state_columns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.plan import StateKind, StateRequest
from kpi_engine.kernels.canonical import canonical
from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.exact import Limbs, partial_sums, to_array
from kpi_engine.kernels.finish import NumberKind
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.ids import shortened, texts
from kpi_engine.kernels.limbs import from_fixed_size_list, to_fixed_size_list
from kpi_engine.kernels.sketches_hll import hll_items
from kpi_engine.kernels.states import State, decoded
from kpi_engine.kernels.vectors import Ints, int64_view


class NotStates(KernelError):
    """A table that does not hold the states it should."""


def frames_of_tables(key_count: int, states: Sequence[StateRequest], tables: Sequence[pa.Table]) -> list[StateFrame]:
    """The frames that some tables hold: the one of plain states, then one for each set. Raises `NotStates`.

    >>> table = pa.table({"bucket": [1], "rows_0": [2], "values_0": [2], "sum_0": [30]})
    >>> frames_of_tables(0, [StateRequest("sum")], [table])[0].states[0].sums.words.tolist()
    [[30]]
    """
    sets = [number for number, state in enumerate(states) if state.is_set]
    if len(tables) != 1 + len(sets):
        raise NotStates(f"{len(tables)} tables of states, and not {1 + len(sets)}")
    plain = [(number, state.kind) for number, state in enumerate(states) if not state.is_set]
    frames = [_frame(tables[0], key_count, plain, with_item=False)]
    frames += [
        _frame(table, key_count, [(number, states[number].kind)], with_item=True)
        for number, table in zip(sets, tables[1:], strict=True)
    ]
    return frames


def _frame(table: pa.Table, key_count: int, states: Sequence[tuple[int, StateKind]], *, with_item: bool) -> StateFrame:
    columns = {name: _array(table.column(name)) for name in table.schema.names}
    fields = {field.name: field for field in table.schema}
    keys = tuple(shortened(_plain(_column(columns, f"key{number}"))) for number in range(key_count))
    bucket = _counts(columns, "bucket")
    item = None
    if with_item:
        item = _plain(_column(columns, "item"))
        item = hll_items(item) if states[0][1] == "hll" else shortened(item)
    return StateFrame(keys, bucket, item, tuple(_state(number, kind, columns, fields) for number, kind in states))


def _state(number: int, kind: StateKind, columns: Mapping[str, pa.Array], fields: Mapping[str, pa.Field]) -> State:
    rows, values = _counts(columns, f"rows_{number}"), _counts(columns, f"values_{number}")
    if bool((values > rows).any()) or bool((values < 0).any()):
        raise NotStates(f"values_{number} is not between 0 and rows_{number}")
    sums = squares = extreme = None
    if kind in ("sum", "moments"):
        sums = _sums(f"sum_{number}", columns, fields)
    if kind == "moments":
        if any(pa.types.is_floating(columns[name].type) for name in (f"sum_{number}", f"squares_{number}")):
            raise NotStates(f"sum_{number} or squares_{number} holds floats, and variances need exact numbers")
        squares = _sums(f"squares_{number}", columns, fields)
    if kind in ("minimum", "maximum"):
        extreme = _plain(_column(columns, f"extreme_{number}"))
    return State(kind, rows, values, sums, squares, extreme)


def _sums(name: str, columns: Mapping[str, pa.Array], fields: Mapping[str, pa.Field]) -> Limbs:
    array = _column(columns, name)
    if pa.types.is_fixed_size_list(array.type):
        return from_fixed_size_list(fields[name], array)
    return partial_sums(_plain(array), np.arange(len(array), dtype=np.int64), len(array))[0]


def _array(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _column(columns: Mapping[str, pa.Array], name: str) -> pa.Array:
    if name not in columns:
        raise NotStates(f"there is no column {name}; the columns are {', '.join(columns)}")
    return columns[name]


def _counts(columns: Mapping[str, pa.Array], name: str) -> Ints:
    array = _column(columns, name)
    if not pa.types.is_integer(array.type):
        raise NotStates(f"{name} holds {array.type}, and not int64")
    if array.null_count:
        raise NotStates(f"{name} holds a null")
    return int64_view(array.cast(pa.int64()))


def _plain(array: pa.Array) -> pa.Array:
    return decoded(canonical(array)[0])


def tables_of_frames(
    states: Sequence[StateRequest], frames: Sequence[StateFrame], numbers: Sequence[NumberKind] = ()
) -> list[pa.Table]:
    """Frames as tables, exactly: sums travel as lists of limbs, whose exponent and scale are in the field's metadata.

    With `numbers` (one a state) sums are written as plain integers, decimals or floats, as a database gives them.
    Sets of `hll` hold hashes, which are no values: they cannot be read back.
    """
    sets = [number for number, state in enumerate(states) if state.is_set]
    plain = [number for number, state in enumerate(states) if not state.is_set]
    return [_table(frames[0], plain, numbers)] + [
        _table(frame, [number], numbers) for number, frame in zip(sets, frames[1:], strict=True)
    ]


def _table(frame: StateFrame, positions: Sequence[int], numbers: Sequence[NumberKind]) -> pa.Table:
    columns: dict[str, pa.Array] = {f"key{number}": texts(decoded(key)) for number, key in enumerate(frame.keys)}
    columns["bucket"] = pa.array(frame.bucket)
    if frame.item is not None:
        columns["item"] = texts(decoded(frame.item))
    fields = {}
    for position, state in zip(positions, frame.states, strict=True):
        columns[f"rows_{position}"] = pa.array(state.rows)
        columns[f"values_{position}"] = pa.array(state.values)
        for name, limbs in (("sum", state.sums), ("squares", state.squares)):
            if limbs is None:
                continue
            key = f"{name}_{position}"
            if numbers:
                columns[key] = to_array(limbs, None, numbers[position])
            else:
                fields[key], columns[key] = to_fixed_size_list(limbs, key)
        if state.extreme is not None:
            columns[f"extreme_{position}"] = state.extreme
    schema = pa.schema([fields.get(name, pa.field(name, array.type)) for name, array in columns.items()])
    return pa.Table.from_arrays(list(columns.values()), schema=schema)
