"""`kpi test` and `Project.test`: users' own case files, from the file to the exit code."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

import kpi_engine
from kpi_engine import KpiError
from kpi_engine.cli import main
from kpi_engine.demo import definitions

DEFINITIONS = """\
source orders
  table: "nowhere.parquet"
  key: order_id
  time: day
  column customer_id -> customers
  column total: currency(EUR)
  column margin: currency(EUR) = total - cost
  column is_big: boolean = total >= 100

source customers
  table: "nowhere_either.parquet"
  key: customer_id

revenue = sum(orders.total)

big_orders = count(orders where is_big)

margin = sum(orders.margin)

revenue_of_members = sum(orders.total where customers.member)

wrong_elsewhere = sum(orders.total) + count(orders)
"""

CASE = """\
# two channels
Written by hand.
---- data orders
# the day that matters
day, channel, total
2026-03-01, web, 120.00
2026-03-02, shop, 30.00
---- query revenue, big_orders
by channel
---- result
channel  revenue  big_orders
shop     30.00    0
web      120.00   1
"""


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one case file; its tables do not exist."""
    (tmp_path / "kpi.toml").write_text('name = "shop"\n', "utf-8")
    (tmp_path / "shop.kpi").write_text(DEFINITIONS, "utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "shop.kpitest").write_text(CASE, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kpi(*words: str) -> Ended:
    """Run `kpi`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said = []
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
        said.append(stream.read())
    return Ended(code, *said)


def write(folder: Path, text: str) -> Path:
    """The project's case file."""
    file = folder / "tests" / "shop.kpitest"
    file.write_text(text, "utf-8")
    return file


def test_what_holds_passes_without_data_and_beside_broken_metrics(folder: Path) -> None:
    ended = kpi("test")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("1 passed in ")


def test_a_difference_is_shown_and_ends_with_1(folder: Path) -> None:
    write(folder, CASE.replace("120.00   1", "121.00   1"))
    ended = kpi("test")
    assert ended.code == 1 and ended.err.startswith("1 failed in ")
    assert ended.out == (
        "tests/shop.kpitest:8: two channels\n"
        "  query revenue, big_orders by channel\n"
        "      channel  revenue  big_orders\n"
        "      shop     30.00    0\n"
        "    - web      121.00   1\n"
        "    + web      120.00   1\n"
        "               ^^^^^^\n\n"
    )


def test_accept_changes_only_the_lines_that_differ(folder: Path) -> None:
    old = CASE.replace("120.00   1", "121.00   1") + "\n====\n# again\n---- query revenue\n---- result\nrevenue\n150\n"
    file = write(folder, old.replace("\n", "\r\n"))
    file.write_bytes(b"\xef\xbb\xbf" + old.replace("\n", "\r\n").encode())
    ended = kpi("test", "--accept")
    assert ended.code == 0 and ended.err.startswith("1 passed, 1 accepted in ")
    expected = old.replace("121.00   1", "120.00   1").replace("\n", "\r\n")
    assert file.read_bytes() == b"\xef\xbb\xbf" + expected.encode()
    before = file.stat().st_mtime_ns
    assert kpi("test", "--accept").code == 0
    assert file.stat().st_mtime_ns == before, "what holds is not written again"


def test_accept_fills_in_a_result_that_is_not_there(folder: Path) -> None:
    file = write(folder, CASE.split("---- result")[0])
    assert kpi("test").code == 1
    assert "there is no result yet" in kpi("test").out
    assert kpi("test", "--accept").code == 0
    assert file.read_text("utf-8") == CASE


@pytest.mark.parametrize(
    ("query", "data", "said"),
    [
        ("margin", "day, total\n2026-03-01, 1.00", "`cost` of orders is read, and the case does not give it"),
        ("revenue_of_members", "day, total, customer_id\n2026-03-01, 1.00, 7", "rows of customers are read"),
        ("revenu", "day, total\n2026-03-01, 1.00", "did you mean `revenue`?"),
        ("wrong_elsewhere", "day, total\n2026-03-01, 1.00", "error[E320]"),
        ("revenue", "day, total\n2026-03-01", "1 cells for 2 columns"),
        ("revenue", "day, total decimal\n2026-03-01, much", "`much` in column `total` is no decimal"),
        ("sum(orders.total)", "day, total\n2026-03-01, 1.00", "a question names metrics"),
    ],
)
def test_what_a_case_lacks_is_said(folder: Path, query: str, data: str, said: str) -> None:
    write(folder, f"# one\n---- data orders\n{data}\n---- query {query}\n---- result\nrevenue\n1.00\n")
    ended = kpi("test")
    assert ended.code == 1 and said in ended.out and "1 broken" in ended.err


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("revenue\n", 1, "a case begins with `# title`"),
        ("# one\n---- dta orders\n", 2, "no section kind `dta`"),
        ("# one\n---- data ordres\nday\n---- query revenue\n", 4, "`ordres` is no source; did you mean `orders`?"),
        ("# one\n---- result\nrevenue\n1\n", 2, "a result stands below its query"),
        ("# one\n---- query revenue\n====\n# one\n---- query revenue\n", 4, "two cases have the title 'one'"),
    ],
)
def test_files_of_another_form(folder: Path, text: str, line: int, said: str) -> None:
    write(folder, text)
    ended = kpi("test")
    assert ended.code == 1
    assert ended.out.startswith(f"tests/shop.kpitest:{line}: ") and said in ended.out


def test_a_refusal_may_be_expected(folder: Path) -> None:
    text = "# one\n---- data orders\nday, total\n---- query growth_of = growth(revenue)\n---- result\n"
    write(folder, f"{text}error[E505]\n")
    assert kpi("test").code == 0
    write(folder, f"{text}error[E501]\n")
    ended = kpi("test")
    assert ended.code == 1 and "expected error[E501]" in ended.out and "error[E505]" in ended.out


