"""What programs read: every value comes back exactly."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi_engine.extend.formats import Surface
from kpi_engine.ir.result import ResultColumn, RunStats, SourceStats
from kpi_engine.ir.types import Display
from kpi_engine.present.html import table_html
from kpi_engine.present.notes import note_lines, run_lines

reuse = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\0x", "", " ", 'a"b', "a,b", "a\nb", "|", "'"]
)


def exact(answer: Any) -> list[dict[str, object]]:
    """The rows of an answer as Python numbers; durations as exact seconds."""
    rows = []
    for row in answer.table.to_pylist():
        rows.append({key: _exact(value) for key, value in row.items()})
    return rows


def _exact(value: object) -> object:
    if isinstance(value, datetime.timedelta):
        return Decimal(value // datetime.timedelta(microseconds=1)) / 1_000_000
    if isinstance(value, datetime.date):
        return value.isoformat()
    return Decimal(repr(value)) if isinstance(value, float) else value


def test_json_gives_every_value_back(scorecard: Any, written: Callable[..., str]) -> None:
    text = written(scorecard, "json")
    assert json.loads(text, parse_float=Decimal) == exact(scorecard)
    assert '"revenue": 1234567.50' in text
    assert '"fulfilment_time": 12000,' in text


def test_jsonl_is_an_object_a_line(scorecard: Any, written: Callable[..., str]) -> None:
    lines = written(scorecard, "jsonl").splitlines()
    assert [json.loads(line, parse_float=Decimal) for line in lines] == exact(scorecard)


def test_no_rows_is_an_empty_array(make: Callable[..., Any], written: Callable[..., str]) -> None:
    empty = make((ResultColumn("n", "metric"), pa.array([], pa.int64())))
    assert json.loads(written(empty, "json")) == []
    assert written(empty, "jsonl") == ""
    assert written(empty, "csv") == "n\n"


def test_numbers_that_no_float_holds_stay_exact(make: Callable[..., Any], written: Callable[..., str]) -> None:
    large = make(
        (ResultColumn("n", "metric", Display("count")), pa.array([2**63 - 1])),
        (ResultColumn("d", "metric"), pa.array([Decimal("12345678901234567890.12")], pa.decimal128(38, 2))),
    )
    assert written(large, "jsonl") == '{"n": 9223372036854775807, "d": 12345678901234567890.12}\n'
    assert written(large, "csv") == "n,d\n9223372036854775807,12345678901234567890.12\n"


def test_what_is_no_number_is_null(make: Callable[..., Any], written: Callable[..., str]) -> None:
    odd = make((ResultColumn("r", "metric"), pa.array([float("nan"), float("inf"), 1.0])))
    assert [row["r"] for row in json.loads(written(odd, "json"))] == [None, None, 1.0]


def test_hours_carry_their_offset(make: Callable[..., Any], written: Callable[..., str]) -> None:
    instants = pa.array([1793505600 * 10**6, 1793509200 * 10**6], pa.int64()).cast(
        pa.timestamp("us", "America/New_York")
    )
    hours = make(
        (ResultColumn("period", "period", grain="hour"), instants), (ResultColumn("n", "metric"), pa.array([1, 2]))
    )
    read = [datetime.datetime.fromisoformat(row["period"]) for row in json.loads(written(hours, "json"))]
    assert [instant.timestamp() for instant in read] == [1793505600, 1793509200]
    assert all(instant.utcoffset() is not None for instant in read)


def test_durations_that_are_not_whole_microseconds_are_seconds_too(
    make: Callable[..., Any], written: Callable[..., str]
) -> None:
    times = make((ResultColumn("t", "metric", Display("duration")), pa.array([1_500_000.5, 0.0])))
    assert written(times, "csv") == "t\n1.5000005\n0\n"


@reuse
@given(values=st.lists(st.none() | texts, min_size=1, max_size=6))
def test_csv_reads_back_and_begins_no_formula(values: list[str | None], make: Any, written: Any) -> None:
    answer = make(
        (ResultColumn("name", "dimension"), pa.array(values, pa.string())),
        (ResultColumn("n", "metric"), pa.array([1] * len(values))),
    )
    text = written(answer, "csv")
    read = list(csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline="")))
    assert len(read) == len(values) + 1
    for cells, value in zip(read[1:], values, strict=True):
        assert cells[1] == "1"
        assert not cells[0].startswith(("=", "+", "-", "@", "\t", "\r", "\ufffd")) or (value or "").startswith("\ufffd")
        expected = (value or "").replace("\0", "\ufffd")
        dangerous = (value or "").startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
        assert cells[0] == (f"'{expected}" if dangerous else expected)


def test_csv_tells_null_from_an_empty_text(make: Callable[..., Any], written: Callable[..., str]) -> None:
    names = make(
        (ResultColumn("a", "dimension"), pa.array([None, ""])), (ResultColumn("b", "dimension"), pa.array(["x", "y"]))
    )
    assert written(names, "csv") == 'a,b\n,x\n"",y\n'


def test_csv_leaves_numbers_untouched(make: Callable[..., Any], written: Callable[..., str]) -> None:
    numbers = make(
        (ResultColumn("n", "metric"), pa.array([-5, 5])),
        (ResultColumn("d", "metric"), pa.array([Decimal("-1.50"), None], pa.decimal128(9, 2))),
    )
    assert written(numbers, "csv") == "n,d\n-5,-1.50\n5,\n"


def test_a_heading_begins_no_formula(make: Callable[..., Any], written: Callable[..., str]) -> None:
    answer = make((ResultColumn("=x", "metric"), pa.array([1])))
    assert written(answer, "csv").startswith("'=x\n")


def test_csv_on_a_terminal_carries_no_escape_sequences(scorecard: Any, written: Callable[..., str]) -> None:
    assert "\x1b" in written(scorecard, "csv")
    assert "\x1b" not in written(scorecard, "csv", Surface(80, terminal=True))


def test_arrow_and_parquet_hold_the_same_table(scorecard: Any, written_bytes: Callable[..., bytes]) -> None:
    scorecard.table = scorecard.table.replace_schema_metadata({"as_of": "2027-06-15"})
    stream = pa.ipc.open_stream(written_bytes(scorecard, "arrow")).read_all()
    assert stream.equals(scorecard.table, check_metadata=True)
    assert pq.read_table(pa.BufferReader(written_bytes(scorecard, "parquet"))).equals(scorecard.table)


def test_dictionaries_are_read_as_their_values(make: Callable[..., Any], written: Callable[..., str]) -> None:
    encoded = make((ResultColumn("channel", "dimension"), pa.array(["b", "a", None, "b"]).dictionary_encode()))
    assert [row["channel"] for row in json.loads(written(encoded, "json"))] == ["b", "a", None, "b"]
    assert "b" in written(encoded, "table")


@reuse
@given(values=st.lists(st.none() | texts, min_size=1, max_size=5))
def test_markdown_has_as_many_cells_in_every_line(values: list[str | None], make: Any, written: Any) -> None:
    answer = make(
        (ResultColumn("name", "dimension"), pa.array(values, pa.string())),
        (ResultColumn("n", "metric"), pa.array([1] * len(values))),
    )
    lines = written(answer, "markdown").rstrip("\n").split("\n")
    assert len(lines) == len(values) + 2
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {3}


def test_html_escapes_every_text(make: Callable[..., Any]) -> None:
    answer = make(
        (ResultColumn("name", "dimension"), pa.array(['<script>alert("x")</script>'])), stats=RunStats(notes=["<b>"])
    )
    page = table_html(answer)
    assert "<script" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page


def test_notes_say_what_the_table_does_not(scorecard: Any) -> None:
    scorecard.stats.watermarks = {"orders": "2027-06-10 00:00", "visits": "2027-06-15 00:00"}
    scorecard.stats.notes.append("weeks begin on Monday")
    scorecard.stats.zero_divisions = {"conversion": 2, "revenue": 0}
    scorecard.stats.sources = {
        "orders": SourceStats(rows=12000, bytes=2_500_000, fragments_read=2, fragments_pruned=1, excluded_rows=1)
    }
    lines = [line.replace("\u202f", " ") for line in note_lines(scorecard)]
    assert lines == [
        "as of 2027-06-15 00:00",
        "orders is complete up to 2027-06-10 00:00",
        "* this period is not complete",
        "weeks begin on Monday",
        "1 row of orders left out: no time",
        "conversion: 2 values empty because of a division by zero",
    ]
    scorecard.stats.seconds = {"plan": 0.001, "scan": 0.25}
    assert [line.replace("\u202f", " ") for line in run_lines(scorecard.stats)] == [
        "orders: 12 000 rows, 2.5 MB in 2 pieces, 1 skipped",
        "plan: 1.0 ms",
        "scan: 250.0 ms",
        "together: 251.0 ms",
    ]
