"""What projects with packs answer, against numbers worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import kpi_engine
from kpi_engine.ir.diagnostic import KpiError

from .projects import codes, rows, write_pack, write_project

SALES = """\
source orders
  key: order_id
  time: day
  where: status != "test"
  column order_id: text
  column day: date
  column customer: text -> customers
  column channel: text
  column status: text
  column total: currency
  column is_valid: boolean = status != "cancelled"

source customers
  key: id
  column id: text
  column country: text

dimension channel = orders.channel
  description: "Where from"

revenue = sum(orders.total where is_valid)
  better: higher

order_count = count(orders where is_valid)

average_order_value = revenue / order_count
  better: higher
  target: 30

share = order_count / total(order_count, channel)
  unit: percent

abroad = count(orders where customers.country != "CN")
"""
CARE = """\
use sales

source tickets
  time: opened
  column opened: date
  column channel: text
  column client: text -> clients

source clients
  key: id
  column id: text
  column vip: boolean

dimension channel = tickets.channel

tickets_per_order = count(tickets) / order_count
vip_tickets = count(tickets where clients.vip)
"""
T_ORDER = """\
oid,create_date,pay_amount,st,cust,channel,shop_no,deleted
a,2026-01-01,1234,1,c1,web,7,no
b,2026-01-02,1000,9,c2,web,7,no
c,2026-01-03,1766,1,c1,shop,8,no
d,2026-02-03,2000,1,c2,web,8,no
e,2026-02-04,9999,1,c2,web,8,yes
"""
MAP = """\
map sales.orders to "t_order.csv"
  order_id = oid
  day = date(create_date)
  customer = cust
  total = decimal(pay_amount) / 100
  status = case when st = "9" then "cancelled" else "ok" end
  column store: text from "shop_no"
  column deleted: text
  column st: text
  where: deleted = "no"
"""
USES = "calendar\n  currency: EUR\nuse sales\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two packs beside a folder for projects."""
    write_pack(tmp_path / "sales", "sales", SALES, version="1.2.0")
    write_pack(tmp_path / "care", "care", CARE)
    return tmp_path / "shop"


def project(folder: Path, definitions: str, **tables: str) -> Path:
    """A project that has both packs at hand."""
    given = {f"{name}.csv": text for name, text in tables.items()}
    return write_project(folder, definitions, given, {"sales": "../sales", "care": "../care"})


def test_right_sides_compute_from_the_table(shop: Path) -> None:
    """12.34 + 17.66 of January are valid, 20.00 of February; the deleted row is not read."""
    folder = project(shop, USES + MAP, t_order=T_ORDER)
    assert codes(folder) == ["N791"]
    found = rows(folder, ["revenue", "order_count", "sales.average_order_value"], grain="month")
    assert [tuple(row.values())[1:] for row in found] == [
        (Decimal("30.00"), 2, 15.0),
        (Decimal("20.00"), 1, 20.0),
    ]
    by_store = {row["store"]: row["revenue"] for row in rows(folder, ["revenue"], by="store")}
    assert by_store == {"7": Decimal("12.34"), "8": Decimal("37.66")}


def test_a_right_side_means_the_column_of_the_table_even_if_a_logical_one_has_its_name(shop: Path) -> None:
    """`total` and `channel` change places: 5 and 7 are added, and the channels are numbers."""
    crossed = 'map sales.orders to "o.csv"\n  total = decimal(channel) * 2\n  channel = total\n'
    table = "order_id,day,customer,channel,status,total\na,2026-01-01,c,5,ok,web\nb,2026-01-02,c,7,ok,shop\n"
    found = rows(project(shop, USES + crossed, o=table), ["revenue"], by="channel")
    assert {row["channel"]: row["revenue"] for row in found} == {"web": Decimal(10), "shop": Decimal(14)}


def test_both_conditions_hold(shop: Path) -> None:
    """The pack's `where:` drops test orders, the map's own those of the shop."""
    mapped = 'map sales.orders to "o.csv"\n  where: channel != "shop"\n'
    table = "order_id,day,customer,channel,status,total\na,2026-01-01,c,web,ok,1\nb,2026-01-01,c,shop,ok,2\n"
    table += "c,2026-01-01,c,web,test,4\nd,2026-01-01,c,web,ok,8\n"
    assert rows(project(shop, USES + mapped, o=table), ["revenue"]) == [{"revenue": Decimal(9)}]


def test_an_override_replaces_everywhere_and_sees_the_former_one(shop: Path) -> None:
    """Revenue is doubled for the pack's own average, too; what is not said stays."""
    override = 'override revenue = 2 * revenue\n  description: "Twice"\n'
    folder = project(shop, USES + MAP + override + "own = sales.revenue + 1\n", t_order=T_ORDER)
    (row,) = rows(folder, ["revenue", "average_order_value", "own"], grain="month", end="2026-01")
    assert (row["revenue"], row["average_order_value"], row["own"]) == (Decimal(60), 30.0, Decimal(61))
    metric = kpi_engine.open(folder).catalog.metrics["revenue"]
    assert (metric.better, metric.description, metric.pack) == ("higher", "Twice", "sales")
    assert str(metric.display) == "currency(EUR)"


