"""What makers and users of packs are told: steps of versions, drafts of maps, what a pack lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpi_engine
from kpi_engine.cli import main
from kpi_engine.inspect.pack_changes import pack_changes, verdict
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.pack_checks import check_pack
from kpi_engine.scaffold import new_package

from .projects import MANIFEST, codes, write_pack, write_project

TEXT = """\
source orders
  key: order_id
  time: day
  column order_id: text
  column day: date
  column total: currency
  column channel: text

dimension channel = orders.channel

revenue = sum(orders.total)
  description: "What was paid"

order_count = count(orders)
"""

STEPS = {
    "": ("none", TEXT),
    "a comment": ("patch", "# note\n" + TEXT),
    "a description": ("patch", TEXT.replace("What was paid", "Money")),
    "another spelling": ("patch", TEXT.replace("sum(orders.total)", "(sum(orders.total))")),
    "a new metric": ("minor", TEXT + "\naov = revenue / order_count\n"),
    "a new column": ("minor", TEXT.replace("  column channel", "  column cost: currency\n  column channel")),
    "a new table": ("minor", TEXT + "\nsource visits\n  time: day\n  column day: date\n"),
    "another meaning": ("major", TEXT.replace("count(orders)", "count(distinct orders.order_id)")),
    "another meaning below": ("major", TEXT.replace("  time: day", '  time: day\n  where: channel != "test"')),
    "a metric is gone": ("major", TEXT.replace("order_count = count(orders)\n", "")),
    "another name": ("major", TEXT.replace("order_count =", "orders_placed =")),
    "a column is gone": ("major", TEXT.replace("  column order_id: text\n", "").replace("  key: order_id\n", "")),
    "another type": ("major", TEXT.replace("order_id: text", "order_id: integer")),
    "a dimension is gone": ("major", TEXT.replace("dimension channel = orders.channel\n", "")),
}


@pytest.mark.parametrize("what", STEPS)
def test_the_step_that_a_change_needs(tmp_path: Path, what: str) -> None:
    needed, text = STEPS[what]
    old, new = write_pack(tmp_path / "old", "p", TEXT), write_pack(tmp_path / "new", "p", text, version="1.0.1")
    found = pack_changes(old, new)
    assert found.needed == needed
    assert found.enough is (needed in ("none", "patch"))


@pytest.mark.parametrize(
    ("old", "new", "enough", "said"),
    [
        ("1.4.2", "2.0.0", True, "and this is one"),
        ("1.4.2", "1.5.0", False, "call it 2.0.0"),
        ("1.4.2", "1.4.2", False, "is no step"),
        ("1.4.2", "1.3.0", False, "is no step"),
        ("0.4.2", "0.5", True, "and this is one"),
        ("0.4.2", "0.4.3", False, "call it 0.5.0"),
    ],
)
def test_versions_are_judged(tmp_path: Path, old: str, new: str, enough: bool, said: str) -> None:
    before = write_pack(tmp_path / "old", "p", TEXT, version=old)
    after = write_pack(tmp_path / "new", "p", TEXT.replace("count(orders)", "2 * count(orders)"), version=new)
    found = pack_changes(before, after)
    assert (found.enough, found.needed) == (enough, "major") and said in verdict(found)
    assert main(["plugins", "diff", str(before), str(after)]) == (0 if enough else 1)


def test_what_a_used_pack_changed_is_not_told(tmp_path: Path) -> None:
    """The pack that is compared uses `sales`; only its own names count."""
    text = "use sales\n\nmine = revenue / order_count\n"
    found = pack_changes(
        write_pack(tmp_path / "old", "p", text), write_pack(tmp_path / "new", "p", text + "more = 2 * revenue\n")
    )
    assert [(change.status, change.name) for change in found.changes] == [("added", "more")]


def test_two_packs_are_not_two_versions(tmp_path: Path) -> None:
    with pytest.raises(KpiError, match="E793"):
        pack_changes(write_pack(tmp_path / "old", "p", TEXT), write_pack(tmp_path / "new", "q", TEXT))


def test_a_draft_finds_tables_by_other_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The draft is right about the tables, says what it is not sure of, and can be used as it is."""
    tables = {
        "t_order_header.csv": "order_no,create_time,client_id,pay_amount,state\na,2026-01-01 10:00:00,c1,12.50,ok\n",
        "t_order_item.csv": "id,order_no,sku,qty,unit_price\n1,a,p1,2,5.00\n",
        "dim_client.csv": "client_id,signup_date,country\nc1,2026-01-01,DE\nc1,2026-01-02,DE\n",
        "sessions.csv": "session_id,start_time,visitor_id,channel\ns,2026-01-01 10:00:00,v,web\n",
        "weather.csv": "day,degrees\n2026-01-01,3\n",
    }
    folder = write_project(tmp_path, "calendar\n  currency: EUR\n", tables)
    assert main(["--project", str(folder), "plugins", "map", "sales", "--to", "default"]) == 0
    text = capsys.readouterr().out
    mapped = [line.split("  #")[0] for line in text.splitlines() if line.startswith("map ")]
    assert sorted(mapped) == [
        'map sales.customers to "dim_client"',
        'map sales.order_lines to "t_order_item"',
        'map sales.orders to "t_order_header"',
        'map sales.visits to "sessions"',
    ]
    for line in ("order_id = order_no", "ordered_at = create_time", "total = pay_amount", "quantity = qty"):
        assert f"  {line}  # review: " in text
    assert "the values of customer_id do not differ in all rows: this is no key" in text
    assert "no table found for sales.carts" in text and "weather" not in text
    (folder / "maps.kpi").write_text(text, "utf-8")
    assert not [code for code in codes(folder) if code.startswith("E")]
    assert [*kpi_engine.open(folder).eval("revenue").table.to_pylist()[0].values()] == [12.5]


