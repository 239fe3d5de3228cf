"""The connector of files: `table:` names a file, a glob, a folder or a list; the format follows the ending."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kpi_engine.builtin.connectors import locate
from kpi_engine.builtin.connectors.file_options import check_options
from kpi_engine.builtin.connectors.partitions import with_partitions, within_predicates
from kpi_engine.builtin.connectors.remote import is_remote
from kpi_engine.builtin.connectors.scan import Asked
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import ConnectionSettings, Scan, ScanRequest, TableRequest
from kpi_engine.ir.catalog import TableSchema

if TYPE_CHECKING:
    from kpi_engine.builtin.connectors.footers import FooterCache
    from kpi_engine.builtin.connectors.json_rows import JsonFiles
    from kpi_engine.builtin.connectors.object_store import ObjectStore
    from kpi_engine.builtin.connectors.sheets import Sheets


class FilesConnector:
    """Tables that are files below one folder, or objects below one prefix of a store.

    What is learnt of a file (a footer, the types of JSON, a sheet) is kept for as long as its size and time of change
    stay the same, so that asking for the schema and then for rows does it once. A format is imported with the first
    file of it.

    >>> FilesConnector(ConnectionSettings("default", folder="/nowhere")).tables()
    ()
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._options = dict(settings.options)

    def tables(self) -> tuple[str, ...]:
        """The names that tables directly in the folder answer to; those of a store are not listed."""
        return () if is_remote(self._settings.folder) else locate.tables(Path(self._settings.folder))

    def schema(self, table: TableRequest) -> TableSchema:
        """Columns and types from footers and headers, of JSON from all rows; KpiError E601 to E605, E610 to E624."""
        options = self._with_defaults(table)
        located = self._locate(table, options)
        layout = TextOptions.read(options, table.source)
        return with_partitions(self._schema_of(located, layout), located.files)

    def _schema_of(self, located: locate.Located, layout: TextOptions) -> TableSchema:
        match located.format:
            case "parquet":
                from kpi_engine.builtin.connectors import parquet

                return parquet.schema(located.files, self._footers)
            case "arrow":
                from kpi_engine.builtin.connectors import arrow_ipc

                return arrow_ipc.schema(located.files)
            case "orc":
                from kpi_engine.builtin.connectors import orc

                return orc.schema(located.files)
            case "json":
                from kpi_engine.builtin.connectors import json_rows

                return json_rows.schema(located.files, self._json, layout)
            case "xlsx":
                from kpi_engine.builtin.connectors import sheets

                return sheets.schema(located.files, self._sheets, layout)
        from kpi_engine.builtin.connectors import text

        return text.schema(located.files, layout)

    def scan(self, request: ScanRequest) -> Scan:
        """The fragments of a table: row groups of Parquet, stripes of ORC, whole files of the other formats."""
        options = self._with_defaults(request.table)
        located = within_predicates(self._locate(request.table, options), request, options)
        layout = TextOptions.read(options, request.table.source)
        asked = Asked(located, request, options)
        match located.format:
            case "parquet":
                from kpi_engine.builtin.connectors import parquet

                return parquet.scan(asked, self._footers)
            case "arrow":
                from kpi_engine.builtin.connectors import arrow_ipc

                return arrow_ipc.scan(asked)
            case "orc":
                from kpi_engine.builtin.connectors import orc

                return orc.scan(asked)
            case "json":
                from kpi_engine.builtin.connectors import json_rows

                return json_rows.scan(asked, self._json, layout)
            case "xlsx":
                from kpi_engine.builtin.connectors import sheets

                return sheets.scan(asked, self._sheets, layout)
        from kpi_engine.builtin.connectors import text

        return text.scan(asked, layout)

    def _with_defaults(self, table: TableRequest) -> Mapping[str, object]:
        options = {**self._options, **dict(table.options)}
        check_options(options, table.source)
        return options

    def _locate(self, table: TableRequest, options: Mapping[str, object]) -> locate.Located:
        given = options.get("format")
        format = None if given is None else str(given)
        folder = self._settings.folder
        if is_remote(folder) or any(map(is_remote, table.names)):
            return self._store.locate(table.names, format)
        root = Path(folder)
        allowed = options.get("allow", ())
        folders = [root / str(each) for each in (allowed if isinstance(allowed, tuple | list) else (allowed,))]
        return locate.locate(root, table.names, format, folders)

    @cached_property
    def _footers(self) -> FooterCache:
        from kpi_engine.builtin.connectors.footers import FooterCache

        return FooterCache()

    @cached_property
    def _json(self) -> JsonFiles:
        from kpi_engine.builtin.connectors.json_rows import JsonFiles

        return JsonFiles()

    @cached_property
    def _sheets(self) -> Sheets:
        from kpi_engine.builtin.connectors.sheets import Sheets

        return Sheets()

    @cached_property
    def _store(self) -> ObjectStore:
        from kpi_engine.builtin.connectors.object_store import ObjectStore

        return ObjectStore(self._settings)