def test_definitions_of_a_case_stand_for_those_of_the_project(folder: Path) -> None:
    own = "---- definitions\nsource clicks\n  time: day\n\nclick_count = count(clicks)\n"
    data = "---- data clicks\nday\n2026-03-01\n2026-03-02\n"
    write(folder, f"# own\n{own}{data}---- query click_count\n---- result\nclick_count\n2\n====\n# shared\n{data}"
                  "---- query click_count\n---- result\nclick_count\n2\n")  # fmt: skip
    assert kpi("test").code == 0


def test_a_case_gives_the_table_of_a_grain(folder: Path) -> None:
    grain = 'grain retail_week\n  table: "weeks.csv"\n  time: starts_on\n  label: name\n'
    (folder / "grains.kpi").write_text(grain, "utf-8")
    weeks = "---- data retail_week\nstarts_on, name\n2026-02-25, W9\n2026-03-02, W10\n2026-03-09, W11\n"
    text = CASE.split("---- query")[0] + weeks + "---- query revenue grain retail_week as of 2026-03-09\n---- result\n"
    write(folder, text + "period      revenue\n2026-02-25  120.00\n2026-03-02  30.00\n")
    ended = kpi("test")
    assert ended.code == 0, ended.out
    write(folder, text.replace(weeks, "") + "period  revenue\n")
    assert "`---- data retail_week`" in kpi("test").out


def test_cases_are_chosen_by_words(folder: Path) -> None:
    write(folder, CASE + "====\n# another\n---- query revenue\n---- result\nrevenue\n0\n")
    assert kpi("test", "-k", "TWO").code == 0
    assert kpi("test", "-k", "another").code == 1
    assert len(kpi_engine.open(folder).test(named="shop.kpitest")) == 2
    nothing = kpi("test", "-k", "three")
    assert nothing.code == 2 and "error[E730]: no case is named `three`" in nothing.err


def test_none_at_all_ends_with_2_and_a_help(folder: Path) -> None:
    write(folder, CASE).unlink()
    ended = kpi("test")
    assert ended.code == 2 and "error[E730]" in ended.err and "help: write one" in ended.err
    assert kpi("test", "tests/shop.kpites").code == 2


def test_broken_definitions_end_with_3(folder: Path) -> None:
    (folder / "shop.kpi").write_text("revenue = sum(orders.total\n", "utf-8")
    ended = kpi("test")
    assert ended.code == 3 and "error[E101]" in ended.err


def test_junit(folder: Path) -> None:
    write(
        folder,
        CASE + "====\n# a <b> & c\x08\n---- query revenue\n---- result\nrevenue\n0\n====\n# worse\n---- query x\n",
    )
    assert kpi("test", "--junit", "report.xml").code == 1
    (suite,) = ElementTree.parse(folder / "report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3", "failures": "1", "errors": "1",
    }  # fmt: skip
    first, second, third = suite
    assert first.get("name") == "two channels" and first.get("line") == "8" and len(first) == 0
    assert second.get("name") == "a <b> & c\N{REPLACEMENT CHARACTER}" and second[0].tag == "failure"
    assert second[0].text is not None and "- 0" in second[0].text and "+ 150.00" in second[0].text
    assert third[0].tag == "error" and first.get("file") == "tests/shop.kpitest"


def test_failures_as_json(folder: Path) -> None:
    write(folder, CASE.replace("120.00   1", "121.00   1"))
    ended = kpi("test", "--errors", "json")
    first, last = map(json.loads, ended.err.splitlines())
    assert (first["code"], first["file"], first["line"]) == ("E732", "tests/shop.kpitest", 8)
    assert last["message"].startswith("1 failed") and ended.out == ""


def test_case_files_are_found_where_definitions_are(tmp_path: Path) -> None:
    (tmp_path / "kpi.toml").write_text("", "utf-8")
    for name in ("a", "definitions/team/b", "tests/deep/c", "data/never", "tests/.hidden/d"):
        file = tmp_path / f"{name}.kpitest"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CASE, "utf-8")
    (tmp_path / "definitions" / "shop.kpi").write_text(DEFINITIONS, "utf-8")
    outcomes = kpi_engine.open(tmp_path).test()
    assert [each.path.relative_to(tmp_path).as_posix() for each in outcomes] == [
        "a.kpitest", "tests/deep/c.kpitest", "definitions/team/b.kpitest",
    ]  # fmt: skip
    assert all(each.passed for each in outcomes)


def test_without_a_project_the_files_beside_the_definitions_count(folder: Path) -> None:
    (folder / "kpi.toml").unlink()
    assert kpi("test", "--definitions", "shop.kpi").code == 0


def test_problems_are_errors_of_the_api(folder: Path) -> None:
    with pytest.raises(KpiError) as caught:
        kpi_engine.open(folder).test("missing.kpitest")
    assert caught.value.diagnostics[0].code == "E730"


def test_the_starter_and_the_demo_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "shop"]) == 0
    for folder in (tmp_path / "shop", definitions()):
        outcomes = kpi_engine.open(folder).test()
        assert len(outcomes) >= 3
        assert [each.title for each in outcomes if not each.passed] == []


def test_the_difference_on_the_page_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
    case = page.split("```kpitest\n")[1].split("```")[0]
    shown = page.split("```text\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first.kpitest").write_text(case.replace("social   80.50    1", "social   80.50    2"), "utf-8")
    ended = kpi("test", "first.kpitest", "--project", str(definitions()))
    assert ended.code == 1 and ended.out == f"{shown}\n"
