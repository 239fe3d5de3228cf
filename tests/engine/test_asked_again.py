"""One `Project` asked again after its definitions or tables have changed."""

from __future__ import annotations

import copy
import datetime
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine import KpiError
from kpi_engine.ir.span import SourceText
from kpi_engine.pipeline import known

DEFINITIONS = """
source orders
  table: "orders.parquet"
  time: day

source visits
  table: "visits.parquet"
  time: day

buyers = count(distinct orders.customer)
greatest = max(orders.total)
visit_count = count(visits)
"""
DAY = datetime.date(2026, 1, 5)


def write(folder: Path, table: str, **columns: pa.Array) -> None:
    length = len(next(iter(columns.values())))
    pq.write_table(pa.table({"day": [DAY] * length, **columns}), folder / f"{table}.parquet")


@pytest.fixture
def project(tmp_path: Path) -> kpi_engine.Project:
    (tmp_path / "shop.kpi").write_text(DEFINITIONS)
    write(tmp_path, "orders", customer=pa.array([7, 7, 7]), total=pa.array([5, 6, 9]))
    write(tmp_path, "visits", page=pa.array(["a"]))
    return kpi_engine.open(definitions=tmp_path / "shop.kpi", data=tmp_path)


def asked(project: kpi_engine.Project, metric: str) -> object:
    return project.eval(metric, as_of="2026-02-01").table[metric].to_pylist()[0]


def test_columns_of_another_type_are_seen(project: kpi_engine.Project, tmp_path: Path) -> None:
    assert asked(project, "buyers") == 1
    write(tmp_path, "orders", customer=pa.array(["007", "7", "07"]), total=pa.array([5, 6, 9]))
    assert asked(project, "buyers") == 3
    write(tmp_path, "orders", customer=pa.array([7]), total=pa.array([2**63 + 1], pa.uint64()))
    assert asked(project, "greatest") == 2**63 + 1


@pytest.mark.parametrize("missing", ["orders", "visits"])
def test_a_table_that_was_away_for_a_moment_is_back(project: kpi_engine.Project, tmp_path: Path, missing: str) -> None:
    metric, other = ("greatest", "visit_count") if missing == "orders" else ("visit_count", "greatest")
    expected = {"greatest": 9, "visit_count": 1}
    file, aside = tmp_path / f"{missing}.parquet", tmp_path / "aside"
    file.rename(aside)
    with pytest.raises(KpiError) as failed:
        asked(project, metric)
    assert failed.value.diagnostics[0].code == "E601"
    assert asked(project, other) == expected[other]
    assert project.check()[0].code == "E601"
    aside.rename(file)
    assert asked(project, metric) == expected[metric]
    assert project.check() == ()


def test_definitions_are_those_of_the_moment(project: kpi_engine.Project, tmp_path: Path) -> None:
    assert asked(project, "greatest") == 9
    (tmp_path / "shop.kpi").write_text(DEFINITIONS.replace("max(", "min("))
    assert asked(project, "greatest") == 5
    (tmp_path / "shop.kpi").write_text(DEFINITIONS.replace("max(", "mox("))
    with pytest.raises(KpiError):
        asked(project, "greatest")
    (tmp_path / "shop.kpi").write_text(DEFINITIONS)
    assert asked(project, "greatest") == 9
    assert "greatest" in project.catalog.metrics


def test_what_is_bound_stays_bound(project: kpi_engine.Project, tmp_path: Path) -> None:
    project.bind("orders", pa.table({"day": [DAY], "customer": [1], "total": [100]}))
    assert asked(project, "greatest") == 100
    (tmp_path / "shop.kpi").write_text(DEFINITIONS + "\nmore = sum(orders.total)\n")
    assert asked(project, "more") == 100
    assert asked(project, "visit_count") == 1


