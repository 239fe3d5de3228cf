"""What the benchmark asks, and which stored columns each question needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
AS_OF: Final = "2027-01-01"


@dataclass(frozen=True)
class Question:
    """Metrics of shop.kpi by `by` and `grain`; `sql/<name>.sql` gives period, `by`, metrics in this order.

    `reads` are the columns needed of each table: to decode them is the least that any answer costs.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    grain: str
    reads: dict[str, tuple[str, ...]]
    by: tuple[str, ...] = ()

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
_BUYERS: Final = {"orders": ("ordered_at", "customer_id", "status")}

QUESTIONS: Final = {
    question.name: question
    for question in (
        Question(
            "scorecard",
            "twelve metrics by month and channel",
            _SCORECARD,
            "month",
            {
                "orders": (
                    "ordered_at",
                    "delivered_at",
                    "customer_id",
                    "channel",
                    "status",
                    "items",
                    "total",
                    "cost",
                )
            },
            ("channel",),
        ),
        Question("retention", "retention by month", ("retention_rate",), "month", _BUYERS),
        Question("new_customers", "new customers by month, over all history", ("new_customers",), "month", _BUYERS),
        Question("rolling", "distinct customers of 28 days, by day", ("active_customers_28d",), "day", _BUYERS),
        Question(
            "funnel",
            "visits followed by an order within 7 days, by month",
            ("visit_count", "converting_visits", "visit_conversion"),
            "month",
            {**_BUYERS, "visits": ("visited_at", "customer_id")},
        ),
    )
}
