"""Every question for Polars, lazily: one plan each, sources scanned once, as fast as it was found to answer.

Months come from a shifted timestamp, as in the SQL. The streaming engine is used throughout: where time differs at all
it needs up to half less than the one in memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl
from questions import Question

_EIGHT_HOURS: Final = 8 * 3_600_000_000
_DAY: Final = 86_400_000_000
_MONTHS: Final = 36
_VALID: Final = ~pl.col("status").is_in(["cancelled", "test"])
_PERIOD: Final = pl.date(2024 + pl.col("number") // 12, pl.col("number") % 12 + 1, 1).alias("period")

Rows = list[tuple[Any, ...]]


def answer(question: Question, data: Path) -> Rows:
    """The rows of the answer: keys, then metrics in order."""
    found = _ANSWERS[question.name](_Shop(data)).select(*question.keys, *question.metrics)
    return found.collect(engine="streaming").rows()


class _Shop:
    """The tables as lazy frames."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, table: str, *columns: str) -> pl.LazyFrame:
        path = self._data / table
        if path.is_dir():
            if next(path.iterdir()).suffix == ".csv":
                return pl.scan_csv(path / "*.csv", schema_overrides=_TYPES, try_parse_dates=True).select(columns)
            return pl.scan_parquet(path / "*.parquet").select(columns)
        if path.with_suffix(".csv").exists():
            return pl.scan_csv(path.with_suffix(".csv"), schema_overrides=_TYPES, try_parse_dates=True).select(columns)
        return pl.scan_parquet(path.with_suffix(".parquet")).select(columns)


_TYPES: Final = dict.fromkeys(("total", "cost", "price", "amount", "discount"), pl.Decimal(12, 2))


def _local(column: str) -> pl.Expr:
    return (pl.col(column).cast(pl.Int64) + _EIGHT_HOURS).cast(pl.Datetime("us"))


def _number(column: str) -> pl.Expr:
    """The number of the local month, from 2024-01 on."""
    local = _local(column)
    return ((local.dt.year() - 2024) * 12 + local.dt.month() - 1).cast(pl.Int32)


def _microseconds(late: str, early: str) -> pl.Expr:
    return pl.col(late).cast(pl.Int64) - pl.col(early).cast(pl.Int64)


def _by(left: str, right: str) -> pl.Expr:
    return pl.col(left).cast(pl.Float64) / pl.col(right).cast(pl.Float64)


def _revenue(shop: _Shop) -> pl.LazyFrame:
    return (
        shop("orders", "ordered_at", "status", "total")
        .filter(_VALID)
        .group_by(_number("ordered_at").alias("number"))
        .agg(revenue=pl.col("total").sum(), order_count=pl.len())
        .with_columns(_PERIOD, average_order_value=_by("revenue", "order_count"))
    )


def _scorecard(shop: _Shop) -> pl.LazyFrame:
    return (
        shop("orders", "ordered_at", "delivered_at", "customer_id", "channel", "status", "items", "total", "cost")
        .with_columns(_number("ordered_at").alias("number"), _VALID.alias("valid"))
        .group_by("number", "channel")
        .agg(
            *_sales(),
            active_customers=pl.col("customer_id").filter(pl.col("valid")).drop_nulls().n_unique(),
        )
        .with_columns(_PERIOD, *_sales_ratios())
    )


def _sales() -> tuple[pl.Expr, ...]:
    valid = pl.col("valid")
    return (
        pl.col("total").filter(valid).sum().alias("revenue"),
        valid.sum().cast(pl.Int64).alias("order_count"),
        (pl.col("total") - pl.col("cost")).filter(valid).sum().alias("gross_margin"),
        pl.col("delivered_at").filter(valid).count().alias("delivered"),
        _microseconds("delivered_at", "ordered_at").filter(valid).sum().alias("fulfilment"),
        (pl.col("status") == "cancelled").sum().cast(pl.Int64).alias("cancelled_orders"),
        pl.col("total").filter(valid).max().alias("largest_order"),
        pl.col("items").filter(valid).sum().alias("items_sold"),
    )


def _sales_ratios() -> tuple[pl.Expr, ...]:
    return (
        _by("revenue", "order_count").alias("average_order_value"),
        _by("gross_margin", "revenue").alias("margin_rate"),
        _by("gross_margin", "order_count").alias("average_margin"),
        _by("delivered", "order_count").alias("order_fulfilment_rate"),
        _by("fulfilment", "delivered").alias("order_fulfilment_time"),
    )


