"""Words that mean the same in the names of tables and columns."""

from __future__ import annotations

from collections.abc import Mapping

_GROUPS = (
    ("order", "purchase", "booking", "sale", "transaction", "bestellung", "auftrag"),
    ("line", "item", "position", "detail"),
    ("customer", "client", "buyer", "user", "member", "kunde", "cust"),
    ("visitor", "browser", "device", "anonymous"),
    ("visit", "session", "hit"),
    ("product", "article", "sku", "goods", "prod"),
    ("return", "rma", "refunds"),
    ("stock", "inventory", "warehouse"),
    ("ticket", "case", "issue", "request", "incident"),
    ("message", "mail", "email"),
    ("review", "rating", "stars"),
    ("answer", "response", "survey"),
    ("spend", "cost", "expense"),
    ("id", "no", "nr", "number", "key", "code", "uuid", "guid"),
    ("total", "amount", "sum", "revenue", "pay", "paid", "gross", "value"),
    ("quantity", "qty", "pieces", "count"),
    ("price", "rate"),
    ("status", "state", "st"),
    ("created", "create", "placed", "ordered", "opened", "started", "begin", "start", "requested", "received"),
    ("closed", "ended", "end", "finished", "solved", "resolved", "left"),
    ("at", "time", "date", "on", "ts", "timestamp", "datetime", "day"),
    ("channel", "source", "medium"),
    ("country", "land", "nation"),
    ("category", "group", "class"),
    ("topic", "subject", "reason"),
    ("subscribed", "joined", "signup", "registered"),
)
TABLE_NOISE = frozenset(
    {"t", "tbl", "tb", "dim", "fact", "fct", "stg", "raw", "dwd", "ods", "v", "public", "main", "data"}
)
"""Words in the names of tables that say nothing of what their rows are."""

_COMMON: Mapping[str, str] = {word: group[0] for group in _GROUPS for word in group}


def common_word(word: str) -> str:
    """One word for all that mean the same; plurals are singulars.

    >>> common_word("clients"), common_word("qty"), common_word("brand")
    ('customer', 'quantity', 'brand')
    """
    single = word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word
    return _COMMON.get(word) or _COMMON.get(single) or single
