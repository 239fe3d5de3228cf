"""`kpi init DIR --data FOLDER`: what is drafted is right for the tables, and works at once."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi_engine
from kpi_engine.inspect.draft import facts
from kpi_engine.inspect.draft.facts import TableFacts, read_facts
from kpi_engine.inspect.draft.layout import delimiter_of, encoding_of
from kpi_engine.inspect.draft.project import draft_project
from kpi_engine.inspect.draft.tables import find_tables
from kpi_engine.inspect.draft.types import guess_type
from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.tallies import tally_of

Run = Callable[..., Any]
Write = Callable[[Mapping[str, str]], Path]


def table(rows: list[list[object]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def market() -> dict[str, str]:
    """Tables as a market place exports them: daily order files, items without a time, German payments."""
    files: dict[str, str] = {}
    day = datetime.date(2026, 1, 1)
    customers: list[list[object]] = [["Customer ID", "City", "Signed Up"]]
    customers += [[f"C{number:04}", ["Köln", "Bonn", "Ulm"][number % 3], day] for number in range(60)]
    files["mp_customers_export.csv"] = table(customers)
    items: list[list[object]] = [["order_id", "item_no", "product_id", "price"]]
    payments: list[list[object]] = [["payment_id", "order_id", "paid_on", "amount_eur", "method"]]
    for offset in range(20):
        today = day + datetime.timedelta(offset)
        orders: list[list[object]] = [["order_id", "customer_id", "order_time", "delivered_time", "status"]]
        for number in range(10):
            order = f"O{offset:02}-{number:03}"
            ordered = datetime.datetime.combine(today, datetime.time(8 + number, 5))
            late = ordered + datetime.timedelta(days=2)
            status = "canceled" if number == 9 else "delivered"
            orders.append([order, f"C{(offset * 7 + number * 3) % 60:04}", ordered, late, status])
            for item in range(1 + number % 2):
                items.append([order, item + 1, f"P{(number + item) % 7}", f"{10 + number}.90"])
            amount = f"{1000 + number},5{number}".replace("1", "1.", 1)
            payments.append([offset * 10 + number, order, f"{today:%d.%m.%Y}", amount, ["card", "bill"][number % 2]])
        files[f"mp_orders_export-{today}.csv"] = table(orders)
    files["mp_items_export.csv"] = table(items)
    files["mp_payments_export.csv"] = table(payments, ";")
    products: list[list[object]] = [["product_id", "category"], *[[f"P{n}", ["tea", "lamps"][n % 2]] for n in range(7)]]
    files["mp_products_export.csv"] = table(products)
    files["mp_notes.docx"] = "not a table"
    return files


@pytest.fixture
def drafted(kpi: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write({f"exports/{name}": text for name, text in market().items()})
    done = kpi("init", "shop", "--data", "exports")
    assert done.code == 0, done.err
    names = ["kpi.toml", "sources.kpi", "metrics.kpi", "tests/metrics.kpitest"]
    assert done.out.splitlines() == [f"shop/{name}" for name in names]
    monkeypatch.chdir(folder / "shop")
    return folder / "shop"


def test_the_draft_is_sound_canonical_and_answers(kpi: Run, drafted: Path) -> None:
    assert (kpi("check").code, kpi("check").out) == (0, "")
    assert kpi("fmt", "--check").code == 0
    done = kpi("check", "--data", "--format", "json")
    assert done.code == 0
    assert [each for each in json.loads(done.out) if each["severity"] != "note"] == []
    assert kpi("test").code == 0
    names = [each["name"] for each in json.loads(kpi("list", "--json").out)]
    answered = kpi("eval", *names, "--grain", "month", "-f", "json")
    assert answered.code == 0
    (month,) = json.loads(answered.out)
    assert month["order_count"] == 200


def test_the_draft_says_what_was_found(drafted: Path) -> None:
    text = (drafted / "sources.kpi").read_text("utf-8")
    for line in (
        'table: "mp_orders_export-*.csv"  # 200 rows, 20 files',
        "key: order_id  # guess: 200 distinct in 200 rows",
        "time: order_time  # guess: every row has one, 2026-01-01 to 2026-01-20",
        "column customer_id: text -> customers  # guess: all 60 values are in customers",
        "names: snake_case",
        "key: [order_id, item_no]  # guess: each pair once in 300 rows",
        "time: orders.order_time  # guess: its rows have no time of their own, but belong to orders",
        "column product_id: text -> products  # guess: all 7 values are in products",
        'delimiter: ";"',
        'decimal: ","',
        'date_format: "%d.%m.%Y"',
        "column amount_eur: currency(EUR)  # guess: its name says so",
        "column payment_id: integer",
        "dimension category = products.category  # 2 values: tea, lamps",
    ):
        assert line in text, line


def test_what_it_answers_is_what_duckdb_answers(drafted: Path) -> None:
    project = kpi_engine.open(drafted)
    found = project.eval(["order_count", "canceled_share", "total_amount_eur"], grain="month").table.to_pylist()
    orders = f"read_csv('{drafted.parent}/exports/mp_orders_export-*.csv')"
    counted = duckdb.sql(f"select count(*), avg((status = 'canceled')::int) from {orders}").fetchall()
    payments = f"read_csv('{drafted.parent}/exports/mp_payments_export.csv', all_varchar = true, delim = ';')"
    exact = "replace(replace(amount_eur, '.', ''), ',', '.')::decimal(18, 2)"
    paid = duckdb.sql(f"select sum({exact}) from {payments}").fetchall()
    assert [(found[0]["order_count"], found[0]["canceled_share"])] == counted
    assert [(found[0]["total_amount_eur"],)] == paid


def test_nothing_is_overwritten(kpi: Run, write: Write) -> None:
    folder = write({f"exports/{name}": text for name, text in market().items()})
    write({"shop/metrics.kpi": "# mine\n"})
    done = kpi("init", "shop", "--data", "exports")
    assert done.code == 2
    assert "E710" in done.err
    assert (folder / "shop/metrics.kpi").read_text("utf-8") == "# mine\n"
    assert not (folder / "shop/kpi.toml").exists()


def test_folders_without_tables(kpi: Run, write: Write) -> None:
    write({"exports/readme.md": "no table"})
    done = kpi("init", "shop", "--data", "exports")
    assert done.code == 4
    assert "error[E604]: exports holds no tables" in done.err
    assert kpi("init", "shop", "--data", "nowhere").code == 2


def test_a_table_that_cannot_be_read_is_left_out_and_named(write: Write) -> None:
    folder = write({"d/a.csv": "id,day\nx,2026-01-01\ny,2026-01-02\n", "d/b.csv": "a,b\n1,2\n3\n", "d/c.csv": ""})
    text = draft_project(folder / "p", folder / "d").files["sources.kpi"]
    assert "# - b.csv was left out: b.csv:3: this row has 1 field, and the header has 2" in text
    assert "# - c.csv was left out:" in text
    assert "source a" in text


def test_parquet_keeps_its_own_types_and_zone(write: Write) -> None:
    folder = write({"d/x.csv": "a,b\n1,2\n"})
    when = pa.array([1_767_225_600 + n for n in range(30)], pa.timestamp("s", "Asia/Tokyo"))
    columns = {"visit_id": [f"v{n}" for n in range(30)], "visitor_id": [f"u{n % 7}" for n in range(30)], "at": when}
    pq.write_table(pa.table(columns), folder / "d" / "visits.parquet")
    text = draft_project(folder / "p", folder / "d").files["sources.kpi"]
    assert 'timezone: "Asia/Tokyo"  # guess: the zone of the timestamps' in text
    assert "time: at" in text
    assert "column at" not in text
    assert "entity visitor  # guess: 7 ids, and no table of their own\n  counted_in: visits" in text


def test_repeated_ids_are_no_key_but_a_doubt(write: Write) -> None:
    rows = [["order_id", "day"], *[[f"o{n % 19}", "2026-01-01"] for n in range(20)]]
    folder = write({"d/orders.csv": table(rows)})
    text = draft_project(folder / "p", folder / "d").files["sources.kpi"]
    assert "key:" not in text
    assert "# - `order_id` would be the key of orders, but 1 row repeats the id of another" in text


# Types ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind", "format"),
    [
        (["1", "17850.0", "-3"], "integer", None),
        (["00017", "00018"], "text", None),
        (["1.50", "2.00"], "decimal", None),
        (["1.000,50", "2,00"], "decimal", None),
        (["true", "false"], "boolean", None),
        (["1", "0"], "integer", None),
        (["2026-01-31", "2026-02-01"], "date", None),
        (["2026-01-31 10:00", "2026-02-01T11:00:05Z"], "timestamp", None),
        (["31.01.2026", "01.02.2026"], "date", "%d.%m.%Y"),
        (["2/26/2018 19:58", "12/1/2018 7:05"], "timestamp", "%m/%d/%Y %H:%M"),
        (["31-Jul-18", "1-Aug-18"], "date", "%d-%b-%y"),
        (["Jan 2026", "Feb 2026"], "date", "%b %Y"),
        (["1:02:03", "0:00:10"], "duration", None),
        (["C536379", "536380"], "text", None),
        (["2026-02-30", "2026-01-01"], "text", None),
        (["", ""], "text", None),
    ],
)
def test_types_of_texts(values: list[str], kind: str, format: str | None) -> None:
    guess = guess_type(tally_of(pa.array(values, pa.string())), "x")
    found = "duration" if guess.type.unit.is_duration else guess.type.kind.value
    assert (found, guess.format) == (kind, format)


def test_words_for_nothing_do_not_hide_a_type() -> None:
    guess = guess_type(tally_of(pa.array(["1", "NULL", "?", "2"])), "x")
    assert (guess.type.kind.value, guess.nulls) == ("integer", ("NULL", "?"))


def test_a_few_misfits_are_named() -> None:
    guess = guess_type(tally_of(pa.array([*map(str, range(99)), "n.n."])), "x")
    assert guess.type.kind.value == "text"
    assert guess.doubts == ('it holds whole numbers but for 1 of 100 values ("n.n."), and is left as text',)


def test_dates_in_either_order_are_a_doubt() -> None:
    guess = guess_type(tally_of(pa.array(["01/02/2026", "03/04/2026"])), "x")
    assert guess.format == "%d/%m/%Y"
    assert '"%m/%d/%Y"' in guess.doubts[0]


@settings(max_examples=40)
@given(
    st.lists(st.dates(datetime.date(1990, 1, 1), datetime.date(2060, 1, 1)), min_size=1, max_size=30),
    st.sampled_from(["%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%B %d, %Y", "%Y-%m-%d"]),
)
def test_dates_are_read_back(days: list[datetime.date], format: str) -> None:
    guess = guess_type(tally_of(pa.array([day.strftime(format) for day in days])), "day")
    assert guess.type.kind.value == "date"
    found = guess.format or "%Y-%m-%d"
    assert {datetime.datetime.strptime(day.strftime(format), found).date() for day in days} == set(days)


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("utf-8", "n\nKöln\n", None),
        ("utf-8", "n\nplain\n", None),
        ("cp1252", "n\nKöln, Größe, naïve €\n", "windows-1252"),
        ("latin-1", "id;ville\n1;Orléans\n2;Besançon\n3;Saint-Étienne\n", "windows-1252"),
        ("latin-1", "id;ort\n1;Zürich\n2;Straße\n3;ÄÖ-Werk\n4;une créée\n", "windows-1252"),
        ("gb18030", "城市\n上海\n北京\n深圳\n", "gb18030"),
        ("utf-16", "n,m\nKöln,1\n", "utf-16"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, text: str, found: str | None) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(text.encode(encoding))
    assert encoding_of(file) == found


def test_an_encoding_is_not_sure(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("id;ville\n1;Orléans\n2;Besançon\n".encode("latin-1"))
    (doubt,) = [each for each in draft_project(tmp_path / "new", tmp_path).doubts if "UTF-8" in each]
    assert doubt == "t.csv is not in UTF-8, and is read as windows-1252: look at its letters"


def test_one_file(write: Write) -> None:
    root = write({"one.csv": "id,v\n1,2\n", "other.csv": "id,v\n1,2\n", "notes.txt.md": "x"})
    assert draft_project(root / "new", root / "one.csv").sources == 1
    with pytest.raises(kpi_engine.KpiError, match="E604"):
        draft_project(root / "new", root / "notes.txt.md")
    with pytest.raises(kpi_engine.KpiError, match=r"E710: there is no .*nothing\.csv"):
        draft_project(root / "new", root / "nothing.csv")


def test_columns_that_came_later(write: Write) -> None:
    root = write({"o-2026-01.csv": "id,at\n1,2026-01-01\n", "o-2026-02.csv": "id,at,via\n2,2026-02-01,app\n"})
    drafted = draft_project(root / "new", root)
    line = "  missing_columns: null  # guess: `via` is not in 1 of 2 files, first o-2026-01.csv\n"
    assert line in drafted.files["sources.kpi"]
    assert drafted.rows == 2


def test_json_of_several_kinds_of_numbers(write: Write) -> None:
    root = write({"e.jsonl": '{"v": 1}\n{"v": 2.5}\n', "good.csv": "id\n1\n"})
    assert draft_project(root / "new", root).sources == 2


def test_a_table_that_cannot_be_cast_is_left_out(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"bad.csv": "id\n1\n", "good.csv": "id\n1\n"})
    known = facts.guess_type

    def refuse(tally: Any, name: str) -> Any:
        raise KernelError("nothing fits")

    found = {each.name: each for each in find_tables(root)}
    monkeypatch.setattr(facts, "guess_type", refuse)
    left_out = read_facts(root, found["bad"])
    assert isinstance(left_out, facts.Unreadable) and left_out.reason == "nothing fits"
    monkeypatch.setattr(facts, "guess_type", known)
    assert isinstance(read_facts(root, found["good"]), TableFacts)


@settings(max_examples=40)
@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.lists(
        st.tuples(st.text("ab 1.,;|", max_size=5), st.text("xy'", max_size=5), st.integers()), min_size=2, max_size=9
    ),
)
def test_delimiters(delimiter: str, rows: list[tuple[Any, ...]]) -> None:
    text = table([["first", "second", "third"], *map(list, rows)], delimiter)
    assert len(next(csv.reader(io.StringIO(text), delimiter=delimiter_of(text)))) == 3


def test_names_of_files_that_differ_in_digits_are_one_table(write: Write) -> None:
    names = [
        "sales/2026-01.csv",
        "sales/2026-02.csv",
        "stock_1.csv",
        "stock_2.csv",
        "north/a.csv",
        "south/a.csv",
        ".b.csv",
    ]
    folder = write({f"d/{name}": "a,b\n1,2\n" for name in names})
    found = {each.name: each.table for each in find_tables(folder / "d")}
    assert found == {
        "sales": "sales/*.csv", "stock": "stock_*.csv", "a": "north/a.csv", "south_a": "south/a.csv",
    }  # fmt: skip


def test_facts_are_those_of_all_rows(write: Write) -> None:
    rows: list[list[object]] = [["id", "n"], *[[f"i{n}", n % 5] for n in range(500)], ["i500", ""]]
    folder = write({"d/t.csv": table(rows)})
    facts = read_facts(folder / "d", find_tables(folder / "d")[0])
    assert isinstance(facts, TableFacts)
    column = facts.columns["n"]
    assert (facts.rows, column.present, column.distinct, column.low, column.high) == (501, 500, 5, 0, 4)
