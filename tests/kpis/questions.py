"""The questions asked of the demo: every metric by month, by each of its dimensions, some by other grains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .baskets import OF_THREE_ITEMS, THREE_ITEMS
from .formulas import FORMULAS
from .terms import Formula, tables


@dataclass(frozen=True)
class Question:
    """One metric by period and dimensions; with a condition, `formula` is what it then should be."""

    metric: str
    by: tuple[str, ...]
    grain: str
    where: str | None = None
    formula: Formula | None = None

    def __str__(self) -> str:
        """A name to select it by."""
        words = [self.metric, *(f"by {name}" for name in self.by), f"per {self.grain}"]
        return " ".join([*words, *(["of some"] if self.where is not None else [])])


# The dimensions that every table of a question has, most telling first.
_DIMENSIONS = {
    "orders": ("channel", "country"),
    "visits": ("channel", "device", "campaign"),
    "page_views": ("channel", "device", "campaign"),
    "carts": ("device",),
    "ad_spend": ("channel", "campaign"),
    "acquisition_costs": (),
    "order_lines": ("category", "brand", "country", "channel"),
    "basket": ("item",),
    "returns": ("channel", "country"),
    "customers": ("country",),
    "stock": ("category", "brand"),
    "price_list": ("category", "brand"),
    "competitor_prices": ("category", "brand"),
    "subscriptions": ("country", "plan"),
    "loyalty": ("country",),
    "newsletter": ("form",),
    "emails": ("kind",),
    "search_rank": ("keyword",),
    "social": ("network",),
    "tickets": ("topic", "contact", "country"),
    "messages": ("contact", "country"),
    "reviews": ("category", "brand"),
    "nps_answers": ("touchpoint", "theme", "country"),
    "csat_answers": ("touchpoint", "theme"),
    "nps_benchmarks": (),
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
    # orders know the device of their cart
    ("revenue", ("device",), "month"),
    ("conversion_rate", ("device",), "month"),
    ("return_rate", ("device",), "month"),
    # one customer after the other
    ("new_customer_orders", (), "week"),
    ("returning_customer_orders", ("channel",), "quarter"),
    ("new_order_share", (), "quarter"),
    ("repeat_purchase_rate", (), "week"),
    ("repeat_purchase_rate", (), "day"),
    ("repeat_purchase_rate", ("channel", "country"), "month"),
    ("retained_customers", (), "day"),
    ("retention_rate", (), "week"),
    ("retention_rate", ("country",), "quarter"),
    ("churn_rate", (), "quarter"),
    ("churn_rate", (), "year"),
    ("annual_churn", (), "week"),
    ("annual_churn", ("channel",), "quarter"),
    ("historical_clv", (), "week"),
    ("historical_clv", (), "year"),
    ("customer_lifetime_value", (), "quarter"),
    ("customer_acquisition_cost", (), "quarter"),
    ("daily_sales_average", (), "day"),
    ("daily_sales_average", (), "week"),
    ("daily_sales_average", ("channel",), "quarter"),
    ("daily_sales_average", ("channel", "country"), "month"),
    ("busiest_hour_sales", (), "day"),
    ("busiest_hour_sales", (), "week"),
    ("busiest_hour_sales", (), "year"),
    # one event after another
    ("visitor_conversion", (), "week"),
    ("visitor_conversion", ("channel",), "quarter"),
    ("mobile_conversion", (), "day"),
    ("cart_abandonment", (), "day"),
    ("cart_abandonment", (), "week"),
    ("checkout_abandonment", ("device",), "quarter"),
    ("bounce_rate", (), "week"),
    ("bounce_rate", ("channel", "device"), "month"),
    ("bundle_share", (), "week"),
    ("return_rate", (), "week"),
    ("refund_share", (), "quarter"),
    # how things stand
    ("closing_stock_value", (), "day"),
    ("closing_stock_value", (), "week"),
    ("closing_stock_value", ("category",), "day"),
    ("closing_stock_value", ("brand",), "quarter"),
    ("closing_stock_value", ("category", "brand"), "month"),
    ("stock_turnover", (), "week"),
    ("stock_turnover", (), "quarter"),
    ("stockout_rate", (), "day"),
    ("stockout_rate", (), "week"),
    ("stockout_rate", ("category",), "day"),
    ("price_index", (), "week"),
    ("price_index", (), "day"),
    ("undercut_share", (), "week"),
    ("undercut_share", (), "quarter"),
    ("subscription_churn", (), "week"),
    ("subscription_churn", (), "day"),
    ("subscription_churn", (), "quarter"),
    ("newsletter_subscribers", (), "day"),
    ("subscriber_growth", (), "week"),
    ("unsubscribe_rate", (), "year"),
    ("loyalty_members", (), "week"),
    ("active_issues", (), "day"),
    ("active_issues", ("topic",), "week"),
    ("active_issues", (), "year"),
    # bought together
    ("pair_orders", (), "day"),
    ("bundle_share", ("channel", "country"), "month"),
    # outreach and care
    ("average_position", ("keyword",), "week"),
    ("average_position", (), "day"),
    ("social_engagement_rate", ("network",), "week"),
    ("social_shares", (), "day"),
    ("email_open_rate", (), "week"),
    ("email_ctr", ("kind",), "quarter"),
    ("nps", (), "week"),
    ("nps", ("touchpoint", "theme"), "month"),
    ("nps_trend", (), "week"),
    ("nps_trend", ("touchpoint",), "quarter"),
    ("nps_vs_industry", (), "quarter"),
    ("nps_vs_industry", (), "year"),
    ("nps_response_rate", (), "quarter"),
    ("theme_share", ("theme", "touchpoint"), "month"),
    ("csat", (), "week"),
    ("review_score", (), "week"),
    ("first_response_time", (), "day"),
    ("first_response_time", ("contact",), "week"),
    ("resolution_time", (), "week"),
    ("service_chats", (), "week"),
    ("complaint_rate", (), "week"),
    ("escalation_rate", ("topic", "contact"), "month"),
)


def questions() -> Iterator[Question]:
    """Every question, each once."""
    for metric, formula in FORMULAS.items():
        yield Question(metric, (), "month")
        for dimension in _dimensions(formula):
            yield Question(metric, (dimension,), "month")
    for metric, by, grain in _MORE:
        yield Question(metric, by, grain)
    for metric, formula in OF_THREE_ITEMS.items():
        yield Question(metric, ("item", "other"), "month", THREE_ITEMS, formula)


def _dimensions(formula: Formula) -> list[str]:
    """The dimensions that all tables of a formula have."""
    split = [_DIMENSIONS[table] for table, is_split in tables(formula) if is_split]
    return [name for name in split[0] if all(name in names for names in split)]
