"""What the columns of a source are good for: amounts, quantities, scores, shares, dimensions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from kpi_engine.inspect.draft.facts import ColumnFacts
from kpi_engine.inspect.draft.guesses import SourceGuess
from kpi_engine.inspect.draft.naming import is_id, snake
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Kind
from kpi_engine.present.money import SYMBOLS

_MONEY = (
    *("price", "amount", "total", "revenue", "sales", "cost", "fee", "payment", "value", "freight", "salary", "spend"),
    *("budget", "refund", "tax", "gmv", "turnover", "balance", "paid", "subtotal", "shipping", "income", "margin"),
)
_QUANTITIES = (
    *("quantity", "qty", "units", "count", "clicks", "impressions", "views", "likes", "shares", "comments", "pieces"),
    *("visits", "sessions", "downloads", "installs", "sent", "delivered", "opened", "items", "stock", "on_hand"),
)
_SCORES = ("rating", "score", "stars", "grade", "satisfaction", "nps")
_SHARES = ("rate", "share", "pct", "percent", "percentage", "ratio", "discount")
_NEVER = (
    *("lat", "lng", "lon", "long", "latitude", "longitude", "zip", "postal", "postcode", "code", "year", "month"),
    *("day", "hour", "number", "no", "nr", "index", "seq", "sequential", "phone", "week", "prefix", "version", "line"),
)
_CODES = frozenset(SYMBOLS)
_MOST_VALUES = 50
_LONGEST_VALUE = 40


@dataclass(frozen=True, slots=True)
class Money:
    """A column of money: its currency where that is known, and what says so."""

    column: str
    currency: str | None
    evidence: str


def is_free(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a column is no key, no reference, no id and not the time."""
    taken = column.name in guess.key or column.name in guess.references or is_id(column.name)
    return not taken and (guess.time is None or guess.time.value != column.name) and column.present > 0


def money(column: ColumnFacts, guess: SourceGuess) -> Money | None:
    """Whether a column holds money, by its name and its cents."""
    if not is_free(column, guess) or column.type.kind not in (Kind.DECIMAL, Kind.FLOAT, Kind.INTEGER):
        return None
    if not _named(column, _MONEY) or _named(column, _NEVER) or _named(column, _SHARES):
        return None
    if column.type.kind is Kind.INTEGER and _named(column, _QUANTITIES):
        return None
    code = next((word.upper() for word in snake(column.name).split("_") if word.upper() in _CODES), None)
    if code is not None:
        return Money(column.name, code, "its name says so")
    given = next((each for each in guess.facts.columns.values() if snake(each.name).startswith("currency")), None)
    if given is not None and given.distinct == 1:
        only = str(given.most_frequent(1)[0])
        if re.fullmatch("[A-Z]{3}", only):
            return Money(column.name, only, f"`{given.name}` is {only} in every row")
    return Money(column.name, None, "")


def is_quantity(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a column counts something that can be added up."""
    numeric = column.type.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)
    return numeric and is_free(column, guess) and _named(column, _QUANTITIES) and not _named(column, _NEVER)


def is_score(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a column grades something on a small scale."""
    small = column.type.kind in (Kind.INTEGER, Kind.DECIMAL) and column.distinct <= 101
    return small and is_free(column, guess) and _named(column, _SCORES)


def is_share(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a column holds fractions of 1."""
    if column.type.kind not in (Kind.DECIMAL, Kind.FLOAT) or not is_free(column, guess) or not _named(column, _SHARES):
        return False
    low, high = column.low, column.high
    return isinstance(low, Decimal | float) and isinstance(high, Decimal | float) and low >= 0 and high <= 1


def is_measure(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a column is a number of which an average says something."""
    return column.type.kind in (Kind.DECIMAL, Kind.FLOAT) and is_free(column, guess) and not _named(column, _NEVER)


def is_category(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a column has a few values, each in many rows."""
    if not is_free(column, guess):
        return False
    if column.type.kind is Kind.BOOLEAN:
        return column.distinct == 2
    few = 2 <= column.distinct <= _MOST_VALUES and column.distinct * 3 <= column.present
    short = all(len(str(value)) <= _LONGEST_VALUE for value in column.most_frequent(_MOST_VALUES))
    return column.type.kind is Kind.TEXT and few and short


def categories(guesses: Mapping[str, SourceGuess]) -> dict[str, list[tuple[SourceGuess, ColumnFacts]]]:
    """Columns to split by, under the name of the dimension. Columns of one name are one if they share values."""
    found: dict[str, list[tuple[SourceGuess, ColumnFacts]]] = {}
    for guess in guesses.values():
        for column in guess.facts.columns.values():
            if is_category(column, guess):
                same = found.get(snake(column.name))
                if same is None:
                    found[snake(column.name)] = [(guess, column)]
                elif _share_values(same[0][1], column):
                    same.append((guess, column))
                else:
                    found[f"{guess.name.removesuffix('s')}_{snake(column.name)}"] = [(guess, column)]
    return found


def _share_values(one: ColumnFacts, other: ColumnFacts) -> bool:
    first, second = set(one.tally.values.to_pylist()), set(other.tally.values.to_pylist())
    return one.type.kind is other.type.kind and 2 * len(first & second) >= min(len(first), len(second))


def _named(column: ColumnFacts, words: tuple[str, ...]) -> bool:
    name = snake(column.name)
    parts = name.split("_")
    return any(word in parts or word == name for word in words)
