"""Nine months of invoices in 234 CSV files: what the engine answers is what SQL answers on a reading of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import kpi_engine

from . import invoices
from .comparing import Asked, count, differences, value

TYPES = [
    ("invoice", pa.string()),
    ("stock", pa.string()),
    ("description", pa.string()),
    ("quantity", pa.int64()),
    ("sold_at", pa.timestamp("us")),
    ("price", pa.decimal128(12, 3)),
    ("customer", pa.int64()),
    ("country", pa.string()),
    ("channel", pa.string()),
]
VIEWS = """
create view lines as select *, quantity * price as amount, starts_with(invoice, 'C') as cancelled,
  stock not in ('POST', 'M') as goods, sold_at::date as day, date_trunc('month', sold_at)::date as month from read;
create view bought as from lines where not cancelled and goods;
create view active as select distinct customer, month from bought where customer is not null;
create view months as select unnest(generate_series(date '2018-01-01', date '2018-09-01', interval 1 month))::date as m;
create view days as select unnest(generate_series(date '2018-01-02', date '2018-09-30', interval 1 day))::date as day;
create view daily as select days.day, coalesce(sum(amount), 0) as amount, count(sold_at) as n
  from days left join lines using (day) group by all;
"""


def by_month(expression: str, of: str = "lines") -> str:
    """SQL of a value for every month."""
    return f"select month, {expression} from {of} group by month"


MONTHLY = Asked(
    {
        "net_sales": count(by_month("sum(amount)")),
        "cancelled_share": value(
            by_month("-sum(amount) filter (cancelled)::double / sum(amount) filter (not cancelled)")
        ),
        "invoices": count(by_month("count(distinct invoice) filter (not cancelled)")),
        "buyers": count(by_month("count(distinct customer)")),
        "invoice_value": value(
            by_month("sum(amount) filter (not cancelled)::double / count(distinct invoice) filter (not cancelled)")
        ),
        "guest_lines": count(by_month("count(*) filter (customer is null)")),
        "unread_quantities": count(by_month("count(*) filter (quantity is null)")),
        "median_price": value(by_month("median(price::double) filter (goods)")),
        "mug_lines": count(by_month("count(*) filter (description = 'CAFÉ CRÈME MUG')")),
        "lantern_lines": count(by_month("count(*) filter (description = 'WHITE METAL LANTERN')")),
        "nameless_lines": count(by_month("count(*) filter (description is null)")),
        "sales_growth": value(
            "select month, sum(amount)::double / lag(sum(amount)) over (order by month) - 1 from lines group by month"
        ),
        "sales_of_year": value("select month, sum(sum(amount)) over (order by month) from lines group by month"),
        "known_buyers": value("select m, count(distinct customer) from months join lines on month <= m group by m"),
        "new_buyers": count(
            "select m, count(*) from (select customer, min(month) as m from active group by customer) group by m"
        ),
        "kept_buyers": count(
            "select active.month, count(*) from active join active as former using (customer) "
            "where former.month = active.month - interval 1 month group by active.month"
        ),
        "products_per_invoice": value(
            "select month, avg(n) from (select month, invoice, count(distinct stock) as n from bought group by all) "
            "group by month"
        ),
        "largest_invoice": value(
            "select month, max(amount) from (select month, invoice, sum(amount) as amount from lines "
            "where not cancelled group by all) group by month"
        ),
        "mean_day": value("select date_trunc('month', day)::date, avg(amount) from daily group by 1"),
        "open_days": count("select date_trunc('month', day)::date, count(*) filter (n > 0) from daily group by 1"),
        "repeat_buyers": count(
            "select month, count(*) from (select month, customer from bought where customer is not null "
            "group by all having count(distinct invoice) >= 2) group by month"
        ),
        "sales_28_days": value(
            "select m, sum(amount) from months join daily on day < m + interval 1 month "
            "and day >= m + interval 1 month - interval 28 days group by m"
        ),
        "both_sold": count(
            "select month, count(*) from (select invoice, min(month) as month from bought group by invoice "
            "having bool_or(stock = '00123') and bool_or(stock = '123')) group by month"
        ),
        "pair_count": count(
            "select month, sum(n * (n - 1)) from (select count(distinct stock) as n, min(month) as month from bought "
            "group by invoice) group by month"
        ),
    },
    {"grain": "month"},
)
ASKED = [
    MONTHLY,
    Asked(
        {
            "share_of_all": value(
                "select country, sum(amount)::double / (select sum(amount) from lines) from lines group by country"
            ),
            "gross_sales": count("select country, sum(amount) filter (not cancelled) from lines group by country"),
        },
        {"by": "country"},
    ),
    Asked(
        {
            "lines_bought": count(
                "select channel, isodow(day), count(*) from bought where day >= '2018-07-01' group by all"
            ),
            "guest_lines": count(
                "select channel, isodow(day), count(*) filter (customer is null) from lines "
                "where day >= '2018-07-01' group by all"
            ),
        },
        {"by": ["channel", "sold_weekday"], "start": "2018-07"},
    ),
    Asked(
        {
            "net_sales": value(
                "select date_trunc('quarter', month)::date as q, cohort, sum(amount) from lines left join "
                "(select customer, date_trunc('quarter', min(month))::date as cohort from lines "
                "where customer is not null group by customer) using (customer) group by all"
            ),
        },
        {"grain": "quarter", "by": "cohort", "skip_empty": True},
    ),
]
BY_CHANNEL = 2
QUESTIONS = [(number, name) for number, asked in enumerate(ASKED) for name in asked.questions]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invoices")
    invoices.write(folder)
    return folder


@pytest.fixture(scope="module")
def project(folder: Path) -> kpi_engine.Project:
    return kpi_engine.open(definitions=[Path(__file__).with_name("invoices.kpi")], data=folder)


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    rows = invoices.read(folder)
    columns = [pa.array(column, kind) for column, (_, kind) in zip(zip(*rows, strict=True), TYPES, strict=True)]
    read = pa.table(dict(zip((name for name, _ in TYPES), columns, strict=True)))
    with duckdb.connect() as connection:
        connection.register("read", read)
        connection.execute(VIEWS)
        yield connection


@pytest.fixture(scope="module")
def asked(project: kpi_engine.Project) -> Callable[[int], kpi_engine.Result]:
    """The answer to one of ASKED, computed when its first question comes."""
    return cache(lambda number: ASKED[number].ask(project, invoices.AS_OF))


@pytest.mark.parametrize(("number", "name"), QUESTIONS, ids=[f"{name}-{number}" for number, name in QUESTIONS])
def test_answer_is_that_of_sql(
    number: int, name: str, asked: Callable[[int], kpi_engine.Result], database: duckdb.DuckDBPyConnection
) -> None:
    group = ASKED[number]
    assert differences(group.values(asked(number), name), group.questions[name], database) == []


def test_what_was_odd_is_said(asked: Callable[[int], kpi_engine.Result]) -> None:
    stats = asked(0).stats
    assert stats.sources["lines"].failed_casts == len(invoices.WORDS)
    assert any("have no column `channel`" in note for note in asked(BY_CHANNEL).stats.notes)


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "invoices-2018-12-31.csv").write_bytes(b"")
    project = kpi_engine.open(definitions=[Path(__file__).with_name("invoices.kpi")], data=tmp_path)
    with pytest.raises(kpi_engine.KpiError) as caught:
        project.eval("net_sales")
    assert caught.value.diagnostics[0].code == "E605"


def test_what_was_odd_in_a_source_that_is_only_looked_at_is_said(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("day,customer\n2026-01-01,a\n2026-01-02,b\n")
    (tmp_path / "customers.csv").write_text("id,age\na,forty\nb,50\n")
    text = """
source orders
  time: day
  table: "orders.csv"
  column day: date
  column customer -> customers

source customers
  table: "customers.csv"
  key: id
  on_error: null
  column age: integer

source grown = (orders where customers.age >= 18)

adults = count(orders where customers.age >= 18)
grown_up = count(grown)
"""
    project = kpi_engine.Project.from_text(text, data=tmp_path)
    for metric in ("adults", "grown_up"):
        result = project.eval(metric)
        assert result.table.column(metric).to_pylist() == [1]
        assert result.stats.sources["customers"].failed_casts == 1
