"""Random metrics over the shop, as texts, composed of everything that the reference knows."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

GRAINS = ("hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")
RANK = {grain: rank for rank, grain in enumerate(("hour", "day", "week", "month", "quarter", "year"))}
RANK |= {"fiscal_quarter": RANK["quarter"], "fiscal_year": RANK["year"]}

DIMENSIONS = {
    "orders": ("channel", "country", "continent", "weekday", "month", "label"),
    "visits": ("channel", "weekday", "month"),
    "lines": ("channel", "country", "continent", "weekday", "month", "label"),
}
CONDITIONS = {
    "orders": (
        "large",
        "not large",
        "quantity > 2",
        "quantity not in [1, 2]",
        "quantity in [0, 3, 4]",
        "amount is null",
        "net < 5.5",
        "weight <= 0.2",
        "weight != 0",
        'channel = "web"',
        'channel != "web"',
        'channel not in ["shop", "fax"]',
        "customers.vip",
        "not customers.vip",
        'countries.continent = "Europe"',
        "at >= 2018-Q3",
        "at = 2018-11",
        "delivered > 2018-10-28",
        "delivered = 2018",
        "hour(at) < 12",
        'channel = "web" and quantity > 0',
        'channel = "web" or not large',
        "not (amount > 3 and quantity > 1)",
        "if(quantity > 1, amount > 1, cost > 1)",
        'coalesce(channel, "fax") = "fax"',
        "case when quantity > 3 then true when quantity > 1 then false end",
    ),
    "visits": (
        "pages > 3",
        'visitor in ["a", "b"]',
        'channel = "web"',
        "day < 2018-Q4",
        "score > 0.1",
        "pages is null",
    ),
    "lines": ("units > 1", "orders.large", 'orders.channel = "shop"', "price * units > 2", "orders.customers.vip"),
}
SHARED = ('channel = "web"', 'channel != "shop"', "channel is null", 'channel in ["web", "fax"]', "weekday > 3")
"""Conditions that orders, visits and lines all understand."""

ARGUMENTS = {
    "orders": ("amount", "quantity", "net", "weight", "cost", "amount * quantity", "quantity + 1", "amount / 100"),
    "visits": ("pages", "score"),
    "lines": ("units", "price", "units * price", "orders.quantity", "orders.amount - price"),
}
COUNTED = {
    "orders": ("orders", "orders.amount", "distinct orders.channel", "distinct customers", "distinct orders.visitor"),
    "visits": ("visits", "visits.pages", "distinct visitors", "distinct visits.channel", "distinct visits.score"),
    "lines": ("lines", "lines.price", "distinct lines.order", "distinct lines.orders.channel"),
}
EXTREMES = {"orders": ("at", "delivered", "channel", "label"), "visits": ("day", "visitor"), "lines": ("orders.at",)}

SHIFTS = ("1 day", "1 week", "7 days", "1 month", "2 months", "1 quarter", "1 year", "31 days")
ROLLED = ("1 day", "3 days", "28 days", "2 weeks", "1 month", "2 months", "1 quarter", "1 year")


@dataclass(frozen=True)
class Formula:
    """A metric's text, the sources of its aggregates, and whether it is a number that arithmetic takes."""

    text: str
    sources: frozenset[str]
    numeric: bool = True


@st.composite
def aggregates(draw: st.DrawFn, sources: tuple[str, ...] = ("orders", "visits", "lines")) -> Formula:
    """One aggregate."""
    source = draw(st.sampled_from(sources))
    where = draw(st.one_of(st.just(""), st.sampled_from(CONDITIONS[source]).map(lambda each: f" where {each}")))
    dated = draw(st.sampled_from(["", "", "", " dated by delivered"])) if source == "orders" else ""
    kind = draw(st.sampled_from(["count", "count", "sum", "sum", "other", "percentile", "weighted", "extreme"]))
    numeric = True
    if kind == "count":
        text = f"count({_on(source, draw(st.sampled_from(COUNTED[source])))}{where}{dated})"
    elif kind == "extreme":
        name = draw(st.sampled_from(EXTREMES[source]))
        text = f"{draw(st.sampled_from(['min', 'max']))}({_on(source, name)}{where}{dated})"
        numeric = False
    else:
        argument = _on(source, draw(st.sampled_from(ARGUMENTS[source])))
        if kind == "weighted":
            weight = {"orders": "quantity", "visits": "pages", "lines": "units"}[source]
            text = f"weighted_avg({argument}{where}{dated}, {weight})"
        elif kind == "percentile":
            text = f"percentile({argument}{where}{dated}, {draw(st.sampled_from(['0', '12.5', '50', '90', '100']))})"
        else:
            names = ["sum"] if kind == "sum" else ["avg", "min", "max", "median", "stddev", "variance"]
            text = f"{draw(st.sampled_from(names))}({argument}{where}{dated})"
    return Formula(text, frozenset([source]), numeric)