def _visitors(shop: _Shop) -> pl.LazyFrame:
    return (
        shop("visits", "visited_at", "visitor_id", "channel")
        .group_by(_number("visited_at").alias("number"), "channel")
        .agg(visitors=pl.col("visitor_id").n_unique())
        .with_columns(_PERIOD)
    )


def _conversion(shop: _Shop) -> pl.LazyFrame:
    def weekly(table: pl.LazyFrame, time: str, name: str) -> pl.LazyFrame:
        week = (pl.col(time).cast(pl.Int64) + _EIGHT_HOURS + 3 * _DAY) // (7 * _DAY)
        return table.group_by(week.alias("week"), "channel").agg(pl.len().alias(name))

    ordered = weekly(shop("orders", "ordered_at", "status", "channel").filter(_VALID), "ordered_at", "order_count")
    visited = weekly(shop("visits", "visited_at", "channel"), "visited_at", "visit_count")
    cells = visited.select("week").unique().join(visited.select("channel").unique(), how="cross")
    monday = pl.lit(dt.date(1969, 12, 29)) + pl.duration(days=7 * pl.col("week"))
    return (
        cells.join(ordered, on=["week", "channel"], how="left", nulls_equal=True)
        .join(visited, on=["week", "channel"], how="left", nulls_equal=True)
        .with_columns(pl.col("order_count", "visit_count").fill_null(0))
        .with_columns(
            monday.alias("period"),
            conversion=pl.when(pl.col("visit_count") > 0).then(_by("order_count", "visit_count")),
        )
    )


def _buyers(shop: _Shop) -> pl.LazyFrame:
    return shop("orders", "ordered_at", "customer_id", "status").filter(_VALID & pl.col("customer_id").is_not_null())


def _orders_of_customers(buyers: pl.LazyFrame) -> pl.LazyFrame:
    return buyers.group_by("customer_id", _number("ordered_at").alias("number")).agg(orders=pl.len())


def _repeat(shop: _Shop) -> pl.LazyFrame:
    return (
        _orders_of_customers(_buyers(shop))
        .group_by("number")
        .agg(repeat_purchase_rate=(pl.col("orders") >= 2).mean())
        .with_columns(_PERIOD)
    )


def _months_of_customers(buyers: pl.LazyFrame) -> pl.LazyFrame:
    """One bit a month for each customer, customers with equal bits counted."""
    bit = pl.lit(1, pl.Int64) * pl.lit(2, pl.Int64).pow(_number("ordered_at").cast(pl.Int64))
    months = buyers.select("customer_id", bit.alias("bit")).group_by("customer_id").agg(pl.col("bit").bitwise_or())
    return months.group_by("bit").agg(customers=pl.len())


