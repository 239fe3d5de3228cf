"""Questions for boring-semantic-layer on DuckDB, as far as measures, dimensions and its chained operators express them.

Tables may be filtered, shifted to local time, computed row by row and put below each other in SQL; to aggregate, to
join and to look through windows is the layer's part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import ibis
from boring_semantic_layer import to_semantic_table
from ibis import _
from questions import Question

Rows = list[tuple[Any, ...]]
_LOCAL: Final = "make_timestamp(epoch_us({}) + 28800000000) as local_time"
_VALID: Final = "status not in ('cancelled', 'test')"


def answer(question: Question, data: Path) -> Rows:
    """The rows of the answer: keys, then metrics in order."""
    found = _ANSWERS[question.name](data).to_untagged().select(*question.keys, *question.metrics)
    return [tuple(row.values()) for row in found.to_pyarrow().to_pylist()]


def _table(sql: str, name: str) -> Any:
    """A semantic table over a query, with the local month, week and day, and the channel, as dimensions."""
    table = to_semantic_table(ibis.duckdb.connect().sql(sql), name=name)
    return table.with_dimensions(
        month=lambda t: t.local_time.truncate("M").date(),
        week=lambda t: t.local_time.truncate("W").date(),
        day=lambda t: t.local_time.truncate("D").date(),
        channel=lambda t: t.channel,
        customer_id=lambda t: t.customer_id,
    )


def _orders(data: Path, where: str = "true") -> Any:
    sql = (
        f"select *, {_LOCAL.format('ordered_at')}, {_VALID} as is_valid, total - cost as margin,"
        " epoch_us(delivered_at) - epoch_us(ordered_at) as fulfilment"
        f" from '{data}/orders/*.parquet' where {where}"
    )
    return _table(sql, "orders").with_measures(
        revenue=lambda t: t.total.sum(where=t.is_valid),
        order_count=lambda t: t.is_valid.sum(),
        gross_margin=lambda t: t.margin.sum(where=t.is_valid),
        active_customers=lambda t: t.customer_id.nunique(where=t.is_valid),
        delivered=lambda t: t.delivered_at.count(where=t.is_valid),
        order_fulfilment_time=lambda t: t.fulfilment.mean(where=t.is_valid),
        cancelled_orders=lambda t: (t.status == "cancelled").sum(),
        largest_order=lambda t: t.total.max(where=t.is_valid),
        items_sold=lambda t: t["items"].sum(where=t.is_valid),
    )


def _ratio(left: str, right: str) -> Any:
    return _[left].cast("float64") / _[right].cast("float64")


def _revenue(data: Path) -> Any:
    found = _orders(data).group_by("month").aggregate("revenue", "order_count")
    return found.mutate(period=_.month, average_order_value=_ratio("revenue", "order_count"))


def _scorecard(data: Path) -> Any:
    found = (
        _orders(data)
        .group_by("month", "channel")
        .aggregate(
            "revenue",
            "order_count",
            "gross_margin",
            "active_customers",
            "delivered",
            "order_fulfilment_time",
            "cancelled_orders",
            "largest_order",
            "items_sold",
        )
    )
    return found.mutate(
        period=_.month,
        average_order_value=_ratio("revenue", "order_count"),
        margin_rate=_ratio("gross_margin", "revenue"),
        average_margin=_ratio("gross_margin", "order_count"),
        order_fulfilment_rate=_ratio("delivered", "order_count"),
    )


def _visitors(data: Path) -> Any:
    table = _table(f"select *, {_LOCAL.format('visited_at')} from '{data}/visits/*.parquet'", "visits")
    found = table.with_measures(visitors=lambda t: t.visitor_id.nunique()).group_by("month", "channel")
    return found.aggregate("visitors").mutate(period=_.month)


def _conversion(data: Path) -> Any:
    """Both tables as one, below each other: a join of the two would be by rows."""
    orders = (
        f"select true as is_order, channel, {_LOCAL.format('ordered_at')} from '{data}/orders/*.parquet' where {_VALID}"
    )
    visits = f"select false, channel, {_LOCAL.format('visited_at')} from '{data}/visits/*.parquet'"
    table = _table(
        f"select *, null::varchar as customer_id from ({orders} union all {visits})", "events"
    ).with_measures(order_count=lambda t: t.is_order.sum(), visit_count=lambda t: (~t.is_order).sum())
    found = table.group_by("week", "channel").aggregate("order_count", "visit_count")
    return found.mutate(period=_.week, conversion=_ratio("order_count", "visit_count"))


def _repeat(data: Path) -> Any:
    """Orders by customer and month first, customers by month of these."""
    orders = _orders(data, f"{_VALID} and customer_id is not null")
    counts = orders.group_by("month", "customer_id").aggregate("order_count")
    table = to_semantic_table(counts.to_untagged(), name="counts").with_dimensions(month=lambda t: t.month)
    table = table.with_measures(active=lambda t: t.count(), repeated=lambda t: (t.order_count >= 2).sum())
    found = table.group_by("month").aggregate("active", "repeated")
    return found.mutate(period=_.month, repeat_purchase_rate=_ratio("repeated", "active"))


def _new_customers(data: Path) -> Any:
    """The first order of each customer first, customers by the month of it after that."""
    orders = _orders(data, f"{_VALID} and customer_id is not null").with_measures(first=lambda t: t.local_time.min())
    firsts = to_semantic_table(orders.group_by("customer_id").aggregate("first").to_untagged(), name="firsts")
    firsts = firsts.with_dimensions(month=lambda t: t["first"].truncate("M").date())
    found = firsts.with_measures(new_customers=lambda t: t.count()).group_by("month").aggregate("new_customers")
    return found.mutate(period=_.month)


def _growth(data: Path) -> Any:
    found = _orders(data).group_by("month").aggregate("revenue")
    earlier = _.revenue.cast("float64").lag(12).over(ibis.window(order_by="month"))
    return found.mutate(period=_.month, revenue_growth=_.revenue.cast("float64") / earlier - 1)


_ANSWERS: Final[dict[str, Callable[[Path], Any]]] = {
    "revenue": _revenue,
    "scorecard": _scorecard,
    "visitors": _visitors,
    "conversion": _conversion,
    "repeat": _repeat,
    "new_customers": _new_customers,
    "growth": _growth,
}
