"""Names for definitions out of the names of files and columns."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from kpi_engine.parse.lexer import RESERVED

TAKEN = frozenset(
    [
        *("hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year", "time", "calendar"),
        *("hours", "days", "weeks", "months", "quarters", "years", "source", "entity", "dimension", "metric"),
    ]
)
"""Words that mean something else where a source or metric could stand."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_ID_ENDINGS = ("_id", "_key", "_uuid", "_guid", "_no", "_nr", "_number", "_code", "_sku")


def quoted(name: str) -> str:
    """A name as definitions write it.

    >>> quoted("total"), quoted("order id")
    ('total', '`order id`')
    """
    return name if _IDENTIFIER.fullmatch(name) and name not in RESERVED else f"`{name}`"


def snake(text: str) -> str:
    """A name in small letters with underscores.

    >>> snake("Order Lines-2026")
    'order_lines_2026'
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text.strip())
    return re.sub(r"\W+|_+", "_", parted).strip("_").lower()


def free(name: str, used: Container[str], otherwise: Sequence[str] = ()) -> str:
    """The name, or the first alternative, that is not in use; numbered if all are.

    >>> free("revenue", {"revenue"}, ["order_revenue"])
    'order_revenue'
    """
    for candidate in (name, *otherwise):
        if candidate and candidate not in used and candidate not in TAKEN:
            return candidate
    number = 2
    while f"{name}_{number}" in used:
        number += 1
    return f"{name}_{number}"


def singular(name: str) -> str:
    """The word for one row, as the language makes it: without a final s.

    >>> singular("orders"), singular("news_items")
    ('order', 'news_item')
    """
    return name.removesuffix("s") if len(name) > 1 else name


def plural(name: str) -> str:
    """The word for several."""
    return f"{name}s"


def is_id(name: str) -> bool:
    """Whether a column is named like one that holds ids.

    >>> is_id("customer_id"), is_id("CustomerID"), is_id("paid")
    (True, True, False)
    """
    words = snake(name)
    return words in ("id", "uuid", "guid", "sku") or words.endswith(_ID_ENDINGS)


def stem(name: str) -> str:
    """What an id is the id of.

    >>> stem("customer_id"), stem("CustomerID"), stem("id")
    ('customer', 'customer', '')
    """
    words = snake(name)
    for ending in _ID_ENDINGS:
        if words.endswith(ending):
            return words.removesuffix(ending)
    return "" if words in ("id", "uuid", "guid") else words


def without_common_words(names: Iterable[str]) -> dict[str, str]:
    """Names without the first and last words that most of them share.

    >>> list(without_common_words(["shop_orders_data", "shop_visits_data", "shop_items_data"]).values())
    ['orders', 'visits', 'items']
    """
    known = list(names)
    shorter = {name: name for name in known}
    for first in (True, False):
        words = [shorter[name].split("_")[0 if first else -1] for name in known]
        common = max(set(words), key=words.count, default="")
        if len(known) < 3 or words.count(common) < 0.75 * len(known):
            continue
        for name in known:
            parts = shorter[name].split("_")
            if len(parts) > 1 and parts[0 if first else -1] == common:
                shorter[name] = "_".join(parts[1:] if first else parts[:-1])
    return shorter if len(set(shorter.values())) == len(known) else {name: name for name in known}
