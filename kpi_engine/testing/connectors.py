"""The conformance kit of connectors: subclass `ConnectorKit`, say how to open yours, and pytest runs what follows.

    class TestMine(ConnectorKit):
        tables = ("orders", "nothing")
        empty_table = "nothing"

        def settings(self, folder):
            write_my_data(folder)
            return ConnectionSettings("mine", "mine", folder=str(folder))

        def make(self, settings):
            return MyConnector(settings)

A check that cannot apply is named in `not_applicable` with the reason; a kit that finds no rows to check fails.
Needs the extra `testing`: `pip install "kpi-engine[testing]"`.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi_engine.extend.arrow_tables import type_of
from kpi_engine.extend.measures import Aggregating, MeasureRequest, SourceTable
from kpi_engine.extend.rows import (
    ColumnRequest,
    ConnectionSettings,
    Connector,
    Operator,
    Predicate,
    ReadReport,
    TableRequest,
)
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.expression import Field
from kpi_engine.ir.plan import MeasureQuery, StateRequest
from kpi_engine.ir.types import TEXT
from kpi_engine.testing.connector_reading import (
    aggregated,
    batches_of,
    columns_of,
    literal,
    matches,
    read,
    rows_of,
    scan_of,
    usable_in_predicates,
)

CANARY = "kpi-canary-7f3a9c"
_QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck))


class ConnectorKit:
    """What every connector must do. Attributes say what there is to check; `settings` and `make` open it."""

    tables: ClassVar[tuple[str, ...]] = ()
    """Tables to read; at least one has rows, best of several types, with nulls."""
    empty_table: ClassVar[str] = ""
    """One of them that has columns and no rows."""
    money: ClassVar[tuple[str, ...]] = ()
    """Columns that hold money, as `table.column`: they must be decimals or integers."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Options of the connection that hold references to keys."""
    import_seconds: ClassVar[float] = 2.0
    """How long importing the connector's module may take beyond the engine's own."""
    examples: ClassVar[int] = 60
    """How many questions are made up for each of the checks that try many; fewer where each takes long."""
    not_applicable: ClassVar[Mapping[str, str]] = {}
    """Reasons by the name of the check: `{"test_an_empty_table": "the service has none"}`."""

    @abstractmethod
    def settings(self, folder: Path) -> ConnectionSettings:
        """A connection to data that the kit may read; `folder` is empty and may be written to."""

    @abstractmethod
    def make(self, settings: ConnectionSettings) -> Connector:
        """A new connector of these settings, as kpi.toml would make it."""

    def reads(self, connector: Connector) -> int | None:
        """How often the source was asked for rows (requests, pages, batches) so far; None if nobody counts."""
        return None

    @pytest.fixture
    def connection(self, tmp_path: Path, request: pytest.FixtureRequest) -> ConnectionSettings:
        """The settings, for checks that apply."""
        unknown = [name for name in self.not_applicable if not callable(getattr(self, name, None))]
        assert not unknown, f"there is no check {unknown[0]}"
        reason = self.not_applicable.get(request.node.originalname)
        if reason is not None:
            assert reason.strip(), "say why the check does not apply"
            pytest.skip(reason)
        assert self.tables, "nothing is checked: name the tables"
        return self.settings(tmp_path)

    @pytest.fixture
    def connector(self, connection: ConnectionSettings) -> Connector:
        """A connector for one check."""
        return self.make(connection)

    # Tables and schemas ----------------------------------------------------------------------------------------------

    def test_there_is_something_to_check(self, connector: Connector) -> None:
        """Some table has rows and columns: a kit that looks at nothing proves nothing."""
        assert any(self._rows(connector, table) for table in self.tables), "all tables are empty"

    def test_listed_tables_can_be_read(self, connector: Connector) -> None:
        """`tables` gives names without repetition, and each has a schema."""
        listed = list(connector.tables())
        assert len(set(listed)) == len(listed)
        for table in {*listed, *self.tables}:
            schema = connector.schema(TableRequest((table,), source=table))
            assert isinstance(schema, TableSchema)
            names = [column.name for column in schema.columns]
            assert names
            assert len(set(names)) == len(names), f"{table} has a column twice"

    def test_batches_are_what_the_schema_says(self, connector: Connector) -> None:
        """The columns asked for, in order, under the names asked for, of the types of the schema."""
        for table in self.tables:
            schema = connector.schema(TableRequest((table,), source=table))
            for batch in batches_of(scan_of(connector, table, [column.name for column in schema.columns])):
                assert isinstance(batch, pa.RecordBatch)
                assert batch.schema.names == [f"asked_{number}" for number in range(len(schema.columns))]
                for column, stored in zip(schema.columns, batch.schema, strict=True):
                    if column.type is not None and not pa.types.is_null(stored.type):
                        wanted = TEXT if schema.text else column.type
                        assert type_of(stored.type) == wanted, f"{table}.{column.name} is {stored.type}"

    def test_unknown_names_are_refused(self, connector: Connector) -> None:
        """A table or a column that is not there is a KpiError of data, and neither a crash nor no rows."""
        with pytest.raises(KpiError) as no_table:
            connector.schema(TableRequest(("no_such_table_here",), source="orders"))
        with pytest.raises(KpiError) as no_column:
            read(connector, self.tables[0], ["no_such_column_here"])
        assert {no_table.value.exit_code, no_column.value.exit_code} == {ExitCode.DATA}

    def test_times_are_utc_or_without_zone(self, connector: Connector) -> None:
        """An instant is in UTC; a local time has no zone."""
        for table, field in self._fields(connector):
            if pa.types.is_timestamp(field.type):
                assert field.type.tz in (None, "UTC", "+00:00"), f"{table}.{field.name} is {field.type}"

    def test_money_is_exact(self, connector: Connector) -> None:
        """Columns of `money` are decimals or integers, or texts that can be read as such; never floats."""
        found = {f"{table}.{field.name}": field.type for table, field in self._fields(connector)}
        for name in self.money:
            assert name in found, f"there is no column {name}"
            assert not pa.types.is_floating(found[name]), f"{name} is {found[name]}"

    # Rows ------------------------------------------------------------------------------------------------------------

    def test_projection_and_order(self, connector: Connector) -> None:
        """Any columns in any order give those of the whole rows, in the same order of rows; no column, the count."""
        known = {table: (columns_of(connector, table), self._rows(connector, table)) for table in self.tables}

        def check(data: st.DataObject) -> None:
            table = data.draw(st.sampled_from(self.tables))
            every, whole = known[table]
            chosen = data.draw(st.lists(st.sampled_from(every), unique=True))
            if not chosen:
                assert sum(batch.num_rows for batch in batches_of(scan_of(connector, table, []))) == len(whole)
                return
            places = [every.index(name) for name in chosen]
            assert read(connector, table, chosen) == [tuple(row[place] for place in places) for row in whole]

        self._for_examples(check)

    def test_pushed_is_not_pushed(self, connector: Connector) -> None:
        """With a predicate come all rows that it means, and if it is answered `exact` no others."""
        known = {table: (columns_of(connector, table), self._rows(connector, table)) for table in self.tables}

        def check(data: st.DataObject) -> None:
            table = data.draw(st.sampled_from(self.tables))
            columns, whole = known[table]
            predicates = data.draw(_predicates(columns, whole))
            scan = scan_of(connector, table, columns, predicates)
            pushed = list(scan.pushed)
            assert len(pushed) == len(predicates)
            assert not set(pushed) - {"exact", "inexact", "none"}
            given = rows_of(batches_of(scan))
            exact = [each for each, answer in zip(predicates, pushed, strict=True) if answer == "exact"]
            assert all(matches(row, columns, each) for row in given for each in exact), "an exact predicate is not"
            meant = [row for row in whole if all(matches(row, columns, each) for each in predicates)]
            assert [row for row in given if all(matches(row, columns, each) for each in predicates)] == meant

        self._for_examples(check)

    def test_an_empty_table(self, connector: Connector) -> None:
        """A table without rows has its columns, and no batch with rows."""
        assert self.empty_table, "name an `empty_table`, or say in `not_applicable` why there is none"
        columns = columns_of(connector, self.empty_table)
        assert columns
        assert read(connector, self.empty_table, columns) == []

    def test_reopening_gives_the_same_rows(self, connector: Connector, connection: ConnectionSettings) -> None:
        """The same rows in the same order from a second scan, a second connector, and two threads at once."""
        for table in self.tables:
            columns = columns_of(connector, table)
            first = read(connector, table, columns)
            assert read(connector, table, columns) == first
            assert read(self.make(connection), table, columns) == first
            with ThreadPoolExecutor(2) as pool:
                for found in pool.map(read, [connector] * 2, [table] * 2, [columns] * 2):
                    assert found == first

    def test_stopping_early_stops_the_source(self, connector: Connector) -> None:
        """Whoever reads one batch and stops leaves nothing behind: the source is asked no further, and works again."""
        table = max(self.tables, key=lambda name: len(self._rows(connector, name)))
        columns = columns_of(connector, table)
        before = self.reads(connector)
        whole = read(connector, table, columns)
        after = self.reads(connector)
        for fragment in scan_of(connector, table, columns).fragments()[:1]:
            batches = fragment.batches(ReadReport())
            next(batches, None)
            assert isinstance(batches, Iterator)
            close = getattr(batches, "close", None)
            assert close is not None, "`batches` must be a generator, so that it can be closed"
            close()
        stopped = self.reads(connector)
        assert read(connector, table, columns) == whole
        if before is not None and after is not None and stopped is not None and after - before > 1:
            assert stopped - after < after - before, "the source was read to its end"

    # Around it -------------------------------------------------------------------------------------------------------

    def test_secrets_stay_secret(
        self,
        connection: ConnectionSettings,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """A key is in no message, log, output or repr, whether the connection works with it or not."""
        monkeypatch.setenv("KPI_CANARY", CANARY)
        caplog.set_level(logging.DEBUG)
        known = {**dict(connection.options), **dict.fromkeys(self.secrets, "env:KPI_CANARY")}
        poisoned = replace(connection, options=tuple(known.items()))
        seen = [repr(poisoned)]
        try:
            connector = self.make(poisoned)
            seen.append(repr(vars(connector)) if hasattr(connector, "__dict__") else repr(connector))
            for table in self.tables:
                read(connector, table, columns_of(connector, table))
        except Exception as error:  # noqa: BLE001 - whatever it raises is looked at
            chain: BaseException | None = error
            while chain is not None:
                seen.append(f"{chain!r} {chain}")
                chain = chain.__cause__ or chain.__context__
        out, err = capfd.readouterr()
        for text in (*seen, out, err, caplog.text):
            assert CANARY not in text, text

    def test_importing_it_is_quick(self, connector: Connector) -> None:
        """The module of the connector is imported within `import_seconds`, the engine's own modules not counted."""
        module = type(connector).__module__
        code = (
            "import sys, time; sys.path[:0] = sys.argv[2:]; import kpi_engine.extend.scans, kpi_engine.extend.measures;"
            "started = time.process_time(); __import__(sys.argv[1]); print(time.process_time() - started)"
        )
        command = [sys.executable, "-c", code, module, *(path for path in sys.path if path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        seconds = float(done.stdout.split()[-1])
        assert seconds <= self.import_seconds, f"importing {module} took {seconds:.1f} s"

    def test_states_are_those_of_the_rows(self, connector: Connector) -> None:
        """A connector that aggregates counts, sums and finds extremes as its own rows say."""
        if not isinstance(connector, Aggregating):
            return
        checked = 0
        for table in self.tables:
            rows = self._rows(connector, table)
            for place, column in enumerate(connector.schema(TableRequest((table,), source=table)).columns):
                if column.type is None:
                    continue
                field = Field(column.name, column.type)
                states = [StateRequest("count", field), StateRequest("minimum", field), StateRequest("maximum", field)]
                request = _request(table, column.name, tuple(states))
                if not connector.supports(request):
                    continue
                checked += 1
                (found,) = connector.partial_states(request).tables
                given = found.to_pylist() or [{"rows_0": 0, "values_0": 0, "extreme_1": None, "extreme_2": None}]
                assert len(given) == 1
                names = ("rows_0", "values_0", "extreme_1", "extreme_2")
                assert tuple(given[0][name] for name in names) == aggregated(rows, place), f"{table}.{column.name}"
        assert checked, "it supports no count, minimum and maximum of any column"

    # Helpers ---------------------------------------------------------------------------------------------------------

    def _for_examples(self, check: Callable[[st.DataObject], None]) -> None:
        settings(_QUIET, max_examples=self.examples)(given(data=st.data())(check))()

    def _rows(self, connector: Connector, table: str) -> list[tuple[Any, ...]]:
        return read(connector, table, columns_of(connector, table))

    def _fields(self, connector: Connector) -> Iterator[tuple[str, pa.Field]]:
        for table in self.tables:
            columns = columns_of(connector, table)
            for batch in batches_of(scan_of(connector, table, columns))[:1]:
                for name, field in zip(columns, batch.schema, strict=True):
                    yield table, field.with_name(name)


def _request(table: str, column: str, states: tuple[StateRequest, ...]) -> MeasureRequest:
    query = MeasureQuery(table, (), None, (), states)
    columns = {column: ColumnRequest(column, column)}
    return MeasureRequest(query, {table: SourceTable(TableRequest((table,), source=table), columns)})


_OPERATORS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=", "in")


@st.composite
def _predicates(draw: st.DrawFn, columns: list[str], rows: list[tuple[Any, ...]]) -> list[Predicate]:
    """One to three predicates whose values are in the data, or next to them."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(columns) - 1))
        values = [literal(row[place]) for row in rows if usable_in_predicates(row[place])]
        if not values or draw(st.integers(0, 5)) == 0:
            found.append(Predicate(columns[place], "is_null"))
            continue
        operator = draw(st.sampled_from(_OPERATORS))
        if operator == "in":
            items = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
            found.append(Predicate(columns[place], "in", items))
        else:
            found.append(Predicate(columns[place], operator, draw(st.sampled_from(values))))
    return found