def _on(source: str, text: str) -> str:
    """The argument with its first name qualified, so that the aggregate has a base source."""
    modifier, _, name = text.rpartition("distinct ")
    if name in ("orders", "visits", "lines", "customers", "visitors") or name.startswith(f"{source}."):
        return text
    return f"{'distinct ' if modifier or text.startswith('distinct') else ''}{source}.{name}"


@st.composite
def metrics(draw: st.DrawFn, grain: str | None, depth: int = 3, free: bool = False) -> Formula:
    """A metric; `free` stands inside a window of its own, where `previous` needs a length."""
    if depth == 0:
        return draw(aggregates())
    kind = draw(
        st.sampled_from(
            ["aggregate", "aggregate", "where", "previous", "growth", "window", "window", "total", "arithmetic",
             "arithmetic", "function", "case"]
        )
    )  # fmt: skip
    if kind == "aggregate":
        return draw(aggregates())
    if kind == "window":
        inner = draw(metrics(grain, depth - 1, free=True))
        return Formula(draw(_windows(grain)).format(inner.text), inner.sources, inner.numeric)
    inner = draw(metrics(grain, depth - 1, free))
    if kind == "where":
        return Formula(f"({inner.text} where {draw(_conditions(inner.sources))})", inner.sources, inner.numeric)
    if kind == "total":
        names = draw(st.lists(st.sampled_from(sorted(_common(inner.sources))), max_size=2, unique=True))
        return Formula(f"total({', '.join([inner.text, *names])})", inner.sources, inner.numeric)
    length = draw(_lengths(SHIFTS, grain))
    if not (free or grain is None):
        length = draw(st.sampled_from(["", length]))
    behind = f", {length}" if length else ""
    if kind == "previous" or not inner.numeric:
        return Formula(f"previous({inner.text}{behind})", inner.sources, inner.numeric)
    if kind == "growth":
        return Formula(f"{draw(st.sampled_from(['change', 'growth']))}({inner.text}{behind})", inner.sources)
    if kind == "function":
        return Formula(draw(st.sampled_from(FUNCTIONS)).format(inner.text), inner.sources)
    other = draw(metrics(grain, depth - 1, free).filter(lambda each: each.numeric))
    form = draw(st.sampled_from(ARITHMETIC if kind == "arithmetic" else CHOICES))
    return Formula(form.format(inner.text, other.text), inner.sources | other.sources)


FUNCTIONS = (
    "coalesce({0}, 0)",
    "nullif({0}, 0)",
    "abs({0})",
    "(-({0}))",
    "({0} + 1)",
    "({0} * 3)",
    "({0} / 7)",
    "round({0})",
)
ARITHMETIC = ("({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} / {1})", "({0} / {1})")
CHOICES = (
    "if({0} > {1}, 1, 2)",
    "case when {0} > {1} then {0} when {0} < {1} then {1} end",
    "case when {0} is null then 0 else {1} end",
    "case when not ({0} > 1 and {1} > 1) then 1 else 0 end",
    "least({0}, {1})",
    "greatest({0}, {1})",
    "coalesce({0}, {1})",
)


def _common(sources: frozenset[str]) -> frozenset[str]:
    return frozenset.intersection(*(frozenset(DIMENSIONS[source]) for source in sources))


def _conditions(sources: frozenset[str]) -> st.SearchStrategy[str]:
    if sources == frozenset(["orders"]):
        # Conditions that are made of a dimension and something else cannot be judged by a `total`.
        mixed = ("at ", "hour", "if", "case", "coalesce", "not (", 'channel = "web" or')
        return st.sampled_from([*SHARED, *(each for each in CONDITIONS["orders"] if not each.startswith(mixed))])
    if "visits" not in sources:
        return st.sampled_from([*SHARED, 'country = "de"', "continent is not null"])
    return st.sampled_from(SHARED)


def _windows(grain: str | None) -> st.SearchStrategy[str]:
    least = RANK.get(grain or "year", 5)
    todate = [f"todate({{}}, {each})" for each in RANK if RANK[each] >= least and each != "hour"]
    if grain is None:
        todate = []
    rolled = _lengths(ROLLED, grain).map(lambda each: f"rolling({{}}, {each})")
    return st.one_of(rolled, st.sampled_from(["cumulative({})", "before({})", *todate]))


def _lengths(words: tuple[str, ...], grain: str | None) -> st.SearchStrategy[str]:
    return st.sampled_from([*words, "1 hour", "5 hours"] if grain == "hour" else list(words))