def test_a_unit_that_nobody_wrote_stays_where_the_formula_may_have_it(shop: Path) -> None:
    """A sum of integers is a count where it replaces one; an amount is not, and a unit that is written holds."""
    whole = "override order_count = sum(ledger.n)\ndimension channel = ledger.channel\n"
    whole += 'source ledger\n  table: "d.csv"\n  time: day\n'
    whole += "  column day: date\n  column n: integer\n  column channel: text\n"
    folder = project(shop, USES + MAP + whole, t_order=T_ORDER, d="day,n,channel\n2026-01-01,7,web\n")
    metric = kpi_engine.open(folder).catalog.metrics["order_count"]
    assert (str(metric.display), str(metric.type)) == ("count", "integer")
    assert rows(folder, ["order_count"]) == [{"order_count": 7}]
    (folder / "shop.kpi").write_text(USES + MAP + "override order_count = sum(orders.total)\n", "utf-8")
    assert codes(folder) == ["E219", "N791"]
    said = "override order_count = sum(orders.total)\n  unit: currency\n"
    (folder / "shop.kpi").write_text(USES + MAP + said, "utf-8")
    assert codes(folder) == ["N791"]
    assert str(kpi_engine.open(folder).catalog.metrics["order_count"].display) == "currency(EUR)"
    for formula, found in (("order_count", ["E219", "N791"]), ("order_count / 2", ["N791"])):
        (folder / "shop.kpi").write_text(USES + MAP + f"override sales.share = {formula}\n", "utf-8")
        assert codes(folder) == found  # a count is no percentage


def test_an_alias_leads_filters_of_the_pack_to_its_own_dimensions(tmp_path: Path) -> None:
    """The pack's channel is made of `via`, though its orders have a column `channel`, and the project one, too."""
    text = "source orders\n  time: day\n  column day: date\n  column via: text\n  column channel: text\n"
    text += "  column n: integer\n\ndimension channel = orders.via\n\nall_n = sum(orders.n)\n"
    text += 'web_n = (all_n where channel = "web")\nown_n = sum(orders.n where channel = "web")\n'
    write_pack(tmp_path / "p", "p", text)
    table = "day,via,channel,n\n2026-01-01,web,shop,1\n2026-01-01,shop,web,2\n2026-01-01,web,web,4\n"
    found = {}
    for name, alias in (("plain", "p"), ("led", "x")):
        lines = f'use p{"" if alias == "p" else f" as {alias}"}\nmap {alias}.orders to "o.csv"\n'
        lines += "dimension channel = x.orders.n\n" if alias == "x" else ""
        folder = write_project(tmp_path / name, lines, {"o.csv": table}, {"p": "../p"})
        metrics = [f"{alias}.{metric}" for metric in ("all_n", "web_n", "own_n")]
        found[name] = list(rows(folder, metrics)[0].values())
    # `web` by the dimension: 1 + 4; by the column, inside of an aggregate: 2 + 4.
    assert found == {"plain": [7, 5, 6], "led": [7, 5, 6]}


def test_own_names_win_outside_and_the_packs_own_inside(shop: Path) -> None:
    """`order_count` is the project's for the project, and the pack's for its average."""
    text = USES + MAP + "order_count = 5 * count(orders)\nratio = order_count / sales.order_count\n"
    folder = project(shop, text, t_order=T_ORDER)
    assert sorted(codes(folder)) == ["N790", "N791"]
    (row,) = rows(folder, ["average_order_value", "ratio"], grain="month", end="2026-01")
    assert (row["average_order_value"], row["ratio"]) == (15.0, 7.5)


def test_an_alias_leads_names_and_leaves_the_own_alone(shop: Path) -> None:
    text = "calendar\n  currency: EUR\nuse sales as s\n" + MAP.replace("map sales.", "map s.")
    text += "revenue = s.revenue / count(s.orders)\nstores = count(distinct s.orders.store)\n"
    found = rows(project(shop, text, t_order=T_ORDER), ["revenue", "s.revenue", "stores"])
    assert found == [{"revenue": 50 / 4, "s.revenue": Decimal(50), "stores": 2}]


def test_questions_may_lead_any_name_by_its_pack(shop: Path) -> None:
    """In metrics, dimensions, conditions and the order; the answer has the names of the catalogue."""
    folder = project(shop, USES + MAP, t_order=T_ORDER)
    (folder / "more.kpi").write_text("dimension place = orders.store\n", "utf-8")
    found = rows(
        folder, ["sales.revenue"], by=["sales.channel", "place"], where='orders.store != "9"',
        order_by=["sales.revenue:desc"],
    )  # fmt: skip
    assert [tuple(row.values()) for row in found] == [
        ("web", "8", Decimal("20.00")),
        ("shop", "8", Decimal("17.66")),
        ("web", "7", Decimal("12.34")),
    ]


