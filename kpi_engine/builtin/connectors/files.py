"""The connector of files: `table:` names a file, a glob, a folder or a list; the format follows the ending."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kpi_engine.builtin.connectors import arrow_ipc, locate, parquet, text
from kpi_engine.builtin.connectors.footers import FooterCache
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import ConnectionSettings, Scan, ScanRequest, TableRequest, data_error
from kpi_engine.ir.catalog import TableSchema


class FilesConnector:
    """Tables that are files below one folder.

    Footers are read once for as long as a file's size and time of change stay the same, so that asking for the
    schema and then for rows opens each file's footer once.

    >>> FilesConnector(ConnectionSettings("default", folder="/nowhere")).tables()
    ()
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._root = Path(settings.folder)
        self._options = dict(settings.options)
        self._footers = FooterCache()

    def tables(self) -> tuple[str, ...]:
        """The names that tables directly in the folder answer to."""
        return locate.tables(self._root)

    def schema(self, table: TableRequest) -> TableSchema:
        """Columns and types from footers and headers; KpiError E601 to E605, E610 to E612."""
        options = self._with_defaults(table)
        located = self._locate(table, options)
        if located.format == "parquet":
            return parquet.schema(self._root, located.files, self._footers)
        if located.format == "arrow":
            return arrow_ipc.schema(self._root, located.files)
        return text.schema(self._root, located.files, TextOptions.read(options, table.source))

    def scan(self, request: ScanRequest) -> Scan:
        """The fragments of a table: row groups of Parquet, whole files of the other formats."""
        options = self._with_defaults(request.table)
        located = self._locate(request.table, options)
        if located.format == "parquet":
            return parquet.scan(self._root, located, request, self._footers, options)
        if located.format == "arrow":
            return arrow_ipc.scan(self._root, located, request, options)
        layout = TextOptions.read(options, request.table.source)
        return text.scan(self._root, located, request, layout, options)

    def _with_defaults(self, table: TableRequest) -> Mapping[str, object]:
        return {**self._options, **dict(table.options)}

    def _locate(self, table: TableRequest, options: Mapping[str, object]) -> locate.Located:
        format = options.get("format")
        if format is not None and not isinstance(format, str):
            raise data_error("E612", table.source, "`format` must be a text", 'write `format: "csv"`')
        return locate.locate(self._root, table.names, format)