def _retention(shop: _Shop) -> pl.LazyFrame:
    patterns = _months_of_customers(_buyers(shop))
    every = pl.LazyFrame({"number": range(_MONTHS)}, {"number": pl.Int64})
    power = pl.lit(2, pl.Int64).pow(pl.col("number"))
    before = pl.col("bit") // power.floordiv(2) % 2
    return (
        patterns.join(every.filter(pl.col("number") > 0), how="cross")
        .group_by("number")
        .agg(
            kept=(pl.col("customers") * (pl.col("bit") // power % 2) * before).sum(),
            active=(pl.col("customers") * before).sum(),
        )
        .join(every, on="number", how="right")
        .with_columns(_PERIOD, retention_rate=_by("kept", "active"))
    )


def _new_customers(shop: _Shop) -> pl.LazyFrame:
    firsts = _buyers(shop).group_by("customer_id").agg(pl.col("ordered_at").min())
    every = pl.LazyFrame({"number": range(_MONTHS)}, {"number": pl.Int32})
    return (
        firsts.group_by(_number("ordered_at").alias("number"))
        .agg(new_customers=pl.len())
        .join(every, on="number", how="right")
        .with_columns(_PERIOD, pl.col("new_customers").fill_null(0))
    )


def _rolling(shop: _Shop) -> pl.LazyFrame:
    """A purchase counts from its day to 28 days later, or to the customer's next one if that is earlier."""
    day = ((pl.col("ordered_at").cast(pl.Int64) + _EIGHT_HOURS) // _DAY).cast(pl.Int32)
    spans = (
        _buyers(shop)
        .select("customer_id", day.alias("day"))
        .unique()
        .sort("customer_id", "day")
        .select(
            "day",
            stop=pl.min_horizontal(
                pl.col("day") + 28,
                pl.when(pl.col("customer_id") == pl.col("customer_id").shift(-1)).then(pl.col("day").shift(-1)),
            ),
        )
    )
    begins = spans.group_by("day").agg(change=pl.len().cast(pl.Int64))
    ends = spans.group_by(day="stop").agg(change=-pl.len().cast(pl.Int64))
    return (
        pl.concat([begins, ends])
        .group_by("day")
        .agg(pl.col("change").sum())
        .sort("day")
        .select(pl.col("day").cast(pl.Date).alias("period"), active_customers_28d=pl.col("change").cum_sum())
        .filter(pl.col("period") < dt.date(2027, 1, 1))
    )


def _growth(shop: _Shop) -> pl.LazyFrame:
    return (
        _revenue(shop)
        .sort("number")
        .with_columns(
            revenue_growth=pl.col("revenue").cast(pl.Float64) / pl.col("revenue").cast(pl.Float64).shift(12) - 1
        )
    )


def _tickets(shop: _Shop) -> pl.LazyFrame:
    tickets = shop("tickets", "opened_at", "first_reply_at", "closed_at")
    opened = tickets.group_by(_number("opened_at").alias("number")).agg(
        tickets_opened=pl.len(),
        first_response_median=_microseconds("first_reply_at", "opened_at").median(),
        first_response_p90=_microseconds("first_reply_at", "opened_at").quantile(0.9, "linear"),
        resolution_time=_microseconds("closed_at", "opened_at").mean(),
    )
    closed = tickets.group_by(_number("closed_at").alias("number")).agg(tickets_closed=pl.len())
    change = pl.col("tickets_opened").cast(pl.Int64) - pl.col("tickets_closed").cast(pl.Int64)
    return (
        opened.join(closed, on="number", how="left")
        .with_columns(pl.col("tickets_closed").fill_null(0))
        .sort("number")
        .with_columns(_PERIOD, open_tickets=change.cum_sum())
    )


def _lines(shop: _Shop) -> pl.LazyFrame:
    toys = shop("products", "product_id", "category").filter(pl.col("category") == "toys")
    lines = shop("order_lines", "ordered_at", "product_id", "quantity", "amount", "discount")
    return (
        lines.join(toys, on="product_id", how="left")
        .group_by(_number("ordered_at").alias("number"))
        .agg(
            pl.len().alias("lines"),
            pl.col("quantity").sum().alias("units_sold"),
            pl.col("amount").sum().alias("line_revenue"),
            pl.col("discount").sum().alias("discounts"),
            pl.col("product_id").n_unique().alias("products_sold"),
            pl.col("amount").filter(pl.col("category").is_not_null()).sum().alias("toys"),
        )
    )


def _traffic(shop: _Shop) -> pl.LazyFrame:
    return (
        shop("visits", "visited_at", "visitor_id", "device", "pages")
        .group_by(_number("visited_at").alias("number"))
        .agg(
            pl.len().alias("visit_count"),
            pl.col("visitor_id").n_unique().alias("visitors"),
            pl.col("pages").sum().alias("pages"),
            (pl.col("pages") == 1).sum().alias("bounces"),
            (pl.col("device") == "phone").sum().alias("phones"),
        )
    )


def _campaigns(shop: _Shop) -> pl.LazyFrame:
    number = ((pl.col("day").dt.year() - 2024) * 12 + pl.col("day").dt.month() - 1).cast(pl.Int32)
    return (
        shop("ad_spend", "day", "cost", "impressions", "clicks")
        .group_by(number.alias("number"))
        .agg(advertising=pl.col("cost").sum(), clicks=pl.col("clicks").sum(), impressions=pl.col("impressions").sum())
    )


def _full(shop: _Shop) -> pl.LazyFrame:
    orders = shop("orders", "ordered_at", "delivered_at", "customer_id", "status", "items", "total", "cost")
    sales = (
        orders.with_columns(_number("ordered_at").alias("number"), _VALID.alias("valid"))
        .group_by("number")
        .agg(*_sales(), pl.len().alias("all_orders"))
    )
    pairs = _orders_of_customers(_buyers(shop)).sort("customer_id", "number")
    same = pl.col("customer_id") == pl.col("customer_id").shift(1)
    buyers = (
        pairs.with_columns(
            new=same.not_() | same.is_null(), kept=same & (pl.col("number") == pl.col("number").shift(1) + 1)
        )
        .group_by("number")
        .agg(
            pl.len().alias("active_customers"),
            pl.col("orders").sum().alias("orders_of_customers"),
            (pl.col("orders") >= 2).sum().alias("repeat_customers"),
            pl.col("new").sum().cast(pl.Int64).alias("new_customers"),
            pl.col("kept").sum().alias("kept"),
        )
    )
    registered = (
        shop("customers", "registered_at")
        .group_by(_number("registered_at").alias("number"))
        .agg(registrations=pl.len())
    )
    together = sales
    for part in (buyers, registered, _lines(shop), _traffic(shop), _tickets(shop), _campaigns(shop)):
        together = together.join(part, on="number", how="left")
    return together.sort("number").with_columns(_PERIOD, *_sales_ratios(), *_full_ratios())


def _full_ratios() -> tuple[pl.Expr, ...]:
    revenue = pl.col("revenue").cast(pl.Float64)
    goods = pl.col("line_revenue").cast(pl.Float64) + pl.col("discounts").cast(pl.Float64)
    return (
        _by("cancelled_orders", "all_orders").alias("cancellation_rate"),
        (revenue / revenue.shift(12) - 1).alias("revenue_growth"),
        pl.col("revenue").cum_sum().over(pl.col("number") // 12).alias("revenue_this_year"),
        _by("repeat_customers", "active_customers").alias("repeat_purchase_rate"),
        (pl.col("kept") / pl.col("active_customers").shift(1)).alias("retention_rate"),
        _by("orders_of_customers", "active_customers").alias("orders_per_customer"),
        _by("line_revenue", "units_sold").alias("average_price"),
        (pl.col("discounts").cast(pl.Float64) / goods).alias("discount_rate"),
        _by("lines", "all_orders").alias("lines_per_order"),
        _by("toys", "line_revenue").alias("toys_share"),
        _by("visit_count", "visitors").alias("visits_per_visitor"),
        _by("pages", "visit_count").alias("pages_per_visit"),
        _by("bounces", "visit_count").alias("bounce_rate"),
        _by("phones", "visit_count").alias("phone_share"),
        _by("order_count", "visit_count").alias("conversion"),
        _by("order_count", "visitors").alias("visitor_conversion"),
        _by("revenue", "visit_count").alias("revenue_per_visit"),
        _by("tickets_opened", "order_count").alias("tickets_per_order"),
        _by("advertising", "clicks").alias("cost_per_click"),
        _by("clicks", "impressions").alias("click_through_rate"),
        _by("revenue", "advertising").alias("return_on_advertising"),
        _by("advertising", "new_customers").alias("cost_per_new_customer"),
    )


def _funnel(shop: _Shop) -> pl.LazyFrame:
    """As in the SQL: such an order is the last of the visit's own week or the first of the week after."""
    week = pl.lit(7 * _DAY, pl.Int64)
    ordered = pl.col("ordered_at").cast(pl.Int64)
    weeks = (
        _buyers(shop)
        .with_columns(week=ordered // week)
        .group_by("customer_id", "week")
        .agg(earliest=ordered.min(), latest=ordered.max())
    )
    visited = pl.col("visited_at").cast(pl.Int64)
    visits = shop("visits", "visited_at", "customer_id").with_columns(number=_number("visited_at"))
    known = (
        visits.filter(pl.col("customer_id").is_not_null())
        .select("number", "customer_id", visited=visited, week=visited // week)
        .join(weeks.select("customer_id", "week", "latest"), on=["customer_id", "week"], how="left")
        .join(weeks.select("customer_id", "earliest", week=pl.col("week") - 1), on=["customer_id", "week"], how="left")
        .filter((pl.col("latest") >= pl.col("visited")) | (pl.col("earliest") < pl.col("visited") + week))
        .group_by("number")
        .agg(converting_visits=pl.len())
    )
    return (
        visits.group_by("number")
        .agg(visit_count=pl.len())
        .join(known, on="number", how="left")
        .with_columns(_PERIOD, pl.col("converting_visits").fill_null(0))
        .with_columns(visit_conversion=_by("converting_visits", "visit_count"))
    )


_ANSWERS: Final[dict[str, Callable[[_Shop], pl.LazyFrame]]] = {
    "revenue": _revenue,
    "scorecard": _scorecard,
    "visitors": _visitors,
    "conversion": _conversion,
    "repeat": _repeat,
    "retention": _retention,
    "new_customers": _new_customers,
    "rolling": _rolling,
    "growth": _growth,
    "tickets": _tickets,
    "full": _full,
    "funnel": _funnel,
}