def test_errors_travel_between_processes_and_projects_do_not(project: kpi_engine.Project) -> None:
    with pytest.raises(KpiError) as failed:
        asked(project, "nobody")
    for same in (pickle.loads(pickle.dumps(failed.value)), copy.copy(failed.value)):
        assert (str(same), same.exit_code) == (str(failed.value), failed.value.exit_code)
        assert [each.code for each in same.diagnostics] == [each.code for each in failed.value.diagnostics]
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="open it again"):
            attempt(project)


def test_a_table_that_cannot_be_read_is_named_beside_the_as_of(project: kpi_engine.Project, tmp_path: Path) -> None:
    (tmp_path / "visits.parquet").write_bytes(b"PAR1 cut")
    (note,) = [each for each in project.eval("greatest", as_of="data").stats.notes if "as-of" in each]
    assert note.startswith("source visits does not count for the as-of: E605: ")


def test_what_is_wrong_with_two_tables_is_not_told_as_a_third(project: kpi_engine.Project, tmp_path: Path) -> None:
    text = '\nentity customer\n\nsource carts\n  table: "carts.parquet"\n  time: day\n  column page -> customer\n'
    text += '\nsource calls\n  table: "calls.parquet"\n  time: day\n  column page -> customer\n'
    text += "\nfollowed = count(carts followed by calls on customer within 7 days)\n"
    (tmp_path / "shop.kpi").write_text(DEFINITIONS + text)
    write(tmp_path, "carts", page=pa.array([1]))
    assert [each.code for each in project.check() if each.code.startswith("E")] == ["E601"]
    assert asked(project, "visit_count") == 1


def opened(folder: Path) -> kpi_engine.Project:
    return kpi_engine.open(definitions=folder / "shop.kpi", data=folder)


def test_a_project_opened_anew_is_read_once_and_sees_what_changed(
    project: kpi_engine.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process knows of definitions rests on the texts, the columns and the functions."""
    assert asked(project, "greatest") == 9
    done: list[str] = []
    for name in ("parse_file", "resolve"):
        before = getattr(known, name)
        monkeypatch.setattr(
            known, name, lambda *given, name=name, before=before: (done.append(name), before(*given))[1]
        )
    assert asked(opened(tmp_path), "greatest") == 9
    assert done == []
    write(tmp_path, "orders", customer=pa.array([7, 8]), total=pa.array([0.5, 0.25]))
    assert asked(opened(tmp_path), "greatest") == 0.5
    assert done == ["resolve"]
    (tmp_path / "shop.kpi").write_text(DEFINITIONS.replace("max(", "min("))
    assert asked(opened(tmp_path), "greatest") == 0.25
    assert done == ["resolve", "parse_file", "resolve"]
    (tmp_path / "shop.kpi").write_text(DEFINITIONS)
    assert asked(opened(tmp_path), "greatest") == 0.5
    assert done == ["resolve", "parse_file", "resolve"]


def test_of_definitions_that_a_process_knows_the_file_is_the_one_that_was_read(tmp_path: Path) -> None:
    text = DEFINITIONS + "\nwrong = sum(nobody.total)\n"
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shop.kpi").write_text(text)
        write(tmp_path / folder, "orders", customer=pa.array([7]), total=pa.array([5]))
        write(tmp_path / folder, "visits", page=pa.array(["a"]))
        (error,) = [each for each in opened(tmp_path / folder).check() if each.code == "E201"]
        assert Path(error.span.source.name).samefile(tmp_path / folder / "shop.kpi")


def test_few_definitions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_parsed", ())
    monkeypatch.setattr(known, "_MOST_CHARACTERS", 50)
    texts = [SourceText(f"{number}.kpi", f"a = {number}".ljust(20)) for number in range(3)]
    first, second, third = (known.parsed(text) for text in texts)
    assert known.parsed(texts[2]) is third
    assert known.parsed(texts[1]) is second
    assert known.parsed(texts[0]) is not first
    large = SourceText("large.kpi", " " * 51)
    assert known.parsed(large) is not known.parsed(large)
    assert known.parsed(texts[1]) is second