def test_dimensions_of_one_name_are_one(shop: Path) -> None:
    """The share of a channel is of all orders, though care adds its tickets to the dimension `channel`."""
    text = USES + "use care\n" + MAP + 'map care.tickets to "tickets.csv"\n'
    tickets = "opened,channel,client\n2026-01-01,web,c1\n2026-01-02,web,c9\n2026-01-03,shop,c1\n"
    folder = project(shop, text, t_order=T_ORDER, tickets=tickets)
    found = {row["channel"]: row for row in rows(folder, ["share", "tickets_per_order"], by="channel")}
    assert found["web"]["share"] == pytest.approx(2 / 3) and found["shop"]["share"] == pytest.approx(1 / 3)
    assert (found["web"]["tickets_per_order"], found["shop"]["tickets_per_order"]) == (1.0, 1.0)
    own = folder.parent / "own"
    project(own, text + "dimension channel = orders.store\n", t_order=T_ORDER, tickets=tickets)
    by_store = {row["channel"]: row["share"] for row in rows(own, ["share"], by="channel")}
    assert by_store == {"7": pytest.approx(1 / 3), "8": pytest.approx(2 / 3)}


@pytest.mark.parametrize("other", ["sales.customers", "people"])
def test_logical_sources_are_united(shop: Path, other: str) -> None:
    """The clients of care are the customers of sales, or a source of the project's own."""
    text = USES + "use care\n" + MAP + 'map care.tickets to "tickets.csv"\n'
    if other == "people":
        text += 'source people\n  table: "c.csv"\n  key: id\n  column id: text\nmap care.clients to people\n'
    else:
        text += 'map sales.customers to "c.csv"\nmap care.clients to sales.customers\n'
    text += '  vip = country = "DE"\n'
    tickets = "opened,channel,client\n2026-01-01,web,c1\n2026-01-02,web,c2\n2026-01-03,shop,c1\n"
    folder = project(shop, text, t_order=T_ORDER, tickets=tickets, c="id,country\nc1,DE\nc2,CN\n")
    assert rows(folder, ["vip_tickets"]) == [{"vip_tickets": 2}]


def test_what_is_not_mapped_is_refused_by_name(shop: Path) -> None:
    folder = project(shop, USES + MAP, t_order=T_ORDER)
    with pytest.raises(KpiError) as caught:
        kpi_engine.open(folder).eval("abroad")
    (found,) = caught.value.diagnostics
    assert (found.code, found.exit_code) == ("E795", 3)
    assert found.message == "`abroad` needs the table of `sales.customers`, which is not mapped"
    with pytest.raises(KpiError, match="E795"):
        kpi_engine.open(folder).eval("revenue", where='customers.country = "DE"')


def test_a_misspelt_right_side_is_an_error_and_not_a_disabled_metric(shop: Path) -> None:
    folder = project(shop, USES + MAP.replace("pay_amount", "pay_amont"), t_order=T_ORDER)
    (found,) = (each for each in kpi_engine.open(folder).check() if each.code.startswith("E"))
    assert (found.code, found.span.text) == ("E681", "pay_amont")


def test_a_bound_table_maps_a_source(shop: Path) -> None:
    import pyarrow as pa

    opened = kpi_engine.open(project(shop, USES))
    opened.bind("orders", pa.table({"order_id": ["a"], "day": ["2026-01-01"], "status": ["ok"], "total": ["5"]}))
    assert opened.eval("revenue").table.to_pylist() == [{"revenue": Decimal(5)}]


def test_cases_with_packs(shop: Path) -> None:
    """A project's cases give the tables of its maps; a case may bring packs of its own."""
    folder = project(shop, USES + MAP, t_order=T_ORDER)
    (folder / "tests").mkdir()
    (folder / "tests" / "a.kpitest").write_text(
        "# mapped\n---- data orders\noid, create_date, pay_amount, st, deleted\na, 2026-01-01, 1250, 1, no\n"
        "---- query sales.revenue\n---- result\nrevenue\n12.50\n"
        "====\n# a pack of the case\n---- pack tiny 2.0\nsource t\n  time: d\n  column d: date\nn = count(t)\n"
        "---- definitions\nuse tiny as y\nm = 2 * y.n\n---- data y.t\nd\n2026-01-01\n"
        "---- query m, y.n\n---- result\nm  y.n\n2  1\n",
        "utf-8",
    )
    found = kpi_engine.open(folder).test()
    assert [(each.title, each.status, each.message) for each in found] == [
        ("mapped", "passed", ""),
        ("a pack of the case", "passed", ""),
    ]
