"""Parquet files: row groups, statistics, dictionaries, several files of one table."""

from __future__ import annotations

import datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.builtin.connectors import make_connector
from kpi_engine.builtin.connectors.pruning import BoundsOf, statistics
from kpi_engine.connect.conform import conformer
from kpi_engine.connect.reader import ConformedScan
from kpi_engine.extend.rows import (
    ColumnRequest,
    ConnectionSettings,
    Predicate,
    ReadReport,
    ScanRequest,
    TableRequest,
)
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import DATE, DECIMAL, FLOAT, INTEGER, TEXT, TIMESTAMP, currency

UTC = datetime.UTC


def orders(rows: int) -> pa.Table:
    start = datetime.datetime(2027, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "id": [f"order-{number:09}" for number in range(rows)],
            "channel": [("web", "shop", None)[number % 3] for number in range(rows)],
            "total": pa.array([Decimal(number) / 100 for number in range(rows)], pa.decimal128(12, 2)),
            "at": pa.array([start + datetime.timedelta(minutes=n) for n in range(rows)], pa.timestamp("ms", "UTC")),
            "day": [(start + datetime.timedelta(days=number // 100)).date() for number in range(rows)],
            "count": pa.array(range(rows), pa.int32()),
        }
    )


def test_row_groups_are_fragments(read: Any) -> None:
    pq.write_table(orders(250), read.folder / "orders.parquet", row_group_size=100)
    found = read("orders", {"count": INTEGER})
    assert found.column("count") == list(range(250))
    assert [fragment.name for fragment in found.scan.fragments()] == [
        f"orders.parquet (row group {number})" for number in (1, 2, 3)
    ]
    assert found.scan.fragments()[1].place(7) == "orders.parquet, row 108"
    assert found.report.fragments_read == 3 and found.report.rows == 250 and found.report.bytes > 0


def test_schema_from_the_footer(read: Any) -> None:
    pq.write_table(orders(3), read.folder / "orders.parquet")
    assert read.schema("orders") == {
        "id": (TEXT, "string"),
        "channel": (TEXT, "string"),
        "total": (DECIMAL, "decimal128(12, 2)"),
        "at": (TIMESTAMP, "timestamp[ms, tz=UTC]"),
        "day": (DATE, "date32[day]"),
        "count": (INTEGER, "int32"),
    }


def test_only_few_values_make_a_dictionary(read: Any) -> None:
    pq.write_table(orders(50_000), read.folder / "orders.parquet")
    (batch,) = read("orders", {"id": TEXT, "channel": TEXT}).batches
    assert batch.schema.field("channel").type == pa.dictionary(pa.int32(), pa.string())
    assert batch.schema.field("id").type == pa.string()


def test_bounds_come_from_statistics(read: Any) -> None:
    pq.write_table(orders(200), read.folder / "orders.parquet", row_group_size=100)
    types = {"at": TIMESTAMP, "day": DATE, "total": currency("CNY"), "count": INTEGER, "id": TEXT}
    second = read("orders", types).scan.fragments()[1]
    at = [datetime.datetime(2027, 1, 1, tzinfo=UTC) + datetime.timedelta(minutes=n) for n in (100, 199)]
    assert second.bounds("at") == tuple(at)
    assert second.bounds("day") == (datetime.date(2027, 1, 2), datetime.date(2027, 1, 2))
    assert second.bounds("total") == (Decimal("1.00"), Decimal("1.99"))
    assert second.bounds("count") == (100, 199)
    assert second.bounds("unknown") is None


def test_bounds_of_local_times_hold_in_every_zone(read: Any) -> None:
    local = datetime.datetime(2027, 1, 1, 12)
    pq.write_table(pa.table({"at": pa.array([local], pa.timestamp("ns"))}), read.folder / "t.parquet")
    found = read("t", {"at": TIMESTAMP})
    low, high = found.scan.fragments()[0].bounds("at")
    assert low <= found.rows[0]["at"] <= high
    assert high - low == datetime.timedelta(days=2)


def test_a_column_read_as_another_type_has_no_bounds(read: Any) -> None:
    pq.write_table(pa.table({"day": ["9.1.2027", "10.1.2027"]}), read.folder / "t.parquet")
    scan = read("t", {"day": DATE}, formats={"day": "%d.%m.%Y"}).scan
    assert scan.fragments()[0].bounds("day") is None
    hit = Predicate("day", "=", datetime.date(2027, 1, 9))
    assert len(read("t", {"day": DATE}, formats={"day": "%d.%m.%Y"}, predicates=[hit]).rows) == 2


OPERATORS = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
    "in": lambda value, wanted: value in wanted,
}

small = st.one_of(st.none(), st.integers(-3, 3))
words = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "dd", ""]))
WANTED = {"n": (-4, -1, 0, 2), "w": ("", "a", "c", "z")}


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.tuples(small, words), min_size=1, max_size=20))
def test_pruning_never_loses_a_row(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[int | None, str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("prune")
    numbers, texts = ([pair[side] for pair in values] for side in (0, 1))
    table = pa.table({"n": pa.array(numbers, pa.int64()), "w": pa.array(texts, pa.string())})
    pq.write_table(table, folder / "t.parquet", row_group_size=3)
    connector = make_connector(ConnectionSettings("default", folder=str(folder)))
    columns = (ColumnRequest("n", "n", INTEGER), ColumnRequest("w", "w", TEXT))

    for column, operator in product("nw", [*OPERATORS, "is_null"]):
        for value in WANTED[column]:
            wanted: Any = (value, WANTED[column][0]) if operator == "in" else value
            predicate = Predicate(column, operator, wanted)  # type: ignore[arg-type]
            scan = connector.scan(ScanRequest(TableRequest(("t",)), columns, (predicate,)))
            batches = [batch for fragment in scan.fragments() for batch in fragment.batches(ReadReport())]
            kept = [row for batch in batches for row in batch.to_pylist() if holds(predicate, row)]
            assert kept == [row for row in table.to_pylist() if holds(predicate, row)]
            assert list(scan.pushed) == ["inexact"]
            assert len(scan.fragments()) + scan.pruned == -(-len(values) // 3)


def holds(predicate: Predicate, row: dict[str, Any]) -> bool:
    value = row[predicate.column]
    if predicate.operator == "is_null":
        return value is None
    return value is not None and bool(OPERATORS[predicate.operator](value, predicate.value))


def test_pruning_prunes(read: Any) -> None:
    pq.write_table(orders(1000), read.folder / "orders.parquet", row_group_size=100)
    late = Predicate("at", ">=", datetime.datetime(2027, 1, 1, 15, tzinfo=UTC))
    found = read("orders", {"count": INTEGER, "at": TIMESTAMP}, predicates=[late])
    assert found.column("count") == list(range(900, 1000))
    assert found.scan.pruned == 9


def test_nothing_but_rows_can_be_asked(read: Any) -> None:
    pq.write_table(orders(250), read.folder / "orders.parquet", row_group_size=100)
    assert [batch.num_rows for batch in read("orders", {}).batches] == [100, 100, 50]


def test_one_stored_column_under_two_names(read: Any) -> None:
    from kpi_engine.connect.conform import conformer

    pq.write_table(pa.table({"n": [1, 2]}), read.folder / "t.parquet")
    columns = (ColumnRequest("a", "n", INTEGER), ColumnRequest("b", "n", TEXT))
    (fragment,) = read.chosen.scan(ScanRequest(TableRequest(("t",)), columns)).fragments()
    (batch,) = fragment.batches(ReadReport())
    shaped = conformer(columns, {}, "UTC").conform(batch, fragment, 0, ReadReport())
    assert shaped.to_pylist() == [{"a": 1, "b": "1"}, {"a": 2, "b": "2"}]


def write_parts(folder: Path, *columns: dict[str, Any]) -> None:
    (folder / "t").mkdir()
    for number, data in enumerate(columns, 1):
        pq.write_table(pa.table(data), folder / "t" / f"{number}.parquet")


def test_files_of_unlike_widths_go_together(read: Any) -> None:
    write_parts(
        read.folder,
        {"n": pa.array([1], pa.int16()), "s": pa.array(["a"], pa.large_string())},
        {"n": pa.array([2.5], pa.float32()), "s": pa.array(["b"]).dictionary_encode()},
        {"n": pa.array([None], pa.null()), "s": pa.array([None], pa.null())},
    )
    assert read.schema("t") == {"n": (FLOAT, "float"), "s": (TEXT, "large_string")}
    assert read("t", {"n": FLOAT, "s": TEXT}).rows == [
        {"n": 1.0, "s": "a"},
        {"n": 2.5, "s": "b"},
        {"n": None, "s": None},
    ]


def test_types_that_differ_are_named_with_both_files(read: Any) -> None:
    write_parts(read.folder, {"n": [1]}, {"n": ["x"]})
    assert read.schema("t") == {"n": (None, "int64 in t/1.parquet but string in t/2.parquet")}
    assert read.problem(lambda: read("t", {"n": None})) == (
        "t/2.parquet: E606: the column `n` is int64 in t/1.parquet but string in t/2.parquet"
        " (declare its type in the source, as `column n: text`, if both can be read as that)"
    )
    assert read("t", {"n": TEXT}).column("n") == ["1", "x"]


def test_a_column_of_some_files_is_named_with_both(read: Any) -> None:
    write_parts(read.folder, {"a": [1]}, {"a": [1], "b": [2]})
    assert read.problem(lambda: read("t", {"b": INTEGER})).startswith(
        "t/1.parquet: E607: the column `b` is in t/2.parquet but not in t/1.parquet"
    )
    assert read("t", {"a": INTEGER}).column("a") == [1, 1]


def test_a_column_twice_in_one_file(read: Any) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), read.folder / "t.parquet")
    assert "E607: the column `a` occurs 2 times" in read.problem(lambda: read("t", {"a": INTEGER}))


def test_empty_tables(read: Any) -> None:
    pq.write_table(orders(0), read.folder / "orders.parquet")
    found = read("orders", {"count": INTEGER})
    assert found.rows == [] and found.scan.pruned == 0


def test_a_changed_file_is_read_anew(read: Any) -> None:
    read.connector = read.chosen
    pq.write_table(pa.table({"n": [1]}), read.folder / "t.parquet")
    assert read("t", {"n": INTEGER}).rows == [{"n": 1}]
    pq.write_table(pa.table({"n": [1, 2], "m": [3, 4]}), read.folder / "t.parquet")
    assert read("t", {"m": INTEGER}).column("m") == [3, 4]


def test_nan_is_null_and_counted(read: Any) -> None:
    pq.write_table(pa.table({"x": [1.0, float("nan"), float("inf"), -0.0]}), read.folder / "t.parquet")
    found = read("t", {"x": FLOAT})
    assert repr(found.column("x")) == "[1.0, None, None, 0.0]"
    assert found.report.nan_values == 2


def test_large_row_groups_come_in_parts(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kpi_engine.builtin.connectors import parquet

    monkeypatch.setattr(parquet, "_LARGEST_BATCH", 30)
    pq.write_table(orders(100), read.folder / "orders.parquet")
    found = read("orders", {"count": INTEGER})
    assert [batch.num_rows for batch in found.batches] == [34, 34, 32]
    assert found.column("count") == list(range(100))


def test_rows_of_a_row_group_in_parts_keep_their_numbers(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kpi_engine.builtin.connectors import parquet

    monkeypatch.setattr(parquet, "_BATCH", 2)
    monkeypatch.setattr(parquet, "_LARGE", 3)
    pq.write_table(pa.table({"n": ["1", "2", "3", "4", "5"]}), read.folder / "good.parquet")
    found = read("good", {"n": INTEGER})
    assert [batch.num_rows for batch in found.batches] == [2, 2, 1]
    assert found.column("n") == [1, 2, 3, 4, 5]
    pq.write_table(pa.table({"n": ["1", "2", "3", "4", "five"]}), read.folder / "bad.parquet")
    assert "row 5" in read.problem(lambda: read("bad", {"n": INTEGER}))


@pytest.mark.parametrize("large", [1, 1000])
def test_batches_have_about_as_many_rows_as_are_wanted(read: Any, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    """Whatever the columns hold, decoded beside each other or one after the other; a row group that is hardly larger
    comes whole, and rows keep their numbers."""
    from kpi_engine.builtin.connectors import parquet

    monkeypatch.setattr(parquet, "_LARGE", large)
    days = [datetime.date(2027, 1, 1) + datetime.timedelta(days=row) for row in range(230)]
    table = pa.table(
        {
            "n": [*map(str, range(229)), "none"],
            "word": pa.array(["a", None, "b"] * 76 + ["c", "a"]),
            "day": days,
            "tags": [[row] * (row % 3) for row in range(230)],
        }
    )
    pq.write_table(table, read.folder / "t.parquet", row_group_size=130)

    def batches(rows: int | None, *names: str) -> list[pa.RecordBatch]:
        columns = tuple(ColumnRequest(name, name) for name in names)
        connector = make_connector(ConnectionSettings("default", folder=str(read.folder)))
        scan = connector.scan(ScanRequest(TableRequest(("t",)), columns, batch_rows=rows))
        return [batch for fragment in scan.fragments() for batch in fragment.batches(ReadReport())]

    every = ("n", "word", "day", "tags")
    assert [batch.num_rows for batch in batches(None, *every)] == [130, 100]
    assert [batch.num_rows for batch in batches(100, *every)] == [130, 100]
    assert [batch.num_rows for batch in batches(60, *every)] == [65, 65, 50, 50]
    assert [batch.num_rows for batch in batches(60)] == [65, 65, 50, 50]
    found = [row for batch in batches(40, *every) for row in batch.to_pylist()]
    assert found == table.to_pylist()
    scan = make_connector(ConnectionSettings("default", folder=str(read.folder))).scan(
        ScanRequest(TableRequest(("t",)), (ColumnRequest("n", "n", INTEGER),), batch_rows=40)
    )
    conformed = ConformedScan(scan, conformer((ColumnRequest("n", "n", INTEGER),), {}, "UTC"))
    with pytest.raises(KpiError, match="row 230"):
        for fragment in conformed.fragments():
            list(fragment.batches(ReadReport()))


def test_bounds_the_wrong_way_round_are_none() -> None:
    """As a damaged footer has them: nothing is left out on their word."""

    class Chunk:
        num_values = 3
        statistics = SimpleNamespace(has_null_count=True, null_count=0, has_min_max=True, min=9, max=1)

    found = statistics(Chunk, BoundsOf(True))
    assert (found.bounds, found.nulls, found.rows) == (None, 0, 3)
    Chunk.statistics.min = 1
    assert statistics(Chunk, BoundsOf(True)).bounds == (1, 1)


def test_a_predicate_on_a_column_that_is_not_asked_for_rules_row_groups_out(read: Any) -> None:
    pq.write_table(orders(250), read.folder / "orders.parquet", row_group_size=100)
    found = read("orders", {"channel": TEXT}, predicates=[Predicate("count", "<", 150)])
    assert len(found.scan.fragments()) == 2 and found.scan.pruned == 1


def test_what_is_placed_keeps_its_place_in_every_use(read: Any) -> None:
    """One value stands for a column of times where all who look at it see one place, and never for local times."""
    times = [datetime.datetime(2027, 1, 10, 12, minute, tzinfo=UTC) for minute in (5, 20)]
    naive = pa.array(times, pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    pq.write_table(
        pa.table({"at": pa.array(times, pa.timestamp("us", "UTC")), "local": naive}), read.folder / "t.parquet"
    )
    month = (datetime.datetime(2027, 1, 1, tzinfo=UTC), datetime.datetime(2027, 2, 1, tzinfo=UTC))
    quarter = (datetime.datetime(2027, 1, 10, 12, 15, tzinfo=UTC),)

    def given(*asked: tuple[str, tuple[datetime.date, ...] | None]) -> list[list[Any]]:
        columns = tuple(ColumnRequest(f"c{n}", name, TIMESTAMP, edges=edges) for n, (name, edges) in enumerate(asked))
        connector = make_connector(ConnectionSettings("files", folder=str(read.folder)))
        (fragment,) = connector.scan(ScanRequest(TableRequest(("t",)), columns)).fragments()
        (batch,) = fragment.batches(ReadReport())
        return [column.cast(pa.timestamp("us")).to_pylist() for column in batch.columns]

    stored = [time.replace(tzinfo=None) for time in times]
    first = [stored[0]] * 2
    assert given(("at", month)) == [first]
    assert given(("at", quarter)) == given(("local", month)) == [stored]
    assert given(("at", month), ("at", None)) == given(("at", month), ("at", quarter)) == [stored, stored]
    assert given(("at", quarter), ("at", month)) == [stored, stored]
