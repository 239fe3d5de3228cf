"""What `kpi check --data` counts is what plain Python and DuckDB count; and how the command ends."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi_engine
from kpi_engine.ir.diagnostic import Diagnostic

Run = Callable[..., Any]
TODAY = datetime.date(2026, 12, 31)

DEFINITIONS = """\
source customers
  table: "customers.csv"
  key: customer_id
  column customer_id: text

source orders
  table: "orders.csv"
  time: day
  column day: date
  column customer_id: text -> customers
  column total: currency(EUR)
  column cost: currency(EUR)

paid = count(orders where status != "paid")
gain = sum(orders.total - cost)
"""

IDS = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "e", "f"]))
AMOUNTS = st.one_of(st.none(), st.integers(0, 3))


def numbers(found: Diagnostic) -> list[int]:
    """The numbers in a message."""
    return [int(each.replace(" ", "")) for each in re.findall(r"\b\d{1,3}(?: \d{3})*\b", found.message)]


def by_code(found: tuple[Diagnostic, ...]) -> dict[str, list[Diagnostic]]:
    codes: dict[str, list[Diagnostic]] = {}
    for each in found:
        codes.setdefault(each.code, []).append(each)
    return codes


@settings(max_examples=60)
@given(
    st.lists(IDS, min_size=1, max_size=12),
    st.lists(st.tuples(IDS, st.sampled_from(["paid", "open", None]), AMOUNTS, AMOUNTS), min_size=1, max_size=30),
)
def test_counts_are_those_of_plain_python(customers: list[Any], orders: list[tuple[Any, ...]]) -> None:
    ids, statuses, totals, costs = map(list, zip(*orders, strict=True))
    project = kpi_engine.Project.from_text(DEFINITIONS)
    project.bind("customers", pa.table({"customer_id": pa.array(customers, pa.string())}))
    day = [datetime.date(2026, 1, 1)] * len(orders)
    columns = {"day": pa.array(day, pa.date32()), "customer_id": pa.array(ids, pa.string())}
    amounts = {"total": pa.array(totals, pa.int64()), "cost": pa.array(costs, pa.int64())}
    project.bind("orders", pa.table({**columns, **amounts, "status": pa.array(statuses, pa.string())}))
    found = by_code(project.check_data(TODAY))

    repeated = {key: rows for key, rows in Counter(customers).items() if key is not None and rows > 1}
    assert ("E661" in found) == bool(repeated)
    if repeated:
        assert numbers(found["E661"][0]) == [len(repeated), sum(repeated.values())]
    without = customers.count(None)
    assert ("W662" in found) == bool(without)

    orphans = Counter(each for each in ids if each is not None and each not in customers)
    assert ("W663" in found) == bool(orphans)
    if orphans:
        present = len(ids) - ids.count(None)
        assert numbers(found["W663"][0])[-1] == len(orphans)
        assert numbers(found["W663"][0])[0] == orphans.total()
        assert orphans.total() == present or numbers(found["W663"][0])[1] == present
        most = max(orphans.values())
        assert f"in {most} row" in found["W663"][0].notes[0].message
    assert ("N663" in found) == (None in ids)
    assert ("W665" in found) == (None in statuses)
    partly = sum((total is None) != (cost is None) for total, cost in zip(totals, costs, strict=True))
    assert ("W666" in found) == bool(partly)
    if partly:
        assert numbers(found["W666"][0])[0] == partly
    literal = [each for each in found.get("W664", []) if '"paid"' in each.message]
    assert bool(literal) == ("paid" not in statuses)


def messy_shop(rows: int) -> dict[str, str]:
    """Tables with every kind of trouble, at known places."""
    customers = ["customer_id,city"]
    customers += [f"c{number:05},{'São Paulo' if number % 3 else 'Rio'}" for number in range(rows // 10)]
    customers += ["c00001,Rio", "c00001,Rio", ",Rio", ",Rio"]
    orders = ["order_id,customer_id,ordered_at,status,total,shipped_at"]
    for number in range(rows):
        customer = "" if number % 50 == 7 else f"c{(number * 7) % (rows // 10 + 25):05}"
        day = datetime.date(2026, 1, 1) + datetime.timedelta(number % 90)
        total = "oops" if number % 400 == 9 else f"{number % 90}.50"
        shipped = "" if number % 9 == 0 else f"{day + datetime.timedelta(2 if number % 100 else -2)} 12:00"
        orders.append(f"o{number},{customer},{day} 10:00,{'paid' if number % 2 else ''},{total},{shipped}")
    return {"data/customers.csv": "\n".join(customers) + "\n", "data/orders.csv": "\n".join(orders) + "\n"}


SHOP = """\
source customers
  table: "customers.csv"
  key: customer_id
  column customer_id: text

