"""Metrics that look at one customer, or one hour, after the other."""

from __future__ import annotations

from dataclasses import replace

from .plain import active_customers, ad_cost, gross_margin, order_count, revenue
from .terms import EVERYTHING, Formula, Keyed, Op, count, count_having, minus, over, ratio, total

# Each window on its own, so that nothing here resembles "this period and no period before".
new_customers = minus(over("ever", active_customers), over("before", active_customers))
retained_customers = count_having("customer_id", "{0} > 0 and {1} > 0", over("previous", order_count), order_count)
retention_rate = ratio(retained_customers, over("previous", active_customers))


def _orders_of(condition: str) -> Keyed:
    """Valid orders of customers by how many they had made before the period."""
    having = Op(f"{{0}} {condition}", (over("before", order_count),))
    return Keyed("customer_id", "sum(value)", order_count, having, "0")


new_customer_orders = _orders_of("= 0")
returning_customer_orders = _orders_of("> 0")

annual_churn = minus(
    Op("1", ()),
    ratio(
        count_having("customer_id", "{0} > 0 and {1} > 0", over("previous year", order_count), order_count),
        over("previous year", active_customers),
    ),
)
rolling_churn = minus(
    Op("1", ()),
    ratio(
        count_having(
            "customer_id",
            "{0} > 0 and {1} > 0",
            over("rolling year, previous year", order_count),
            over("rolling year", order_count),
        ),
        over("rolling year, previous year", active_customers),
    ),
)
purchase_frequency = ratio(over("rolling year", order_count), over("rolling year", active_customers))
customer_lifetime_value = ratio(
    Op("({0}) * ({1})", (ratio(gross_margin, order_count), purchase_frequency)), rolling_churn
)
customer_acquisition_cost = ratio(Op("({0}) + ({1})", (ad_cost, total("acquisition_costs", "amount"))), new_customers)
# The days of the period, whether or not anything was sold on them.
days = replace(count("order_days"), without=EVERYTHING)

ENTITIES: dict[str, Formula] = {
    "new_customers": new_customers,
    "new_customer_share": ratio(new_customers, active_customers),
    "ad_cost_per_new_customer": ratio(ad_cost, new_customers),
    "customer_acquisition_cost": customer_acquisition_cost,
    "new_customer_orders": new_customer_orders,
    "returning_customer_orders": returning_customer_orders,
    "new_order_share": ratio(new_customer_orders, order_count),
    "new_to_returning": ratio(new_customer_orders, returning_customer_orders),
    "repeat_purchase_rate": ratio(count_having("customer_id", "{0} >= 2", order_count), active_customers),
    "retained_customers": retained_customers,
    "retention_rate": retention_rate,
    "churn_rate": minus(Op("1", ()), retention_rate),
    "annual_churn": annual_churn,
    "historical_clv": ratio(
        over("ever", total("orders", "total - cost", "is_valid and customer_id is not null")),
        over("ever", active_customers),
    ),
    "customer_lifetime_value": customer_lifetime_value,
    "clv_to_cac": ratio(customer_lifetime_value, customer_acquisition_cost),
    "daily_sales_average": ratio(revenue, days),
    "busiest_hour_sales": Keyed("ordered_hour", "max(value)", revenue, empty="0"),
}
