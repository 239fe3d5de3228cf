"""What the benchmark asks, and which stored columns each question needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
AS_OF: Final = "2027-01-01"
LOW_CARDINALITY: Final = frozenset({"channel", "status", "device", "product_id"})
"""Columns of few values: the floor reads them as dictionaries."""


@dataclass(frozen=True, slots=True)
class Question:
    """Metrics of shop.kpi by `by` and `grain`; `sql/<name>.sql` gives period, `by`, metrics in this order.

    `reads` are the columns needed of each table: to decode them is the least that any answer costs. A question that is
    not one of the `single` ones of the targets is the whole scorecard, or beyond them.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    grain: str
    reads: Mapping[str, tuple[str, ...]]
    by: tuple[str, ...] = ()
    single: bool = True

    @property
    def sql(self) -> Path:
        """The same question for DuckDB, with `$DATA` for the folder."""
        return HERE / "sql" / f"{self.name}.sql"

    @property
    def keys(self) -> tuple[str, ...]:
        """What a row of the answer stands for."""
        return ("period", *self.by)


_SCORECARD: Final = (
    "revenue",
    "order_count",
    "average_order_value",
    "gross_margin",
    "margin_rate",
    "average_margin",
    "active_customers",
    "order_fulfilment_rate",
    "order_fulfilment_time",
    "cancelled_orders",
    "largest_order",
    "items_sold",
)
_FULL: Final = (
    *_SCORECARD,
    "cancellation_rate",
    "revenue_growth",
    "revenue_this_year",
    "repeat_purchase_rate",
    "retention_rate",
    "new_customers",
    "registrations",
    "orders_per_customer",
    "units_sold",
    "line_revenue",
    "average_price",
    "discount_rate",
    "lines_per_order",
    "products_sold",
    "toys_share",
    "visit_count",
    "visitors",
    "visits_per_visitor",
    "pages_per_visit",
    "bounce_rate",
    "phone_share",
    "conversion",
    "visitor_conversion",
    "revenue_per_visit",
    "tickets_opened",
    "tickets_closed",
    "open_tickets",
    "first_response_median",
    "first_response_p90",
    "resolution_time",
    "tickets_per_order",
    "advertising",
    "clicks",
    "cost_per_click",
    "click_through_rate",
    "return_on_advertising",
    "cost_per_new_customer",
)
_BUYERS: Final = {"orders": ("ordered_at", "customer_id", "status")}
_SALES: Final = {"orders": ("ordered_at", "status", "total")}
_ALL_ORDERS: Final = {
    "orders": ("ordered_at", "delivered_at", "customer_id", "channel", "status", "items", "total", "cost")
}

QUESTIONS: Final = {
    question.name: question
    for question in (
        Question(
            "revenue",
            "revenue, orders and average order value by month",
            ("revenue", "order_count", "average_order_value"),
            "month",
            _SALES,
        ),
        Question(
            "scorecard",
            "twelve metrics by month and channel",
            _SCORECARD,
            "month",
            _ALL_ORDERS,
            ("channel",),
        ),
        Question(
            "visitors",
            "distinct visitors by month and channel",
            ("visitors",),
            "month",
            {"visits": ("visited_at", "visitor_id", "channel")},
            ("channel",),
        ),
        Question(
            "conversion",
            "orders by visits, two sources, by week and channel",
            ("order_count", "visit_count", "conversion"),
            "week",
            {"orders": ("ordered_at", "channel", "status"), "visits": ("visited_at", "channel")},
            ("channel",),
        ),
        Question("repeat", "repeat purchase rate by month", ("repeat_purchase_rate",), "month", _BUYERS),
        Question("retention", "retention from month to month", ("retention_rate",), "month", _BUYERS),
        Question("new_customers", "new customers by month, over all history", ("new_customers",), "month", _BUYERS),
        Question("rolling", "distinct customers of 28 days, by day", ("active_customers_28d",), "day", _BUYERS),
        Question("growth", "revenue against a year earlier, by month", ("revenue", "revenue_growth"), "month", _SALES),
        Question(
            "tickets",
            "open tickets; median and p90 of first response; by month",
            ("open_tickets", "first_response_median", "first_response_p90"),
            "month",
            {"tickets": ("opened_at", "first_reply_at", "closed_at")},
        ),
        Question(
            "full",
            f"the whole scorecard: {len(_FULL)} metrics of six sources by month",
            _FULL,
            "month",
            {
                "orders": tuple(name for name in _ALL_ORDERS["orders"] if name != "channel"),
                "order_lines": ("ordered_at", "product_id", "quantity", "amount", "discount"),
                "visits": ("visited_at", "visitor_id", "device", "pages"),
                "tickets": ("opened_at", "first_reply_at", "closed_at"),
                "ad_spend": ("day", "cost", "impressions", "clicks"),
            },
            single=False,
        ),
        Question(
            "funnel",
            "visits followed by an order within 7 days, by month",
            ("visit_count", "converting_visits", "visit_conversion"),
            "month",
            {**_BUYERS, "visits": ("visited_at", "customer_id")},
            single=False,
        ),
    )
}
REFRESH: Final = "refresh"
"""The twelfth question: `full` again, after a day was appended to what a store of states knows."""
