"""Frames of partial states as bytes, for keeping them: exactly as they are, ids as ids and sums as limbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import cast, get_args

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import StateKind
from kpi_engine.kernels.frames import StateFrame, rows_between
from kpi_engine.kernels.limbs import Limbs, from_fixed_size_list, to_fixed_size_list
from kpi_engine.kernels.states import State, chosen_states, joined
from kpi_engine.kernels.vectors import int64_view

_KINDS, _SIZES = b"kpi.kinds", b"kpi.sizes"
_CODEC = "lz4"


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of the same states, end to end in one: those from each of `starts` up to the next, the last of which is
    where the whole ends."""

    whole: StateFrame
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> StateFrame:
        return rows_between(self.whole, self.starts[number], self.starts[number + 1])


def frames_to_bytes(frames: Sequence[StateFrame], types: StateFrame | None = None) -> bytes:
    """Frames of the same states as one blob. `types` is another one, of which the types of columns without a value are.

    >>> frame = StateFrame((), np.array([3]), None, (State("count", np.array([2]), np.array([2])),))
    >>> [found.bucket.tolist() for found in bytes_to_frames(frames_to_bytes([frame, frame]))]
    [[3], [3]]
    """
    parts = [*frames] if types is None else [rows_between(types, 0, 0), *frames]
    first, total = parts[0], sum(map(len, parts))
    columns: list[pa.Array] = []
    fields: list[pa.Field] = []

    def add(name: str, array: pa.Array, field: pa.Field | None = None) -> None:
        columns.append(array)
        fields.append(field or pa.field(name, array.type))

    add("bucket", pa.array(np.concatenate([part.bucket for part in parts])))
    for number in range(len(first.keys)):
        add(f"key{number}", joined([part.keys[number] for part in parts]))
    if first.item is not None:
        add("item", joined([part.item for part in parts if part.item is not None]))
    everything = np.arange(total, dtype=np.int64)
    for number in range(len(first.states)):
        state = chosen_states([part.states[number] for part in parts], everything)
        add(f"rows{number}", pa.array(state.rows))
        if state.values is not state.rows:
            add(f"values{number}", pa.array(state.values))
        for name, limbs in (("sums", state.sums), ("squares", state.squares)):
            if limbs is not None:
                field, array = to_fixed_size_list(limbs, f"{name}{number}")
                add(field.name, array, field)
        if state.extreme is not None:
            add(f"extreme{number}", state.extreme)
    kinds = ",".join(state.kind for state in first.states)
    sizes = ",".join(str(len(frame)) for frame in frames)
    schema = pa.schema(fields, metadata={_KINDS: kinds.encode(), _SIZES: sizes.encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=_CODEC)) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return cast(bytes, sink.getvalue().to_pybytes())


def bytes_to_frames(data: bytes) -> list[StateFrame]:
    """What `frames_to_bytes` wrote. `pa.ArrowInvalid`, `KeyError` or `ValueError` for anything else."""
    found = frames_of_bytes(data)
    return [found[number] for number in range(len(found))]


def frames_of_bytes(data: bytes) -> Frames:
    """The same, not taken apart."""
    table = pa.ipc.open_stream(data).read_all()
    columns = {name: _array(table.column(name)) for name in table.schema.names}
    fields = {field.name: field for field in table.schema}
    kinds = [kind for kind in table.schema.metadata[_KINDS].decode().split(",") if kind]
    keys = [columns[name] for name in table.schema.names if name.startswith("key")]
    states = []
    for number, kind in enumerate(kinds):
        if kind not in get_args(StateKind):
            raise ValueError(f"there are no states of the kind {kind}")
        rows = int64_view(columns[f"rows{number}"])
        values = columns.get(f"values{number}")
        states.append(
            State(
                cast(StateKind, kind),
                rows,
                rows if values is None else int64_view(values),
                _limbs(f"sums{number}", columns, fields),
                _limbs(f"squares{number}", columns, fields),
                columns.get(f"extreme{number}"),
            )
        )
    whole = StateFrame(tuple(keys), int64_view(columns["bucket"]), columns.get("item"), tuple(states))
    for array in (whole.bucket, *chain.from_iterable((state.rows, state.values) for state in states)):
        array.setflags(write=False)  # others may have the same frame
    sizes = [int(size) for size in table.schema.metadata[_SIZES].decode().split(",") if size]
    starts = tuple(accumulate(sizes, initial=0))
    if starts[-1] != len(whole):
        raise ValueError("the frames are not as long as they say")
    return Frames(whole, starts)


def _limbs(name: str, columns: Mapping[str, pa.Array], fields: Mapping[str, pa.Field]) -> Limbs | None:
    return None if name not in columns else from_fixed_size_list(fields[name], columns[name])


def _array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
