"""Metrics of how things stand: stock and prices of a day, subscriptions and members at a moment."""

from __future__ import annotations

from dataclasses import replace

from .terms import (
    EVERYTHING,
    Alive,
    Formula,
    Keyed,
    Leaf,
    count,
    count_having,
    growth,
    over,
    ratio,
    total,
)

stock_value = total("stock", "value")
# Days without a report have no stock value; on others a group without rows has none on hand.
reported_days = replace(count("stock", expression="distinct facts.day"), without=EVERYTHING)
cost_of_goods = total("order_lines", "quantity * unit_cost", "is_valid")

our_price = Leaf("price_list", "sum(price)")
our_prices = count("price_list", "price is not null")
their_price = Leaf("competitor_prices", "avg(price)")
their_least = Leaf("competitor_prices", "min(price)")
# Prices are compared without a division: sum / n > least.
undercut = count_having("product_id", "{0} > {1} * {2}", our_price, their_least, our_prices)
compared = count_having("product_id", "{0} is not null and {1} is not null", our_price, their_least)

subscribers_at_start = Alive("newsletter", "start")
unsubscribes = count("newsletter", day="ends_day")

STOCKS: dict[str, Formula] = {
    "closing_stock_value": over("closing stock", stock_value),
    "stock_turnover": ratio(cost_of_goods, ratio(stock_value, reported_days)),
    "stockout_rate": Keyed("day", "avg(value)", ratio(count("stock", "on_hand <= 0"), count("stock"))),
    "price_index": Keyed("product_id", "avg(value)", ratio(ratio(our_price, our_prices), their_price)),
    "undercut_share": ratio(undercut, compared),
    "subscription_churn": ratio(count("subscriptions", day="ends_day"), Alive("subscriptions", "start")),
    "loyalty_members": Alive("loyalty", "end"),
    "newsletter_subscribers": Alive("newsletter", "end"),
    "subscriber_growth": growth(Alive("newsletter", "end"), subscribers_at_start),
    "unsubscribes": unsubscribes,
    "unsubscribe_rate": ratio(unsubscribes, subscribers_at_start),
    "active_issues": Alive("tickets", "end"),
}