source orders
  table: "orders.csv"
  key: order_id
  time: ordered_at
  on_error: null
  column order_id: text
  column customer_id: text -> customers
  column ordered_at: timestamp
  column shipped_at: timestamp
  column total: decimal
  column lag: duration = shipped_at - ordered_at

orders_of_sao_paulo = count(orders where customers.city = "Sao Paulo")
unpaid = count(orders where status != "paid")
"""


def test_counts_are_those_of_duckdb(write: Callable[..., Path]) -> None:
    folder = write({**messy_shop(3000), "shop.kpi": SHOP})
    found = by_code(kpi_engine.open(definitions="shop.kpi", data="data").check_data(TODAY))
    duck = duckdb.connect()
    for name in ("customers", "orders"):
        path = folder / "data" / f"{name}.csv"
        duck.execute(f"create table {name} as from read_csv('{path}', all_varchar = true, nullstr = '')")

    def asked(query: str) -> list[int]:
        row = duck.execute(query).fetchone()
        assert row is not None
        return [int(each) for each in row]

    repeated = "select customer_id, count(*) n from customers where customer_id is not null group by 1 having n > 1"
    assert numbers(found["E661"][0]) == asked(f"select count(*), sum(n) from ({repeated})")
    lacking = "select count(*) filter (customer_id is null), count(*) from customers"
    assert numbers(found["W662"][0]) == asked(lacking)
    orphans = asked(
        "select count(*) filter (c.customer_id is null), count(*), "
        "count(distinct o.customer_id) filter (c.customer_id is null) from orders o "
        "left join (select distinct customer_id from customers) c using (customer_id) where o.customer_id is not null"
    )
    assert orphans[0] > 0
    assert numbers(found["W663"][0]) == orphans
    nulls = asked("select count(*) filter (customer_id is null), count(*) from orders")
    assert numbers(found["N663"][0]) == nulls
    wrong = asked("select count(*) filter (try_cast(total as decimal(18, 2)) is null), count(*) from orders")
    assert numbers(found["W608"][0]) == wrong
    late = asked(
        "select count(*) filter (shipped_at::timestamp < ordered_at::timestamp), count(shipped_at) from orders"
    )
    assert numbers(found["W672"][0]) == [0, *late]
    unknown = asked("select count(*) filter (status is null), count(*) from orders")
    assert numbers(found["W665"][0]) == unknown
    assert "São Paulo" in found["W664"][0].help
    assert set(found) == {"E661", "W662", "W663", "N663", "W608", "W672", "W665", "W664"}


def test_examples_name_the_lines_of_the_file(write: Callable[..., Path]) -> None:
    folder = write({**messy_shop(3000), "shop.kpi": SHOP})
    found = by_code(kpi_engine.open(definitions="shop.kpi", data="data").check_data(TODAY))
    lines = (folder / "data" / "orders.csv").read_text("utf-8").splitlines()
    for note in found["W608"][0].notes:
        place = re.match(r"orders\.csv:(\d+): `total` holds `oops`", note.message)
        assert place is not None
        assert ",oops," in lines[int(place[1]) - 1]
    lines = (folder / "data" / "customers.csv").read_text("utf-8").splitlines()
    places = re.findall(r"customers\.csv:(\d+)", found["E661"][0].notes[0].message)
    assert [lines[int(place) - 1].split(",")[0] for place in places] == ["c00001"] * 3


def test_a_column_that_cannot_be_read_hides_no_other() -> None:
    days = pa.array([20454, 20454], pa.date32())
    table = pa.table({"day": days, "id": ["x", "x"], "far": pa.array([2**62, 1], pa.timestamp("s"))})
    project = kpi_engine.Project.from_text("source a\n  key: id\n  time: day\n\nn = count(a)\n")
    project.bind("a", table)
    found = project.check_data(TODAY)
    assert [each.code for each in found] == ["E609", "W661"]
    assert "`far`" in found[0].message


def test_a_time_that_cannot_be_read_hides_all_and_says_so() -> None:
    table = pa.table({"far": pa.array([2**62, 1], pa.timestamp("s")), "id": ["x", "x"]})
    text = 'source a\n  key: id\n  time: far\n  where: far > 2026\n\nn = count(a where id = "y")\n'
    project = kpi_engine.Project.from_text(text)
    project.bind("a", table)
    assert [each.code for each in project.check_data(TODAY)] == ["E609"]


# The command ----------------------------------------------------------------------------------------------------------

CLEAN = {"kpi.toml": 'as_of = "data"\n', "o.csv": "day,id\n2026-01-01,a\n2026-01-02,b\n"}
SOURCE = 'source o\n  table: "o.csv"\n  key: id\n  time: day\n  column day: date\n  column id: text\n\nn = count(o)\n'


def test_a_sound_project_ends_with_0(kpi: Run, write: Callable[..., Path]) -> None:
    write({**CLEAN, "m.kpi": SOURCE})
    done = kpi("check", "--data")
    assert (done.code, done.out, done.err) == (0, "", "no problems found\n")


@pytest.mark.parametrize("words", [("check", "--data"), ("check", "--data", "."), ("check", "--data", "--format=full")])
def test_warnings_about_data_end_with_0(kpi: Run, write: Callable[..., Path], words: tuple[str, ...]) -> None:
    write({**CLEAN, "m.kpi": SOURCE, "o.csv": "day,id\n2026-01-01,a\n2026-01-02,a\n"})
    done = kpi(*words)
    assert (done.code, done.err) == (0, "1 warning\n")
    assert done.out.startswith("m.kpi:1:8: warning[W661]: `id` should tell the rows of o apart")
    assert '"a" in 2 rows: o.csv:2; o.csv:3' in done.out


def test_errors_in_data_end_with_4(kpi: Run, write: Callable[..., Path]) -> None:
    write({**CLEAN, "m.kpi": SOURCE, "o.csv": "day,id\n2026-01-01,a\nsoon,b\n"})
    done = kpi("check", "--data", "--format", "json")
    assert done.code == 4
    found, untimed = json.loads(done.out)
    assert untimed["code"] == "W677"
    assert (found["code"], found["severity"], found["line"]) == ("E608", "error", 5)
    assert found["notes"][0]["message"].startswith("o.csv:3: `day` holds `soon`")


def test_a_ragged_row_is_told_once(kpi: Run, write: Callable[..., Path]) -> None:
    write({**CLEAN, "m.kpi": SOURCE, "o.csv": "day,id\n2026-01-01,a\n2026-01-02\n"})
    done = kpi("check", "--data", "--format", "concise")
    assert done.code == 4
    assert done.out == "o.csv:3: error[E614]: this row has 1 field, and the header has 2\n"


def test_annotations_name_the_definition(kpi: Run, write: Callable[..., Path]) -> None:
    write({**CLEAN, "m.kpi": SOURCE, "o.csv": "day,id\n2026-01-01,a\n2026-01-02,a\n"})
    done = kpi("check", "--data", "--format", "github")
    assert done.out.startswith("::warning title=W661,file=m.kpi,line=1,col=8")


def test_without_data_no_row_is_read(kpi: Run, write: Callable[..., Path]) -> None:
    write({**CLEAN, "m.kpi": SOURCE, "o.csv": "day,id\nsoon,a\nsoon,a\n"})
    assert kpi("check").code == 0


def test_broken_definitions_come_first(kpi: Run, write: Callable[..., Path]) -> None:
    write({**CLEAN, "m.kpi": SOURCE + "m = count(oo)\n", "o.csv": "day,id\nsoon,a\n"})
    done = kpi("check", "--data")
    assert done.code == 3
    assert "E608" not in done.out


def test_a_table_out_of_reach_leaves_the_others(kpi: Run, write: Callable[..., Path]) -> None:
    text = SOURCE + '\nsource p\n  table: "p.csv"\n  time: day\n  column day: date\n\nm = count(p)\n'
    write({**CLEAN, "m.kpi": text, "o.csv": "day,id\n2026-01-01,a\n2026-01-02,a\n"})
    done = kpi("check", "--data", "--format", "concise")
    assert done.code == 4
    assert "E601" in done.out
    assert "W661" in done.out
    assert "N678" in done.out
