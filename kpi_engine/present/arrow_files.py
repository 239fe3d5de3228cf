"""The formats `arrow` and `parquet`: the table itself, with its types and units."""

from __future__ import annotations

from typing import IO

from kpi_engine.extend.formats import Answer, Surface


def write_arrow(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """An Arrow IPC stream."""
    import pyarrow as pa

    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), answer.table.schema) as writer:
        writer.write_table(answer.table)


def write_parquet(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """A Parquet file with checksums on its pages."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A pipe cannot say its position, which the writer asks for: the file is made in memory first.
    buffer = pa.BufferOutputStream()
    pq.write_table(answer.table, buffer, write_page_checksum=True)
    sink.write(memoryview(buffer.getvalue()))
