"""`kpi eval` and `kpi explain`: what is asked, where the answer goes, and in which form."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi_engine.cli import output
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.result import SourceStats

Run = Callable[..., Any]


def test_a_question_arrives_as_it_was_written(kpi: Run, project: Any) -> None:
    done = kpi(
        "eval", "revenue,orders", "conversion", "--by", "channel", "--by", "country,device", "--grain", "month",
        "--where", 'channel = "app"', "--from", "2026-01", "--to", "2026-06", "--as-of", "2026-07-01", "--skip-empty",
        "--order-by", "revenue:desc,period", "--limit", "10",
    )  # fmt: skip
    assert done.code == 0
    ((metrics, settings),) = project.asked
    assert metrics == ("revenue", "orders", "conversion")
    assert settings == {
        "by": ("channel", "country", "device"),
        "grain": "month",
        "where": 'channel = "app"',
        "start": "2026-01",
        "end": "2026-06",
        "as_of": "2026-07-01",
        "skip_empty": True,
        "order_by": ("revenue:desc", "period"),
        "limit": 10,
        "detail": False,
    }


def test_a_short_question_leaves_the_rest_open(kpi: Run, project: Any) -> None:
    assert kpi("eval", "revenue").code == 0
    ((_, settings),) = project.asked
    assert settings["by"] == () and settings["order_by"] == () and settings["skip_empty"] is False
    assert {settings[key] for key in ("grain", "where", "start", "end", "as_of", "limit")} == {None}


def test_in_a_pipe_the_answer_is_csv_and_the_rest_is_on_stderr(kpi: Run, project: Any) -> None:
    done = kpi("eval", "revenue", "--stats")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows == [
        {"period": "2026-01-01", "channel": "app", "revenue": "1234.50"},
        {"period": "2026-02-01", "channel": "'=cmd", "revenue": ""},
    ]
    assert done.err == "as of 2026-03-01 00:00\nscan: 100.0 ms\ntogether: 100.0 ms\n"


@pytest.mark.parametrize("format", ["table", "csv", "json", "jsonl", "markdown", "arrow", "parquet"])
def test_every_format_can_be_written(kpi: Run, project: Any, format: str) -> None:
    done = kpi("eval", "revenue", "-f", format)
    assert done.code == 0
    if format == "arrow":
        assert pa.ipc.open_stream(done.raw).read_all().equals(project.answer.table)
    elif format == "parquet":
        assert pq.read_table(pa.BufferReader(done.raw)).equals(project.answer.table)
    else:
        assert "app" in done.out


def test_an_unknown_format_is_said_before_anything_is_read(kpi: Run, project: Any) -> None:
    done = kpi("eval", "revenue", "-f", "jsn")
    assert (done.code, done.out, project.opened) == (2, "", [])
    assert "no format `jsn`" in done.err and "did you mean `json`?" in done.err


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "²"])
def test_a_limit_is_a_whole_number(kpi: Run, project: Any, limit: str) -> None:
    done = kpi("eval", "revenue", f"--limit={limit}")
    assert done.code == 2 and "E726" in done.err and project.asked == []


def test_memory_is_an_amount(kpi: Run, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_MEMORY", "")
    done = kpi("eval", "revenue", "--memory", "plenty")
    assert done.code == 2 and "E823" in done.err and "--memory" in done.err and project.asked == []
    assert kpi("eval", "revenue", "--memory", "2 GB").code == 0
    assert os.environ["KPI_MEMORY"] == "2 GB"


def test_a_profile_says_where_the_time_went(kpi: Run, project: Any) -> None:
    project.answer.stats.sources["orders"] = SourceStats(rows=1200, fragments_read=3, seconds={"read": 0.5})
    project.answer.stats.seconds["scan"] = 0.75
    lines = kpi("eval", "revenue", "--profile").err.replace("\u202f", " ").splitlines()
    heads = next(line for line in lines if line.startswith("source"))
    row = next(line for line in lines if line.startswith("orders "))
    assert heads.split() == ["source", "rows", "bytes", "read", "skipped", "known", "read", "states", "kept", "merge"]
    assert row.split() == ["orders", "1", "200", "0", "B", "3", "0", "0", "0.500", "0.000", "0.000", "0.000"]
    assert len(heads) == len(row) and "scan        0.750" in lines


def test_a_binary_format_is_not_for_terminals(kpi: Run, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    done = kpi("eval", "revenue", "-f", "parquet")
    assert done.code == 2 and "-o answer.parquet" in done.err


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.json", b"[\n"), ("a.csv", b"period,"), ("plain", b"period,"), ("a.PARQUET", b"PAR1"), ("a.md", b"| ")],
)
def test_the_ending_of_the_file_chooses_the_format(
    kpi: Run, project: Any, folder: Path, name: str, start: bytes
) -> None:
    done = kpi("eval", "revenue", "-o", name)
    assert (done.code, done.out) == (0, "")
    assert (folder / name).read_bytes().startswith(start)
    assert [path.name for path in folder.iterdir()] == [name]


def test_an_unknown_ending_asks_for_a_format(kpi: Run, project: Any, folder: Path) -> None:
    done = kpi("eval", "revenue", "-o", "a.xlsx")
    assert done.code == 2 and "`.xlsx`" in done.err and list(folder.iterdir()) == []
    assert kpi("eval", "revenue", "-o", "a.xlsx", "-f", "csv").code == 0


def test_a_file_is_the_old_one_or_the_whole_new_one(
    kpi: Run, project: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / "answer.csv"
    target.write_text("old")
    target.chmod(0o640)

    def break_down(*arguments: object) -> None:
        arguments[1].write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("kpi_engine.present.delimited.write_csv", break_down)
        done = kpi("eval", "revenue", "-o", "answer.csv")
    assert done.code == 4 and "cannot write answer.csv: no space left on device" in done.err
    assert target.read_text() == "old" and list(folder.iterdir()) == [target]
    assert kpi("eval", "revenue", "-o", "answer.csv").code == 0
    assert target.read_text().startswith("period,")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_stays_a_link(kpi: Run, project: Any, folder: Path) -> None:
    (folder / "real.csv").write_text("old")
    (folder / "answer.csv").symlink_to("real.csv")
    assert kpi("eval", "revenue", "-o", "answer.csv").code == 0
    assert (folder / "answer.csv").is_symlink()
    assert (folder / "real.csv").read_text().startswith("period,")


def test_pipes_and_standard_output_are_written_to_directly(kpi: Run, project: Any, folder: Path) -> None:
    # A pipe of our own stands for every device: a test must never be able to replace one of the system's.
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert kpi("eval", "revenue", "-o", "pipe").code == 0
        assert (folder / "pipe").is_fifo()
        assert os.read(reader, 100).startswith(b"period,")
    finally:
        os.close(reader)
    assert kpi("eval", "revenue", "-o", "-", "-f", "csv").out.startswith("period,")


def test_a_folder_that_is_not_there_is_a_usage_error(kpi: Run, project: Any, folder: Path) -> None:
    done = kpi("eval", "revenue", "-o", "missing/a.csv")
    assert done.code == 2 and "E724" in done.err


def test_errors_of_the_engine_pass_through(kpi: Run, project: Any, broken: KpiError) -> None:
    project.failure = broken
    done = kpi("eval", "revenue")
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "sales.kpi:1:20: error[E201]: no source or entity named `ordres`\n"
        "     1 | conversion = count(ordres)/count(distinct visitors)\n"
        "       |                    ^^^^^^\n"
        "       = help: did you mean `orders`?\n"
    )


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_errors_as_json(kpi: Run, project: Any, broken: KpiError, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project.failure = broken
    words = ["eval", "revenue"]
    if place == "environment":
        monkeypatch.setenv("KPI_ERRORS", "json")
    else:
        words = ["--errors", "json", *words] if place == "before" else [*words, "--errors=json"]
    done = kpi(*words)
    assert done.code == 3
    assert json.loads(done.err) == {
        "code": "E201",
        "severity": "error",
        "message": "no source or entity named `ordres`",
        "file": "sales.kpi",
        "line": 1,
        "column": 20,
        "end_line": 1,
        "end_column": 26,
        "help": "did you mean `orders`?",
        "notes": [],
    }


def test_notes_as_json(kpi: Run, project: Any) -> None:
    done = kpi("eval", "revenue", "--errors", "json")
    assert [(each["severity"], each["message"]) for each in map(json.loads, done.err.splitlines())] == [
        ("note", "as of 2026-03-01 00:00")
    ]


def test_global_options_may_stand_anywhere(kpi: Run, project: Any) -> None:
    kpi("eval", "revenue", "--definitions", "a.kpi", "b.kpi", "--data", "d", "--project=p")
    kpi("--definitions", "a.kpi", "--definitions=b.kpi", "--data", "d", "--project", "p", "eval", "revenue")
    assert project.opened == [("p", ["a.kpi", "b.kpi"], "d")] * 2
    kpi("eval", "revenue")
    assert project.opened[-1] == (None, None, None)


def test_explain_shows_a_stage(kpi: Run, project: Any) -> None:
    done = kpi("explain", "revenue", "--by", "channel", "--grain", "week", "--at", "optimized")
    assert (done.code, done.out) == (0, "Measure count(orders)\n")
    ((metric, settings),) = project.asked
    assert (metric, settings["by"], settings["grain"], settings["at"]) == ("revenue", ("channel",), "week", "optimized")
    done = kpi("explain", "revenue", "--at", "paln")
    assert done.code == 2 and "did you mean `plan`?" in done.err


def test_the_writers_are_named_right() -> None:
    assert all(callable(each.writer()) for each in output.FORMATS)
    assert len({each.extension for each in output.FORMATS}) == len(output.FORMATS)
