"""A small shop that tests of resolving define their metrics over."""

from __future__ import annotations

from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.diagnostic import Diagnostic

from .checking import bound, catalog_of

SOURCES = """
calendar
  timezone: "Asia/Shanghai"
  currency: CNY

entity visitor
  counted_in: visits

source customers
  key: customer_id
  time: first_seen_at

source products
  key: product_id

source visits
  key: visit_id
  time: started_at
  column visitor_id -> visitor

source orders
  key: order_id
  time: ordered_at
  column customer_id -> customers
  column visitor_id -> visitor
  column total: currency(CNY)
  column cost: currency(CNY)
  column margin: currency(CNY) = total - cost

source order_lines
  key: line_id
  time: ordered_at
  column order_id -> orders
  column product_id -> products

source stock
  key: [day, product_id]
  time: day
  snapshot: day
  column product_id -> products

source tickets
  key: ticket_id
  time: opened_at
  lifetime: [opened_at, closed_at]

source ad_spend
  time: day

dimension channel = visits.channel, orders.channel, ad_spend.channel
dimension category = products.category
dimension country = customers.country
dimension weekday = part(time, weekday)
"""

SCHEMAS = """
customers: customer_id text, first_seen_at timestamp, country text, member boolean
products: product_id text, category text
visits: visit_id text, visitor_id text, started_at timestamp, channel text, device text, length duration
orders: order_id text, ordered_at timestamp, delivered_at timestamp, day date, customer_id text, visitor_id text, \
channel text, status text, total float, cost decimal, weight float, pieces integer, is_valid boolean
order_lines: line_id text, order_id text, product_id text, ordered_at timestamp, quantity integer, price decimal
stock: day date, product_id text, on_hand integer
tickets: ticket_id text, opened_at timestamp, closed_at timestamp
ad_spend: day date, channel text, cost decimal
""".replace("\\\n", "")


def shop(definitions: str) -> Catalog:
    """The shop with more definitions, none of them wrong."""
    return catalog_of(SOURCES + definitions, SCHEMAS)


def metric(formula: str, *properties: str) -> Metric:
    """One metric over the shop."""
    lines = "".join(f"  {each}\n" for each in properties)
    return shop(f"x = {formula}\n{lines}").metrics["x"]


def wrong(definitions: str) -> list[Diagnostic]:
    """The errors of more definitions over the shop."""
    return [each for each in bound(SOURCES + definitions, SCHEMAS)[1] if each.code.startswith("E")]


def codes(definitions: str) -> list[str]:
    """The codes of the errors of more definitions over the shop."""
    return [each.code for each in wrong(definitions)]
