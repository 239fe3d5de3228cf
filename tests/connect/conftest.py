"""Tables written to a folder and read back as the engine reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kpi_engine.builtin.connectors import make_connector
from kpi_engine.connect.conform import conformer
from kpi_engine.connect.reader import ConformedScan
from kpi_engine.extend.rows import (
    ColumnRequest,
    ConnectionSettings,
    Connector,
    Predicate,
    ReadReport,
    Scan,
    ScanRequest,
    TableRequest,
)
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import Type

ZONE = "Asia/Shanghai"


@dataclass
class Read:
    """What came of reading a table."""

    rows: list[dict[str, Any]]
    batches: list[pa.RecordBatch]
    report: ReadReport
    scan: Scan

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


@dataclass
class Reader:
    """Reads tables of one folder; columns are names with declared types."""

    folder: Path
    connector: Connector | None = None
    connection: Mapping[str, object] = field(default_factory=dict)

    def __call__(
        self,
        names: str | Sequence[str],
        columns: Mapping[str, Type | None],
        *,
        options: Mapping[str, object] | None = None,
        formats: Mapping[str, str] | None = None,
        predicates: Sequence[Predicate] = (),
        on_error: str = "stop",
    ) -> Read:
        request, scan = self.open(names, columns, options or {}, formats or {}, predicates, on_error)
        conformed = ConformedScan(scan, conformer(request.columns, scan.options, ZONE, on_error))
        report = ReadReport()
        batches = [batch for fragment in conformed.fragments() for batch in fragment.batches(report)]
        rows = [row for batch in batches for row in batch.to_pylist()]
        return Read(rows, batches, report, conformed)

    def open(
        self,
        names: str | Sequence[str],
        columns: Mapping[str, Type | None],
        options: Mapping[str, object],
        formats: Mapping[str, str],
        predicates: Sequence[Predicate] = (),
        on_error: str = "stop",
    ) -> tuple[ScanRequest, Scan]:
        listed = (names,) if isinstance(names, str) else tuple(names)
        table = TableRequest(listed, tuple(options.items()), ZONE, "null" if on_error == "null" else "stop", "orders")
        requests = tuple(ColumnRequest(name, name, type, formats.get(name)) for name, type in columns.items())
        request = ScanRequest(table, requests, tuple(predicates))
        return request, self.chosen.scan(request)

    @property
    def chosen(self) -> Connector:
        settings = ConnectionSettings("default", options=tuple(self.connection.items()), folder=str(self.folder))
        return self.connector or make_connector(settings)

    def schema(self, names: str, **options: object) -> dict[str, tuple[Type | None, str]]:
        found = self.chosen.schema(TableRequest((names,), tuple(options.items()), source="orders"))
        return {column.name: (column.type, column.physical) for column in found.columns}

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def problem(self, action: Callable[[], object]) -> str:
        """The one problem that reading meets, as `place: code: message (help)`."""
        with pytest.raises(KpiError) as caught:
            action()
        (found,) = caught.value.diagnostics
        assert found.exit_code == 4
        return f"{found.location}: {found.code}: {found.message}" + (f" ({found.help})" if found.help else "")


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)