def test_a_draft_needs_a_connection(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "calendar\n  currency: EUR\n")
    assert main(["--project", str(folder), "plugins", "map", "sales", "--to", "warehouse"]) == 2


LACKING = {
    "use sales\n\nn = count(orders)\n": ["no description", "no case asks for `n`", "does not say which versions"],
    'source s\n  table: "s.csv"\n  time: d\n  column d: date\n\nn = count(s)\n  description: "Rows"\n': [
        "`s` has no description",
        "`s` says where its rows are",
        "no case asks for `n`",
    ],
    'source s\n  time: d\n  column d: date\n  column k -> s\n  key: k\n  description: "x"\n\nn = count(s)\n'
    '  description: "Rows"\n': ["the column `k` has no type", "no case asks for `n`"],
    'source s\n  time: d\n  column d: date\n  description: "x"\n\nn = count(s)\nr = n / count(s where d > 2026-01-01)\n'
    "a = avg(n per day)\n  better: neither\np = 100 * r\n  unit: percent\n": [
        "`n` does not say which way is better",
        "`r` does not say which way is better",
        "`r` is a ratio, and has no unit",
        "`a` is a number, and has no unit",
    ],
}
NOT_LACKING = ("`a` does not say", "`p` is", "`n` is")


@pytest.mark.parametrize("text", LACKING)
def test_what_a_pack_lacks(tmp_path: Path, text: str) -> None:
    found = check_pack(write_pack(tmp_path, "p", text))
    said = "\n".join(each.message for each in found)
    assert {each.code for each in found} == {"W793"} and all(each.help for each in found)
    assert [part for part in (*LACKING[text], "no README.md") if part not in said] == []
    assert [part for part in NOT_LACKING if part in said] == []


def test_a_pack_is_checked_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 for what its users will miss, 3 for an error, such as a column that no table of the pack declares."""
    folder = str(write_pack(tmp_path / "p", "p", "source s\n  time: d\n  column d: date\n\nn = count(s)\n"))
    assert main(["plugins", "check", folder, "--format", "concise"]) == 1
    out, err = capsys.readouterr()
    assert "warning[W793]: `n` does not say which way is better" in out and err == "5 warnings\n"
    write_pack(tmp_path / "p", "p", "source s\n  time: d\n  column d: date\n\nn = sum(s.price)\n")
    assert main(["plugins", "check", folder]) == 3
    assert "error[E203]: `s` has no column `price`" in capsys.readouterr().out
    assert main(["plugins", "check", str(tmp_path / "nowhere")]) == 3
    new_package("pack", "zoo", tmp_path)
    assert main(["plugins", "check", str(tmp_path / "kpi-zoo" / "kpi_pack_zoo")]) == 0


def test_a_new_pack_lacks_nothing(tmp_path: Path) -> None:
    """What `kpi plugins new pack` writes."""
    new_package("pack", "zoo", tmp_path)
    assert [each.message for each in check_pack(tmp_path / "kpi-zoo" / "kpi_pack_zoo")] == []


def test_the_doctor_reads_packs_and_runs_their_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a pack lacks is told; it works all the same, unless a case of it does not hold."""
    site = tmp_path / "site"
    info = site / "kpi_p-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kpi-p\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[kpi_engine.packs]\np = kpi_pack_p\n", "utf-8")
    write_pack(site / "kpi_pack_p", "p", TEXT)
    monkeypatch.syspath_prepend(str(site))
    assert main(["plugins", "doctor", "p"]) == 0
    out = capsys.readouterr().out
    assert "works: " in out and "`revenue` does not say which way is better, and " in out
    (site / "kpi_pack_p" / "tests").mkdir()
    wrong = "# one\n---- definitions\ncalendar\n  currency: EUR\nuse p\n---- data orders\nday, total\n2026-01-01, 2\n"
    wrong += "---- query revenue\n---- result\nrevenue\n3\n"
    (site / "kpi_pack_p" / "tests" / "a.kpitest").write_text(wrong, "utf-8")
    assert main(["plugins", "doctor", "p"]) == 4
    assert "failed: " in (out := capsys.readouterr().out) and "the case 'one' does not hold" in out


def test_a_case_that_does_not_hold_is_an_error(tmp_path: Path) -> None:
    folder = write_pack(tmp_path, "p", TEXT)
    (folder / "tests").mkdir()
    head = "# two\n---- definitions\ncalendar\n  currency: EUR\nuse p\n---- data orders\nday, total\n2026-01-01, 2\n"
    (folder / "tests" / "a.kpitest").write_text(head + "---- query revenue\n---- result\nrevenue\n3\n", "utf-8")
    assert "E732" in {each.code for each in check_pack(folder)}


def test_a_broken_pack_is_told_as_it_is(tmp_path: Path) -> None:
    assert [each.code for each in check_pack(write_pack(tmp_path / "a", "p", "n = count(nothing)\n"))] == ["E201"]
    manifest = MANIFEST.format(name="p", version="x")
    assert [each.code for each in check_pack(write_pack(tmp_path / "b", "p", TEXT, manifest=manifest))] == ["E793"]
