"""The conformance kit: our own connectors pass it, and connectors that are wrong in one way fail it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.dataset as ds
import pyarrow.feather as feather
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from kpi_engine.builtin.connectors import FilesConnector
from kpi_engine.builtin.connectors.memory import MemoryConnector
from kpi_engine.extend.arrow_tables import table_schema
from kpi_engine.extend.rows import ConnectionSettings, Connector, Push, ScanRequest, TableRequest, data_error
from kpi_engine.extend.scans import OpenedScan, dataset_scan, stream_scan
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.testing.connectors import ConnectorKit

from .counting import CountingConnector

pytest_plugins = ["pytester"]

ORDERS = pa.table(
    {
        "id": pa.array(range(9)),
        "at": pa.array(
            [datetime.datetime(2026, 3, 1 + n, tzinfo=datetime.UTC) for n in range(9)], pa.timestamp("us", "UTC")
        ),
        "day": pa.array([None if n == 4 else datetime.date(2026, 3, 1 + n) for n in range(9)]),
        "total": pa.array([None if n == 2 else Decimal(n * 5) / 4 for n in range(9)], pa.decimal128(10, 2)),
        "weight": pa.array([None if n == 3 else n / 7 for n in range(9)]),
        "channel": pa.array([[None, "app", "Äpp", "web", ""][n % 5] for n in range(9)]),
        "paid": pa.array([[True, False, None][n % 3] for n in range(9)]),
    }
)
NOTHING = ORDERS.schema.empty_table()


ONCE = {"test_importing_it_is_quick": "it takes seconds, and is looked at with Parquet"}


class FilesKit(ConnectorKit):
    """Files of one format."""

    tables = ("orders", "nothing")
    empty_table = "nothing"
    money = ("orders.total",)
    ending: ClassVar[str]

    def write(self, table: pa.Table, path: Path) -> None:
        raise NotImplementedError

    def settings(self, folder: Path) -> ConnectionSettings:
        for name, table in (("orders", ORDERS), ("nothing", NOTHING)):
            self.write(table, folder / f"{name}.{self.ending}")
        return ConnectionSettings("default", folder=str(folder))

    def make(self, settings: ConnectionSettings) -> Connector:
        return FilesConnector(settings)


class TestParquet(FilesKit):
    ending = "parquet"

    def write(self, table: pa.Table, path: Path) -> None:
        pq.write_table(table, path, row_group_size=4)


class TestCsv(FilesKit):
    not_applicable = ONCE
    ending = "csv"

    def write(self, table: pa.Table, path: Path) -> None:
        csv.write_csv(table, path)


class TestArrow(FilesKit):
    not_applicable = ONCE
    ending = "arrow"

    def write(self, table: pa.Table, path: Path) -> None:
        feather.write_feather(table, str(path), chunksize=4)


class TestOrc(FilesKit):
    not_applicable = ONCE
    ending = "orc"

    def write(self, table: pa.Table, path: Path) -> None:
        orc.write_table(table.set_column(1, "at", table["at"].cast(pa.timestamp("ns", "UTC"))), str(path))


class TestJson(FilesKit):
    ending = "jsonl"
    tables = ("orders",)
    not_applicable: ClassVar = {**ONCE, "test_an_empty_table": "a file of JSON without a line has no columns"}

    def write(self, table: pa.Table, path: Path) -> None:
        if table.num_rows:
            rows = table.drop_columns(["at", "day", "total"]).to_pylist()
            path.write_text("".join(f"{_json(row)}\n" for row in rows))

    money = ()


def _json(row: dict[str, Any]) -> str:
    import json

    return json.dumps(row)


class TestMemory(ConnectorKit):
    """A table that a program binds; it answers to any name."""

    tables = ("orders",)
    money = ("orders.total",)
    not_applicable: ClassVar = {
        **ONCE,
        "test_an_empty_table": "a connector in memory is one table",
        "test_unknown_names_are_refused": "its table has no name of its own",
    }

    def settings(self, folder: Path) -> ConnectionSettings:
        return ConnectionSettings("memory")

    def make(self, settings: ConnectionSettings) -> Connector:
        return MemoryConnector("orders", ORDERS)


class Tables:
    """A connector of Arrow tables whose scans a subclass makes."""

    data: ClassVar = {"orders": ORDERS, "nothing": NOTHING}

    def tables(self) -> Sequence[str]:
        return tuple(self.data)

    def table(self, request: TableRequest) -> pa.Table:
        (name,) = request.names
        if name not in self.data:
            raise data_error("E601", name, f"there is no table `{name}`")
        return self.data[name]

    def schema(self, table: TableRequest) -> TableSchema:
        return table_schema(self.table(table).schema)


class Datasets(Tables):
    """Datasets: the fast path."""

    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table)
        return dataset_scan(request, ds.dataset([table.slice(0, 5), table.slice(5)] if table.num_rows else table))


class Streams(Tables):
    """A service of pages of two rows, which understands `=` on channel and answers it exactly."""

    def __init__(self) -> None:
        self.pages = 0

    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table)
        pushed: list[Push] = []
        for each in request.predicates:
            known = each.operator == "=" and each.column == "channel"
            if known:
                table = table.filter(ds.field("channel") == each.value)
            pushed.append("exact" if known else "none")

        def pages() -> Iterator[pa.RecordBatch]:
            for batch in table.to_batches(max_chunksize=2):
                self.pages += 1
                yield batch

        return stream_scan(request, table.schema, pages, pushed=pushed)


class InMemoryKit(ConnectorKit):
    not_applicable = ONCE
    tables = ("orders", "nothing")
    empty_table = "nothing"
    money = ("orders.total",)
    connector_class: ClassVar[Callable[[], Connector]]

    def settings(self, folder: Path) -> ConnectionSettings:
        return ConnectionSettings("memory", options=(("token", "env:SHOP_TOKEN"),))

    def make(self, settings: ConnectionSettings) -> Connector:
        return type(self).connector_class()


class TestDatasets(InMemoryKit):
    connector_class = Datasets


class TestStreams(InMemoryKit):
    connector_class = Streams

    def reads(self, connector: Connector) -> int | None:
        assert isinstance(connector, Streams)
        return connector.pages


class KnowsItsTables(CountingConnector):
    def __init__(self) -> None:
        super().__init__(Tables.data)

    def schema(self, table: TableRequest) -> TableSchema:
        if table.names[0] not in self.data:
            raise data_error("E601", table.names[0], "there is no such table")
        return super().schema(table)


class TestAggregating(InMemoryKit):
    connector_class = KnowsItsTables


# Connectors that are wrong in one way, and the check that finds it --------------------------------------------------


class _Claims(Streams):
    """Says that everything is exact, and does nothing."""

    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table)
        return stream_scan(request, table.schema, table.to_batches, pushed=["exact"] * len(request.predicates))


class _DropsNulls(Datasets):
    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table).drop_null() if request.predicates else self.table(request.table)
        return dataset_scan(request, ds.dataset(table))


class _Reorders(Streams):
    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table)
        table = table.sort_by([("id", "descending")]) if len(request.columns) == 1 else table
        return stream_scan(request, table.schema, table.to_batches)


class _Forgets(Streams):
    """Gives its rows once."""

    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table).slice(0, 0 if self.pages else None)
        self.pages += 1
        return stream_scan(request, table.schema, table.to_batches)


class _Local(Streams):
    def table(self, request: TableRequest) -> pa.Table:
        table = super().table(request)
        return table.set_column(1, "at", table["at"].cast(pa.timestamp("us", "Europe/Berlin")))


class _Floats(Streams):
    def table(self, request: TableRequest) -> pa.Table:
        table = super().table(request)
        return table.set_column(3, "total", table["total"].cast(pa.float64()))


class _OtherSchema(Streams):
    def schema(self, table: TableRequest) -> TableSchema:
        found = self.table(table).schema
        return table_schema(found.set(0, pa.field("id", pa.string())))


class _Silent(Streams):
    """An unknown table is an empty one."""

    def table(self, request: TableRequest) -> pa.Table:
        return self.data.get(request.names[0], NOTHING)


class _ReadsOn(Streams):
    """Takes all pages before it gives the first."""

    def scan(self, request: ScanRequest) -> OpenedScan:
        table = self.table(request.table)

        def pages() -> list[pa.RecordBatch]:
            found = table.to_batches(max_chunksize=2)
            self.pages += len(found)
            return found

        return stream_scan(request, table.schema, pages)


class _Tells(Streams):
    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__()
        self.token = settings.secret("token")
        assert self.token is not None
        self.login = f"token={self.token.reveal()}"


class _CountsNulls(KnowsItsTables):
    def partial_states(self, request: Any) -> Any:
        found = super().partial_states(request)
        return type(found)([each.set_column(2, "values_0", each["rows_0"]) for each in found.tables])


WRONG: dict[Any, str] = {
    _Claims: "test_pushed_is_not_pushed",
    _DropsNulls: "test_pushed_is_not_pushed",
    _Reorders: "test_projection_and_order",
    _Forgets: "test_reopening_gives_the_same_rows",
    _Local: "test_times_are_utc_or_without_zone",
    _Floats: "test_money_is_exact",
    _OtherSchema: "test_batches_are_what_the_schema_says",
    _Silent: "test_unknown_names_are_refused",
    _ReadsOn: "test_stopping_early_stops_the_source",
    _Tells: "test_secrets_stay_secret",
    _CountsNulls: "test_states_are_those_of_the_rows",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda each: each.__name__.strip("_"))
def test_the_kit_finds_what_is_wrong(wrong: Any, tmp_path: Path, monkeypatch: Any, caplog: Any, capfd: Any) -> None:
    class Kit(InMemoryKit):
        secrets = ("token",)

        def make(self, settings: ConnectionSettings) -> Connector:
            return wrong(settings) if wrong is _Tells else wrong()

        def reads(self, connector: Connector) -> int | None:
            return connector.pages if isinstance(connector, Streams) else None

    kit, settings = Kit(), InMemoryKit().settings(tmp_path)
    check = getattr(kit, WRONG[wrong])
    if wrong is _Tells:
        arguments: tuple[Any, ...] = (settings, monkeypatch, caplog, capfd)
    elif wrong is _Forgets:
        arguments = (kit.make(settings), settings)
    else:
        arguments = (kit.make(settings),)
    with pytest.raises((AssertionError, ExceptionGroup, pytest.fail.Exception)):
        check(*arguments)


def test_a_kit_without_tables_or_reasons_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from kpi_engine.extend.rows import ConnectionSettings
        from kpi_engine.testing.connectors import ConnectorKit

        class TestNothing(ConnectorKit):
            def settings(self, folder):
                return ConnectionSettings("a")

        class TestNoReason(TestNothing):
            tables = ("a",)
            not_applicable = {"test_an_empty_table": " "}

        class TestNoCheck(TestNothing):
            tables = ("a",)
            not_applicable = {"test_of_nothing": "why"}
        """
    )
    found = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", "test_an_empty_table")
    found.assert_outcomes(errors=3)
    found.stdout.fnmatch_lines(["*nothing is checked*", "*say why*", "*there is no check test_of_nothing*"])
