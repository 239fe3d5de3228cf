"""Small batches brought together, so that what is done once a batch is worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from kpi_engine.kernels.states import joined

_FEWEST_ROWS = 1 << 16


def together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in the same order, in batches of 65 536 rows or more, except for the last one.

    Batches with nested columns, or without columns, are left as they are.

    >>> [batch.num_rows for batch in together([pa.record_batch({"a": [1]}), pa.record_batch({"a": [2, 3]})])]
    [3]
    """
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if any(pa.types.is_nested(type) for type in batch.schema.types) or not batch.schema.names:
            yield batch
            continue
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _FEWEST_ROWS:
            yield _one(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _one(waiting)


def _one(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    columns = [joined(arrays) for arrays in zip(*(batch.columns for batch in batches), strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=batches[0].schema.names)
