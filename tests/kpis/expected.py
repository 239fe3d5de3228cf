"""The questions asked of the demo and, for each, one SQL statement for DuckDB with the expected answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from .formulas import FORMULAS, Formula, Leaf, leaves
from .windows import GRAINS, windows

Value = int | float | Decimal | None
Key = tuple[dt.date | str | None, ...]


@dataclass(frozen=True)
class Query:
    """One question: `sql` answers (period, *by, value); a duration is in microseconds."""

    metric: str
    by: tuple[str, ...]
    grain: str
    sql: str


def connect(data: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with the demo's tables, the `windows` of every grain, and the days of each window."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    script = (Path(__file__).parent / "queries" / "tables.sql").read_text(encoding="utf-8")
    connection.execute(script.replace("$DATA", str(data)))
    spans = [each for grain in GRAINS for each in windows(grain)]
    columns = ("grain", "period", "kind", "lo", "hi", "covered")
    table = pa.table({name: [getattr(each, name) for each in spans] for name in columns})
    connection.register("window_rows", table)
    connection.execute("create table windows as select * from window_rows")
    connection.execute(
        "create table window_days as select grain, kind, period, day from windows join "
        "(select unnest(generate_series(date '2024-01-01', date '2027-12-31', interval 1 day))::date as day) "
        "on day >= lo and day < hi"
    )
    return connection


def answer(connection: duckdb.DuckDBPyConnection, query: Query) -> dict[Key, Value]:
    """The expected value of every row of the answer, by period and dimensions."""
    rows = connection.execute(query.sql).fetchall()
    result = {tuple(row[:-1]): row[-1] for row in rows}
    assert len(result) == len(rows), f"{query.metric}: the SQL repeats a row"
    return result


def statement(formula: Formula, by: tuple[str, ...], grain: str) -> str:
    """The SQL of a formula: one subquery a leaf, met on every period x every group that any leaf has seen."""
    parts = leaves(formula)
    tables = [f"leaf{number} as ({_leaf(leaf, by, grain)})" for number, leaf in enumerate(parts)]
    if by:
        seen = [
            f"select distinct {', '.join(by)} from leaf{number}"
            for number, leaf in enumerate(parts)
            if not leaf.without
        ]
        tables.append(f"groups as ({' union '.join(seen)})")
        frame = "from periods cross join groups"
    else:
        frame = "from periods"
    joins = [_join(number, leaf, by, grain) for number, leaf in enumerate(parts)]
    dimensions = [f"groups.{name}" for name in by]
    return "\n".join(
        [
            f"with periods as (select distinct period from windows where grain = '{grain}'),",
            ",\n".join(tables),
            f"select {', '.join(['periods.period', *dimensions])}, {_render(formula, parts)} as value",
            frame,
            *joins,
        ]
    )


def _leaf(leaf: Leaf, by: tuple[str, ...], grain: str) -> str:
    """One aggregate of the rows of each window, by the dimensions that it does not ignore."""
    kept = [f"facts.{name}" for name in by if name not in leaf.without]
    return (
        f"select {', '.join(['span.period', *kept])}, {leaf.aggregate} as value "
        f"from window_days span join {leaf.table} facts on facts.{leaf.day} = span.day "
        f"where span.grain = '{grain}' and span.kind = '{leaf.window}' and ({leaf.where}) group by all"
    )


def _join(number: int, leaf: Leaf, by: tuple[str, ...], grain: str) -> str:
    """The leaf beside each row of the answer, and whether its window is covered there."""
    same = [f"groups.{name} is not distinct from leaf{number}.{name}" for name in by if name not in leaf.without]
    condition = " and ".join([f"leaf{number}.period = periods.period", *same])
    return (
        f"left join leaf{number} on {condition}\n"
        f"join windows span{number} on span{number}.grain = '{grain}' "
        f"and span{number}.kind = '{leaf.window}' and span{number}.period = periods.period"
    )


def _render(formula: Formula, parts: tuple[Leaf, ...]) -> str:
    """The arithmetic of a formula over its leaves' columns."""
    if isinstance(formula, Leaf):
        number = parts.index(formula)
        return f"case when span{number}.covered then coalesce(leaf{number}.value, {formula.empty}) end"
    return formula.sql.format(*(_render(operand, parts) for operand in formula.operands))


# The dimensions that every table of a question has, most telling first.
_DIMENSIONS = {
    "orders": ("channel", "country"),
    "visits": ("channel", "device", "campaign"),
    "ad_spend": ("channel", "campaign"),
    "order_lines": ("category", "brand", "country", "channel"),
    "customers": ("country",),
}

# Beside month, and month by each dimension: other grains, and pairs of dimensions.
_MORE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("revenue", (), "day"),
    ("site_traffic", (), "day"),
    ("previous_revenue", (), "day"),
    ("sales_growth_yoy", (), "day"),
    ("active_customers_28d", (), "day"),
    ("visitors_28d", (), "day"),
    ("order_count", ("channel",), "day"),
    ("promotion_clicks", ("channel",), "day"),
    ("revenue", (), "week"),
    ("order_count", ("country",), "week"),
    ("sales_growth", ("channel",), "week"),
    ("sales_growth_yoy", (), "week"),
    ("order_change", (), "week"),
    ("traffic_growth", (), "week"),
    ("conversion_rate", ("channel",), "week"),
    ("active_customers_28d", ("country",), "week"),
    ("new_customers", (), "week"),
    ("sales_ytd", (), "week"),
    ("revenue_to_date", (), "week"),
    ("deliveries", (), "week"),
    ("order_fulfilment_p90", ("country",), "week"),
    ("median_order_value", ("channel",), "week"),
    ("roas", ("channel",), "week"),
    ("category_share", ("category",), "week"),
    ("sales_growth", (), "quarter"),
    ("sales_growth_yoy", ("channel",), "quarter"),
    ("active_customers", ("channel",), "quarter"),
    ("new_customers", (), "quarter"),
    ("visitor_count", ("device",), "quarter"),
    ("revenue", (), "year"),
    ("sales_growth", (), "year"),
    ("sales_ytd_growth", (), "year"),
    ("purchase_frequency", (), "year"),
    ("revenue", ("channel", "country"), "month"),
    ("active_customers", ("country", "channel"), "month"),
    ("site_traffic", ("channel", "device"), "month"),
    ("traffic_source_share", ("channel", "device"), "month"),
    ("ad_cost", ("channel", "campaign"), "month"),
    ("promo_click_share", ("campaign", "channel"), "month"),
    ("product_revenue", ("category", "brand"), "month"),
    ("category_share", ("category", "country"), "month"),
)


def _questions() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Metric, dimensions and grain of every question."""
    for metric, formula in FORMULAS.items():
        yield metric, (), "month"
        tables = [_DIMENSIONS[leaf.table] for leaf in leaves(formula)]
        for dimension in tables[0]:
            if all(dimension in table for table in tables):
                yield metric, (dimension,), "month"
    yield from _MORE


EXPECTED: dict[str, Query] = {
    " ".join([metric, *(f"by {name}" for name in by), f"per {grain}"]): Query(
        metric, by, grain, statement(FORMULAS[metric], by, grain)
    )
    for metric, by, grain in _questions()
}
