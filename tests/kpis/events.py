"""Metrics of one event after another, and of what belongs to a visit or an order.

Whether an order followed is a column of the tables, found for each row by itself (queries/tables.sql).
"""

from __future__ import annotations

from .plain import order_count, revenue
from .terms import Formula, count, ratio, share, total

followed_visits = count("visits", "views > 0")
blog_visits = count("page_views", "section = 'blog'", "distinct visit_id")

EVENTS: dict[str, Formula] = {
    "visitor_conversion": ratio(
        count("visits", "ordered_in_7_days", "distinct visitor_id"),
        count("visits", expression="distinct visitor_id"),
    ),
    "mobile_conversion": share("visits", "device = 'phone' and ordered_in_a_day", "device = 'phone'"),
    "cart_abandonment": share("carts", "not ordered_in_a_day"),
    "checkout_abandonment": share(
        "carts", "checkout_at is not null and not ordered_in_a_day", "checkout_at is not null"
    ),
    "bounce_rate": ratio(count("visits", "views = 1"), followed_visits),
    "pageviews_per_visit": ratio(count("page_views"), followed_visits),
    "blog_visits": blog_visits,
    "blog_traffic_share": ratio(blog_visits, followed_visits),
    "return_rate": ratio(count("returns", expression="distinct order_id"), order_count),
    "refund_share": ratio(total("returns", "refund"), revenue),
}
