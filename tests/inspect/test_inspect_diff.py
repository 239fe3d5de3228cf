"""`kpi diff`: what changed, why, and by how much; between folders and between revisions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

Run = Callable[..., Any]
Write = Callable[..., Path]

OLD = """\
source orders
  table: "orders.csv"
  time: day
  column day: date
  column total: currency(EUR)
  column status: text
  column is_paid: boolean = status in ["paid", "shipped"]

revenue = sum(orders.total where is_paid)

order_count = count(orders where is_paid)

value = revenue / order_count
  description: "Revenue per order"

everything = count(orders)

gone = max(orders.total)

turnover = sum(orders.total)

dimension status = orders.status
"""
NEW = (
    OLD.replace('["paid", "shipped"]', '["paid"]')
    .replace("gone = max(orders.total)", "fresh = min(orders.total)")
    .replace("turnover =", "gross_sales =")
    .replace("everything = count(orders)", 'everything = count( orders )\n  description: "All"')
)
ORDERS = """\
day,total,status
2026-01-05,10.00,paid
2026-01-06,5.00,shipped
2026-02-01,7.00,paid
2026-03-01,1.00,paid
2026-03-02,100.00,shipped
2026-03-03,50.00,open
"""
CONFIG = 'as_of = "data"\n\n[connections.default]\npath = "data"\n'


def project(text: str) -> dict[str, str]:
    return {"kpi.toml": CONFIG, "m.kpi": text, "data/orders.csv": ORDERS}


def two_folders(write: Write) -> None:
    write({**{f"old/{name}": text for name, text in project(OLD).items()}})
    write({**{f"new/{name}": text for name, text in project(NEW).items()}})


def changes(kpi: Run, *words: str) -> dict[str, dict[str, Any]]:
    done = kpi("diff", *words, "--format", "json")
    assert done.code == 0, done.err
    return {each["name"]: each for each in json.loads(done.out)["changes"]}


def test_what_changed_is_told_by_its_meaning(kpi: Run, write: Write) -> None:
    two_folders(write)
    found = changes(kpi, "old", "new", "--project", "new")
    assert {name: each["status"] for name, each in found.items()} == {
        "revenue": "meaning",
        "order_count": "meaning",
        "value": "meaning",
        "fresh": "added",
        "gone": "removed",
        "gross_sales": "renamed",
        "everything": "wording",
    }
    assert found["gross_sales"]["was"] == "turnover"
    assert found["everything"]["details"] == ["formula, written differently", "description"]


def test_the_cause_is_the_definition_that_changed(kpi: Run, write: Write) -> None:
    two_folders(write)
    found = changes(kpi, "old", "new", "--project", "new")
    (cause,) = found["value"]["causes"]
    assert (cause["kind"], cause["name"]) == ("column", "orders.is_paid")
    assert cause["through"] == ["metric revenue"]
    assert cause["old"] == 'column is_paid: boolean = status in ["paid", "shipped"]'
    assert cause["new"] == 'column is_paid: boolean = status in ["paid"]'


def test_values_are_those_of_duckdb(kpi: Run, write: Write) -> None:
    two_folders(write)
    found = changes(kpi, "old", "new", "--project", "new", "--data")
    query = """
        select date_trunc('month', day)::date::text as period,
               sum(total) filter (status in ('paid', 'shipped'))::text as old, sum(total) filter (status = 'paid')::text
        from read_csv('new/data/orders.csv', types = {'total': 'decimal(9, 2)'}) group by 1
        having old is distinct from sum(total) filter (status = 'paid')::text
        order by abs(sum(total) filter (status = 'shipped')) desc
    """
    expected = duckdb.sql(query).fetchall()
    assert [(each["period"], each["old"], each["new"]) for each in found["revenue"]["values"]["changes"]] == expected
    assert found["revenue"]["values"]["periods"] == 3
    assert "values" not in found["everything"]


def test_the_text_shows_both_definitions_and_the_largest_changes(kpi: Run, write: Write) -> None:
    two_folders(write)
    done = kpi("diff", "old", "new", "--project", "new", "--data")
    assert done.code == 0
    lines = done.out.splitlines()
    first = lines[0]
    assert first.startswith("old → new: 3 mean something else; 1 new; 1 gone; 1 renamed")
    start = lines.index("  revenue")
    shown = "\n".join(lines[start : start + 8])
    assert "because of column orders.is_paid" in shown or "see above" in shown
    assert '- column is_paid: boolean = status in ["paid", "shipped"]' in done.out
    assert '+ column is_paid: boolean = status in ["paid"]' in done.out
    assert "2026-03  €101.00   €1.00  -€100.00  -99.0%" in done.out
    assert done.out.index("2026-03  €101.00") < done.out.index("2026-01   €15.00")
    assert done.out.count("- column is_paid") == 1  # told once, however many metrics rest on it


def test_markdown_is_for_pull_requests(kpi: Run, write: Write) -> None:
    two_folders(write)
    out = kpi("diff", "old", "new", "--project", "new", "--data", "--format", "markdown").out
    assert "\n```diff\n" in out
    assert "\n- column is_paid" in out
    assert "| 2026-03 | €101.00 | €1.00 | -€100.00 | -99.0% |" in out


def test_exit_codes_are_those_of_git(kpi: Run, write: Write) -> None:
    two_folders(write)
    assert kpi("diff", "old", "new", "--project", "new").code == 0
    assert kpi("diff", "old", "new", "--project", "new", "--exit-code").code == 1
    write({"same/m.kpi": OLD.replace("revenue = sum", "revenue  =  sum"), "old/m.kpi": OLD})
    done = kpi("diff", "old/m.kpi", "same/m.kpi", "--project", "new", "--exit-code")
    assert done.code == 0
    assert "written or shown differently" in done.out


def test_nothing_changed(kpi: Run, write: Write) -> None:
    two_folders(write)
    assert kpi("diff", "old", "old", "--project", "old").out == "old → old: every metric means what it meant\n"


@pytest.fixture
def repository(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose first commit has the old definitions; the new ones are not committed."""
    folder = write({f"shop/{name}": text for name, text in project(OLD).items()})
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for words in (["init", "-q", "-b", "main"], ["add", "shop/m.kpi", "shop/kpi.toml"], ["commit", "-q", "-m", "old"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    write({"shop/m.kpi": NEW})
    monkeypatch.chdir(folder / "shop")
    return folder


def test_a_revision_is_compared_with_the_working_tree(kpi: Run, repository: Path) -> None:
    found = changes(kpi, "main", "--data")
    assert found["revenue"]["status"] == "meaning"
    # Data that git never had are those of the working tree, on both sides.
    assert [each["period"] for each in found["revenue"]["values"]["changes"]] == ["2026-03-01", "2026-01-01"]
    assert kpi("diff", "HEAD").out.startswith("HEAD → working tree: 3 mean something else")


def test_two_revisions(kpi: Run, repository: Path) -> None:
    subprocess.run(["git", "commit", "-qam", "new"], cwd=repository, check=True)
    assert kpi("diff", "HEAD").out == "HEAD → working tree: every metric means what it meant\n"
    assert changes(kpi, "HEAD~1", "HEAD")["value"]["status"] == "meaning"


def test_an_unknown_revision(kpi: Run, repository: Path) -> None:
    done = kpi("diff", "mian")
    assert (done.code, done.out) == (2, "")
    assert "error[E735]: there is nothing called `mian` to compare with" in done.err


def test_no_repository(kpi: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(project(OLD))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    done = kpi("diff", "main")
    assert done.code == 2
    assert "error[E736]: not a git repository" in done.err


def test_broken_definitions_say_on_which_side(kpi: Run, repository: Path) -> None:
    (repository / "shop" / "m.kpi").write_text(NEW + "\nbad = count(ordres)\n", "utf-8")
    done = kpi("diff", "main")
    assert done.code == 3
    assert "E201" in done.err


def test_a_format_that_does_not_exist(kpi: Run, write: Write) -> None:
    two_folders(write)
    done = kpi("diff", "old", "new", "--project", "new", "--format", "jsn")
    assert done.code == 2
    assert "did you mean `json`?" in done.err
