"""One transaction over ADBC: statements in, Arrow tables out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import adbc_driver_manager.dbapi as dbapi
import pyarrow as pa

from kpi_sql.values import Plain


class AdbcSession:
    """One transaction of a connection; `options` are the driver's for statements whose rows come batch by batch."""

    def __init__(self, connection: dbapi.Connection, options: Mapping[str, str] | None = None) -> None:
        self._connection = connection
        self._options = options or {}

    def batches(self, text: str, parameters: Sequence[Plain]) -> Iterator[pa.RecordBatch]:
        """As the driver makes them."""
        with self._connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**self._options)
            cursor.execute(text, list(parameters) or None)
            yield from cursor.fetch_record_batch()

    def table(self, text: str, parameters: Sequence[Plain]) -> pa.Table:
        """All of them."""
        with self._connection.cursor() as cursor:
            cursor.execute(text, list(parameters) or None)
            return cursor.fetch_arrow_table()
