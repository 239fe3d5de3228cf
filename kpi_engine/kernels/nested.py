"""Parts of nested values: fields of structs, values by their keys, elements of lists as rows of their own.

Everything is vectorised, and a null on the way gives null: a missing struct has no fields, a missing list no elements.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.catalog import PathStep
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.states import decoded, joined
from kpi_engine.kernels.vectors import Ints, validity

KEY = "key"
"""The field by whose value an element of a list of structs is found."""


class NoSuchPart(KernelError):
    """A struct without the field that a path asks for, or a value that has no parts at all."""

    def __init__(self, step: PathStep, type: pa.DataType) -> None:
        super().__init__(f"{type} has no part {step.name!r}")
        self.step = step
        self.type = type


class RepeatedKey(KernelError):
    """Several elements of one list with the key that is looked up: `row` is the first such list, of `rows` in all."""

    def __init__(self, key: str, row: int, matches: int, rows: int) -> None:
        super().__init__(f"{matches} elements of row {row} have the key {key!r}")
        self.key = key
        self.row = row
        self.matches = matches
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of all lists of an array, end to end, and how many each list has (0 for null)."""

    values: pa.Array
    counts: Ints

    @property
    def parents(self) -> Ints:
        """For each element the list that it stands in."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int64), self.counts)

    def regrouped(self, values: pa.Array) -> pa.Array:
        """Lists of other values, one for each element."""
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.counts)])
        return pa.LargeListArray.from_arrays(pa.array(offsets), values)


def follow(array: pa.Array, path: Sequence[PathStep]) -> pa.Array:
    """What a path leads to, one value a row; below a step `each` a list of values a row.

    Raises `NoSuchPart`, and `RepeatedKey` where a key does not say which element is meant.

    >>> devices = pa.array([{"os": {"name": "iOS"}}, None])
    >>> follow(devices, [PathStep("os"), PathStep("name")]).to_pylist()
    ['iOS', None]
    """
    if not path:
        return array
    step, rest = path[0], path[1:]
    array = _plain(array)
    match step.kind:
        case "field":
            return follow(_field(array, step), rest)
        case "key":
            return follow(_value_of_key(array, step), rest)
        case "each":
            found = elements(array)
            try:
                return found.regrouped(follow(found.values, rest))
            except RepeatedKey as error:
                row = int(found.parents[error.row])
                raise RepeatedKey(error.key, row, error.matches, error.rows) from error
    return pa.nulls(len(array))


def _plain(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _field(array: pa.Array, step: PathStep) -> pa.Array:
    if pa.types.is_null(array.type):
        return array
    if not pa.types.is_struct(array.type) or array.type.get_field_index(step.name) < 0:
        raise NoSuchPart(step, array.type)
    return pc.struct_field(array, [array.type.get_field_index(step.name)])


def _value_of_key(array: pa.Array, step: PathStep) -> pa.Array:
    """For each list the element with a key (of a map its value), null where there is none."""
    if pa.types.is_null(array.type):
        return array
    found = elements(array)
    keys = decoded(_plain(_field(_plain(found.values), PathStep(KEY))))
    rows = np.flatnonzero(np.asarray(_equal(keys, step, array.type)))
    parents = found.parents[rows]
    repeated = parents[1:][parents[1:] == parents[:-1]]
    if len(repeated):
        row = int(repeated[0])
        raise RepeatedKey(step.name, row, int((parents == row).sum()), len(np.unique(repeated)))
    place = np.full(len(found.counts), -1, np.int64)
    place[parents] = rows
    values = found.values if not pa.types.is_map(array.type) else _field(found.values, PathStep("value"))
    return values.take(pa.array(place, mask=place < 0))


def _equal(keys: pa.Array, step: PathStep, type: pa.DataType) -> pa.Array:
    """Which keys are the one of a step; NoSuchPart for keys of a type that it cannot be of."""
    if pa.types.is_null(keys.type):
        return pa.array([False]).take(pa.array(np.zeros(len(keys), np.int64)))
    try:
        same = pc.equal(keys.cast(pa.string()), pa.scalar(step.name))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise NoSuchPart(step, type) from error
    return same.fill_null(False)


def elements(array: pa.Array) -> Elements:
    """The elements of lists of any form; those of a map are structs of `key` and `value`.

    >>> found = elements(pa.array([[1, 2], None, [], [3]]))
    >>> found.values.to_pylist(), found.counts.tolist(), found.parents.tolist()
    ([1, 2, 3], [2, 0, 0, 1], [0, 0, 3])
    """
    array = _plain(array)
    types = pa.types
    if types.is_null(array.type):
        return Elements(pa.nulls(0), np.zeros(len(array), np.int64))
    if types.is_list_view(array.type) or types.is_large_list_view(array.type):
        starts, sizes = (np.asarray(part).astype(np.int64) for part in (array.offsets, array.sizes))
        return _elements(array.values, starts, sizes, array)
    if types.is_fixed_size_list(array.type):
        size = int(array.type.list_size)
        starts = (np.arange(len(array), dtype=np.int64) + array.offset) * size
        return _elements(array.values, starts, np.full(len(array), size, np.int64), array)
    if types.is_map(array.type):
        values = pa.StructArray.from_arrays([array.keys, array.items], names=[KEY, "value"])
    elif types.is_list(array.type) or types.is_large_list(array.type):
        values = array.values
    else:
        raise NoSuchPart(PathStep("", "each"), array.type)
    offsets = np.asarray(array.offsets).astype(np.int64)
    return _elements(values, offsets[:-1], np.diff(offsets), array)


def _elements(values: pa.Array, starts: Ints, sizes: Ints, array: pa.Array) -> Elements:
    """Elements at [start, start + size) of the values, in the order of the lists; a null list may have a size."""
    present = validity(array)
    counts = sizes if present is None else np.where(present, sizes, 0)
    total = int(counts.sum())
    first = np.cumsum(counts) - counts
    filled = counts > 0
    begin = int(starts[filled][0]) if total else 0
    if np.array_equal(starts[filled] - begin, first[filled]):
        return Elements(values.slice(begin, total), counts)
    within = np.arange(total) - np.repeat(first, counts)
    return Elements(values.take(pa.array(np.repeat(starts, counts) + within)), counts)


def parent_rows(counts: Ints) -> pa.Array:
    """For each element the row of the list that it stands in.

    >>> parent_rows(np.array([2, 0, 1])).to_pylist()
    [0, 0, 2]
    """
    return pa.array(np.repeat(np.arange(len(counts), dtype=np.int64), counts))


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The innermost values of lists of lists, with the lists around them, outermost first."""

    values: pa.Array
    around: tuple[Elements, ...]

    def row(self, index: int) -> int:
        """The row of the outermost array in which a value stands."""
        for each in reversed(self.around):
            index = int(each.parents[index])
        return index

    def wrapped(self, values: pa.Array) -> pa.Array:
        """Other values, as many, in the same lists."""
        for each in reversed(self.around):
            values = each.regrouped(values)
        return values


def unwrap(array: pa.Array, depth: int) -> Unwrapped:
    """Take lists (of lists, ...) apart, `depth` deep; with depth 0 an array is its own values.

    >>> unwrap(pa.array([[[1], [2, 3]], []]), 2).row(2)
    0
    """
    around: list[Elements] = []
    for _ in range(depth):
        around.append(elements(array))
        array = around[-1].values
    return Unwrapped(array, tuple(around))


def joined_lists(arrays: Sequence[pa.Array]) -> pa.Array:
    """Arrays of lists end to end as one; their values, in the engine's types, may be stored in several widths.

    >>> joined_lists([pa.array([[1]]), pa.array([[], [2, 3]])]).to_pylist()
    [[1], [], [2, 3]]
    """
    parts = [elements(array) for array in arrays]
    values = [each.values for each in parts if len(each.values)] or [parts[0].values]
    nested = any(pa.types.is_list(each.type) or pa.types.is_large_list(each.type) for each in values)
    together = joined_lists(values) if nested else joined([decoded(each) for each in values])
    return Elements(together, np.concatenate([each.counts for each in parts])).regrouped(together)
