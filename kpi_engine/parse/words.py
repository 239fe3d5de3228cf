"""The words of the language, as its error messages need them."""

from __future__ import annotations

DECLARATIONS = {
    "source": "source orders",
    "entity": "entity visitor",
    "dimension": "dimension channel = orders.channel",
    "grain": "grain retail_week",
    "use": "use sales",
    "map": 'map sales.orders to "erp.orders"',
    "override": "override sales.revenue = sum(orders.total)",
    "calendar": "calendar",
    "goal": "goal more_sales",
    "alert": "alert sales_drop",
}
"""The words that begin a declaration, each with an example of its first line."""

METRIC_PROPERTIES = frozenset({
    "unit", "better", "target", "tags", "description", "owner", "format", "deprecated", "replaced_by", "since",
})  # fmt: skip

PROPERTIES = METRIC_PROPERTIES | {
    "by", "columns", "connection", "counted_in", "currency", "date_format", "decimal", "delimiter", "distinct",
    "encoding", "every", "fiscal_year_named", "fiscal_year_starts", "for", "grain", "header", "key", "label",
    "late", "lifetime", "max_items", "message", "names", "no_data", "null_values", "on_duplicate", "on_error",
    "plural", "quote", "severity", "singular", "skip", "snapshot", "snapshot_by", "starts", "table",
    "thousands", "time", "timestamp_format", "timezone", "trim", "version", "versions", "watch", "watermark",
    "week_starts", "when", "where",
}  # fmt: skip
"""Every property that some declaration has."""

CLAUSES = {
    "WHERE": "where", "PER": "per", "HAVING": "having", "AT_POINT": "at", "DATED_BY": "dated by", "ON": "on",
    "FOLLOWED_BY": "followed by", "NOT_FOLLOWED_BY": "not followed by", "WITHIN": "within",
}  # fmt: skip
"""The terminals that begin a clause of an aggregate, and how they are written."""

UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")

FORMER_KEYWORDS = frozenset(["metric", "measure", "kpi", "define", "def", "let", "var", "set", "const", "formula"])
"""Words by which other languages begin the definition of a metric."""

STATEMENTS = {
    "select": "write `name = expression`: each metric is one declaration",
    "with": "write `name = expression`: each metric is one declaration",
    "create": "write `name = expression`: each metric is one declaration",
    "insert": "definitions only read; write `name = expression`",
    "update": "definitions only read; write `name = expression`",
    "delete": "definitions only read; write `name = expression`",
    "from": "the source is named in the aggregate: `sum(orders.total)`",
    "join": "declare the reference once, `column customer_id -> customers`; then `customers.country` is in reach",
    "inner": "declare the reference once, `column customer_id -> customers`; then `customers.country` is in reach",
    "left": "declare the reference once, `column customer_id -> customers`; then `customers.country` is in reach",
    "group": "groups are asked for in the question: `kpi eval revenue --by channel --grain month`",
    "order": "the order is asked for in the question: `kpi eval revenue --order-by revenue`",
    "limit": "limits are asked for in the question: `kpi eval revenue --limit 10`",
    "union": 'give one source several tables: `table: ["a.csv", "b.csv"]`',
    "over": "windows are functions: `rolling(x, 7 days)`, `cumulative(x)`, `previous(x)`, `total(x, channel)`",
    "partition": "windows are functions: `rolling(x, 7 days)`, `cumulative(x)`, `previous(x)`, `total(x, channel)`",
    "filter": "write the condition in the aggregate: `sum(orders.total where is_valid)`",
}
"""Words that begin statements and clauses of SQL, and what takes their place."""

OPERATORS = {
    "between": "write `x >= a and x <= b`",
    "like": 'write `contains(x, "text")`, `starts_with(x, "text")` or `matches(x, "pattern")`',
    "ilike": 'write `contains(lower(x), "text")`',
    "rlike": 'write `matches(x, "pattern")`',
    "mod": "write `a - b * floor(a / b)`",
    "div": "write `floor(a / b)`",
    "xor": "write `(a and not b) or (b and not a)`",
    "equals": "write `=`",
    "isnull": "write `is null`",
    "notnull": "write `is not null`",
}
"""Operators of other languages that are words, and what is written instead."""
