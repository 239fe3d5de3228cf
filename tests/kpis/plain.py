"""The metrics of one pass over orders, order lines, visits and advertising."""

from __future__ import annotations

from .terms import Formula, Leaf, Op, count, growth, minus, over, ratio, total, without

revenue = total("orders", "total", "is_valid")
order_count = count("orders", "is_valid")
gross_margin = total("orders", "total - cost", "is_valid")
margin_rate = ratio(gross_margin, revenue)
active_customers = count("orders", "is_valid", "distinct customer_id")
sales_ytd = over("year to date", revenue)

items_sold = total("order_lines", "quantity", "is_valid")
product_revenue = total("order_lines", "price * quantity", "is_valid")
product_margin = total("order_lines", "(price - unit_cost) * quantity", "is_valid")

delivered_sum = total("orders", "fulfilment", "is_valid", "delivered_day")
deliveries = count("orders", "is_valid", day="delivered_day")

site_traffic = count("visits")
visitor_count = count("visits", expression="distinct visitor_id")
visit_time = total("visits", "length")

ad_cost = total("ad_spend", "cost")
ad_revenue = total("ad_spend", "attributed_revenue")
promotion_clicks = total("ad_spend", "clicks")

PLAIN: dict[str, Formula] = {
    # money
    "revenue": revenue,
    "order_count": order_count,
    "average_order_value": ratio(revenue, order_count),
    "median_order_value": Leaf("orders", "quantile_cont(total::double, 0.5)", "is_valid"),
    "large_order_value": Leaf("orders", "quantile_cont(total::double, 0.95)", "is_valid"),
    "largest_order": Leaf("orders", "max(total)", "is_valid"),
    "gross_margin": gross_margin,
    "margin_rate": margin_rate,
    "average_margin": ratio(gross_margin, order_count),
    # growth and trend
    "previous_revenue": over("previous", revenue),
    "sales_growth": growth(revenue, over("previous", revenue)),
    "sales_growth_yoy": growth(revenue, over("previous year", revenue)),
    "order_change": minus(order_count, over("previous", order_count)),
    "revenue_28d": over("rolling 28 days", revenue),
    "sales_ytd": sales_ytd,
    "sales_ytd_growth": growth(sales_ytd, over("year to date, previous year", revenue)),
    "revenue_to_date": over("ever", revenue),
    # what was bought
    "items_sold": items_sold,
    "items_per_order": ratio(items_sold, order_count),
    "product_revenue": product_revenue,
    "product_margin_rate": ratio(product_margin, product_revenue),
    "average_item_price": ratio(product_revenue, items_sold),
    "category_share": ratio(product_revenue, without(product_revenue, "category")),
    # customers
    "registrations": count("customers"),
    "active_customers": active_customers,
    "active_customers_28d": over("rolling 28 days", active_customers),
    "customers_to_date": over("ever", active_customers),
    "purchase_frequency": ratio(over("rolling year", order_count), over("rolling year", active_customers)),
    "loyalty_share": ratio(total("orders", "total", "is_valid and loyalty_member"), revenue),
    "guest_order_share": ratio(count("orders", "is_valid and customer_id is null"), order_count),
    # service
    "cancelled_orders": count("orders", "status = 'cancelled'"),
    "cancellation_rate": ratio(count("orders", "status = 'cancelled'"), count("orders", "status <> 'test'")),
    "deliveries": deliveries,
    "order_fulfilment_time": ratio(delivered_sum, deliveries),
    "order_fulfilment_p90": Leaf("orders", "quantile_cont(fulfilment::double, 0.9)", "is_valid", day="delivered_day"),
    "order_fulfilment_rate": ratio(count("orders", "is_valid and delivered_day is not null"), order_count),
    # traffic
    "site_traffic": site_traffic,
    "traffic_growth": growth(site_traffic, over("previous", site_traffic)),
    "visitor_count": visitor_count,
    "unique_visitors": visitor_count,
    "visitors_28d": over("rolling 28 days", visitor_count),
    "new_visitors": count("visits", "visit_number = 1"),
    "returning_visitor_share": ratio(count("visits", "visit_number > 1"), site_traffic),
    "phone_share": ratio(count("visits", "device = 'phone'"), site_traffic),
    "traffic_source_share": ratio(site_traffic, without(site_traffic, "channel")),
    "time_on_site": ratio(visit_time, visitor_count),
    "visit_length": ratio(visit_time, site_traffic),
    # conversion
    "conversion": ratio(count("orders"), visitor_count),
    "conversion_rate": ratio(order_count, visitor_count),
    "orders_per_visit": ratio(order_count, site_traffic),
    # advertising
    "ad_cost": ad_cost,
    "ad_cost_share": ratio(ad_cost, revenue),
    "promotion_clicks": promotion_clicks,
    "promo_click_share": ratio(promotion_clicks, site_traffic),
    "cost_per_click": ratio(ad_cost, promotion_clicks),
    "cost_per_acquisition": ratio(ad_cost, total("ad_spend", "attributed_orders")),
    "roas": ratio(ad_revenue, ad_cost),
    "marketing_roi": ratio(minus(Op("({0}) * ({1})", (ad_revenue, margin_rate)), ad_cost), ad_cost),
}
