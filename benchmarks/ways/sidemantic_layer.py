"""Questions for sidemantic on DuckDB, as far as its own kinds of metrics express them.

Tables may be filtered, shifted to local time, computed row by row and put below each other in SQL; to aggregate, to
join and to look through windows is the layer's part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from questions import Question
from sidemantic import Dimension, Metric, Model, SemanticLayer

Rows = list[tuple[Any, ...]]
_LOCAL: Final = "make_timestamp(epoch_us({}) + 28800000000) as local_time"
_VALID: Final = "status not in ('cancelled', 'test')"


def answer(question: Question, data: Path) -> Rows:
    """The rows of the answer: keys, then metrics in order."""
    return _ANSWERS[question.name](data)


def _layer(
    data: Path, table: str, time: str, metrics: list[Metric], where: str = "true", more: str = ""
) -> SemanticLayer:
    layer = SemanticLayer()
    sql = f"select *, {_LOCAL.format(time)}{more} from '{data}/{table}/*.parquet' where {where}"
    layer.add_model(_model(sql, metrics))
    return layer


def _model(sql: str, metrics: list[Metric]) -> Model:
    return Model(
        name="facts",
        sql=sql,
        primary_key="id",
        dimensions=[
            Dimension(name="local_time", type="time", sql="local_time", granularity="day"),
            Dimension(name="channel", type="categorical", sql="channel"),
            Dimension(name="customer_id", type="categorical", sql="customer_id"),
        ],
        metrics=metrics,
    )


def _ask(layer: SemanticLayer, metrics: list[str], grain: str, *more: str) -> Rows:
    dimensions = [f"facts.local_time__{grain}", *(f"facts.{name}" for name in more)]
    rows: Rows = layer.query(metrics=[f"facts.{name}" for name in metrics], dimensions=dimensions).fetchall()
    return rows


_SALES: Final = [
    Metric(name="revenue", agg="sum", sql="total", filters=["is_valid"]),
    Metric(name="order_count", agg="count", filters=["is_valid"]),
    Metric(name="average_order_value", type="ratio", numerator="revenue", denominator="order_count"),
]
_SCORECARD: Final = [
    *_SALES,
    Metric(name="gross_margin", agg="sum", sql="total - cost", filters=["is_valid"]),
    Metric(name="margin_rate", type="derived", sql="gross_margin::double / revenue::double"),
    Metric(name="average_margin", type="ratio", numerator="gross_margin", denominator="order_count"),
    Metric(name="active_customers", agg="count_distinct", sql="customer_id", filters=["is_valid"]),
    Metric(name="delivered", agg="count", sql="delivered_at", filters=["is_valid"]),
    Metric(name="order_fulfilment_rate", type="ratio", numerator="delivered", denominator="order_count"),
    Metric(name="order_fulfilment_time", agg="avg", sql="fulfilment", filters=["is_valid"]),
    Metric(name="cancelled_orders", agg="count", filters=["status = 'cancelled'"]),
    Metric(name="largest_order", agg="max", sql="total", filters=["is_valid"]),
    Metric(name="items_sold", agg="sum", sql="items", filters=["is_valid"]),
]
_FLAGS: Final = f", order_id as id, {_VALID} as is_valid, epoch_us(delivered_at) - epoch_us(ordered_at) as fulfilment"


def _revenue(data: Path) -> Rows:
    layer = _layer(data, "orders", "ordered_at", _SALES, more=_FLAGS)
    return _ask(layer, ["revenue", "order_count", "average_order_value"], "month")


def _scorecard(data: Path) -> Rows:
    asked = [metric.name for metric in _SCORECARD if metric.name != "delivered"]
    return _ask(_layer(data, "orders", "ordered_at", _SCORECARD, more=_FLAGS), asked, "month", "channel")


def _visitors(data: Path) -> Rows:
    metrics = [Metric(name="visitors", agg="count_distinct", sql="visitor_id")]
    layer = _layer(data, "visits", "visited_at", metrics, more=", visit_id as id")
    return _ask(layer, ["visitors"], "month", "channel")


def _conversion(data: Path) -> Rows:
    """Two models that share no key cannot be asked together, so both tables are one, below each other."""
    orders = (
        f"select true as is_order, channel, {_LOCAL.format('ordered_at')} from '{data}/orders/*.parquet' where {_VALID}"
    )
    visits = f"select false, channel, {_LOCAL.format('visited_at')} from '{data}/visits/*.parquet'"
    metrics = [
        Metric(name="order_count", agg="count", filters=["is_order"]),
        Metric(name="visit_count", agg="count", filters=["not is_order"]),
        Metric(name="conversion", type="ratio", numerator="order_count", denominator="visit_count"),
    ]
    layer = SemanticLayer()
    layer.add_model(_model(f"select *, null as id, null as customer_id from ({orders} union all {visits})", metrics))
    return _ask(layer, ["order_count", "visit_count", "conversion"], "week", "channel")


def _repeat(data: Path) -> Rows:
    """A cohort metric counts the customers of two orders and more; it cannot be divided, so that is done here."""
    counted = [{"name": "orders", "agg": "count", "sql": "order_id"}]
    metrics = [
        Metric(name="active", agg="count_distinct", sql="customer_id"),
        Metric(
            name="repeated",
            type="cohort",
            entity="customer_id",
            inner_metrics=counted,
            having="orders >= 2",
            agg="count",
        ),
    ]
    layer = _layer(data, "orders", "ordered_at", metrics, f"{_VALID} and customer_id is not null", ", order_id as id")
    active = dict(_ask(layer, ["active"], "month"))
    return [(month, repeated / active[month]) for month, repeated in _ask(layer, ["repeated"], "month")]


def _growth(data: Path) -> Rows:
    """Growth is a percentage here."""
    metrics = [
        *_SALES,
        Metric(
            name="growth",
            type="time_comparison",
            base_metric="facts.revenue",
            comparison_type="yoy",
            calculation="percent_change",
        ),
    ]
    layer = _layer(data, "orders", "ordered_at", metrics, more=_FLAGS)
    rows = _ask(layer, ["growth"], "month")
    return [(month, revenue, None if growth is None else growth / 100) for month, revenue, growth in rows]


_ANSWERS: Final[dict[str, Callable[[Path], Rows]]] = {
    "revenue": _revenue,
    "scorecard": _scorecard,
    "visitors": _visitors,
    "conversion": _conversion,
    "repeat": _repeat,
    "growth": _growth,
}
