"""Random metrics over the market, as texts: groups, events, lifetimes, snapshots, windows around and inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from .formulas import RANK, Formula

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "orders": ("channel", "country", "cohort", "weekday"),
    "big": ("country", "weekday"),
    "visits": ("channel", "country", "cohort", "weekday"),
    "lines": ("channel", "country", "family", "weekday"),
    "stock": ("family", "weekday"),
    "subs": ("country", "plan", "weekday"),
    "updates": ("state", "weekday"),
    "states": ("weekday",),
    "closures": ("weekday",),
    "calls": ("country",),
    "basket": ("item", "other", "country", "weekday"),
    "budgets": ("channel",),
    "accounts": ("weekday",),
    "customers": ("country",),
}
KEYS: Mapping[str, tuple[str, ...]] = {
    "orders": ("customer", "customer", "visitor"),
    "big": ("customer",),
    "visits": ("visitor", "customer"),
    "lines": ("order", "product", "customer"),
    "stock": ("product",),
    "subs": ("customer",),
    "updates": ("ticket",),
    "calls": ("customer",),
    "basket": ("order",),
}
"""Things that rows belong to."""

SOURCES_OF_ALL: Mapping[str, frozenset[str]] = {
    "customer": frozenset(["customer"]),
    "product": frozenset(["product"]),
    "order": frozenset(["order", "customer", "visitor"]),
}
"""Lists of all keys, and the things that their own rows belong to."""

PLURALS = {
    "customer": "customers",
    "visitor": "visitors",
    "order": "orders",
    "product": "products",
    "ticket": "tickets",
}

COUNTS: Mapping[str, tuple[str, ...]] = {
    "orders": ("orders", "orders", "orders.customer", "distinct orders.visitor", "distinct orders.channel"),
    "big": ("big", "big.visitor"),
    "visits": ("visits", "visits", "distinct visits.visitor", "visits.pages"),
    "lines": ("lines", "lines.price", "distinct lines.product"),
    "stock": ("distinct stock.product",),
    "subs": ("subs", "distinct subs.customer"),
    "updates": ("updates", "distinct tickets", "distinct updates.state"),
    "states": ("states", "distinct states.state"),
    "closures": ("closures",),
    "calls": ("calls", "distinct calls.email"),
    "basket": ("basket", "distinct basket.order", "distinct basket.item"),
    "accounts": ("accounts",),
}
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "orders": ("orders.amount", "orders.quantity", "orders.weight", "orders.lines_n", "orders.units_sum",
               "orders.amount * quantity"),
    "big": ("big.amount", "big.quantity"),
    "visits": ("visits.pages", "visits.led_orders"),
    "lines": ("lines.units", "lines.price", "lines.units * price", "lines.units * tariff.rate",
              "lines.units * orders.quantity"),
    "stock": ("stock.held", "stock.value"),
    "subs": ("subs.fee",),
    "updates": ("updates.effort",),
    "states": ("states.effort",),
    "closures": ("closures.effort",),
    "calls": ("calls.minutes",),
    "budgets": ("budgets.budget",),
    "accounts": ("accounts.balance",),
}  # fmt: skip
CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "orders": ("quantity > 1", 'channel = "web"', 'customers.country = "de"', "lines_n > 0", 'led = "web"',
               'first_product != "x"', "units_sum is null", "amount is not null", "visitor.seen > 0",
               "visitor.first_seen < {day}", "at >= {day}"),
    "big": ("quantity > 3", 'channel != "web"'),
    "visits": ("pages > 1", 'channel = "shop"', "led_orders = 0", "visitor.seen > 1"),
    "lines": ("units > 1", "price is null", 'products.family = "toys"', "tariff.rate > 1"),
    "stock": ("held > 0", "held = 0", 'product != "x"'),
    "subs": ("fee > 3", 'plan = "gold"', 'customers.country = "jp"'),
    "updates": ("effort > 0", 'state = "open"'),
    "states": ('state = "open"', "effort is not null"),
    "closures": ("effort > 0",),
    "calls": ("minutes > 3", 'customers.country = "de"'),
    "basket": ("item != other",),
    "budgets": ("budget > 20",),
    "accounts": ("balance > 0",),
}  # fmt: skip
KEY_FILTERS = {
    "customer": ('country = "de"', "country is null", 'email != "1@x"', "spent > 3"),
    "product": ('family = "toys"', "family is null"),
    "visitor": ("seen > 0", "seen is null", "first_seen < {day}"),
    "order": ("quantity > 1", 'channel = "web"'),
    "ticket": (),
}
EVENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "orders": (("orders", "customer"), ("orders", "visitor"), ("visits", "visitor"), ("visits", "customer"),
               ("subs", "customer")),
    "visits": (("orders", "visitor"), ("visits", "visitor"), ("orders", "customer"), ("subs", "customer")),
    "subs": (("orders", "customer"), ("subs", "customer")),
    "updates": (("updates", "ticket"),),
}  # fmt: skip
"""What may follow rows of a source, and on which key."""

ELAPSED = ("1 hour", "30 minutes", "12 hours", "1 day", "1 day", "2 days", "25 hours", "5 days", "1 week", "3 weeks")
SHIFTS = ("1 day", "2 days", "1 week", "1 month", "1 quarter", "1 year")
ROLLED = ("1 day", "3 days", "7 days", "2 weeks", "1 month")
UNDER = {
    "hour": (),
    "day": ("day",),
    "week": ("day", "week"),
    "month": ("day", "day", "month"),
    None: ("day", "week", "month"),
}
"""Grains of which periods are made."""


@dataclass(frozen=True)
class Where:
    """Where a formula stands: the grain of its periods; whether `previous` needs a length; the keys around it."""

    grain: str | None
    day: str
    free: bool = False
    keys: frozenset[str] = frozenset()
    dated: bool = False


def one_of(draw: st.DrawFn, *values: str) -> str:
    """One of some words."""
    return draw(st.sampled_from(values))


@st.composite
def leaves(draw: st.DrawFn, where: Where) -> Formula:
    """One aggregate of rows; where there are keys, of rows that belong to them."""
    bases = [base for base in NUMBERS if where.keys <= {*KEYS.get(base, ())}]
    base = draw(st.sampled_from([*bases, *(each for each in ("orders", "orders", "subs", "stock") if each in bases)]))
    condition = draw(_conditions(base, where))
    if base == "stock":
        return draw(_of_snapshot(condition))
    tail = ""
    if base == "subs":
        tail = one_of(draw, "", " at end", " at end", " at start", " dated by gone")
    elif base == "orders":
        tail = one_of(draw, "", "", "", "", " dated by sent")
    if base in EVENTS and not tail and draw(st.integers(0, 3)) == 0:
        tail = draw(_chains(base, where))
    kind = one_of(draw, "count", "count", "number", "number", "percentile", "weighted")
    if base == "budgets":
        text = f"{one_of(draw, 'avg', 'max', 'min')}(budgets.budget{condition})"
    elif kind == "count" or base == "basket":
        text = f"count({one_of(draw, *COUNTS[base])}{condition}{tail})"
    else:
        number = one_of(draw, *NUMBERS[base])
        if kind == "weighted" and base in ("orders", "lines"):
            text = f"weighted_avg({number}{condition}{tail}, {'quantity' if base == 'orders' else 'units'})"
        elif kind == "percentile":
            text = f"percentile({number}{condition}{tail}, {one_of(draw, '25', '50', '90')})"
        else:
            functions = ("sum", "sum", "avg", "min", "max", "median", "stddev")
            text = f"{one_of(draw, *functions)}({number}{condition}{tail})"
    return Formula(text, frozenset([base]))


@st.composite
def _of_snapshot(draw: st.DrawFn, condition: str) -> Formula:
    if draw(st.integers(0, 5)) == 0:
        text = f"{one_of(draw, 'avg', 'max', 'min', 'median')}(stock.held{condition})"
    else:
        at = one_of(draw, " at end", " at end", " at start")
        text = one_of(draw, "sum(stock.held{})", "sum(stock.value{})", "count(stock{})", "avg(stock.held{})")
        text = text.format(condition + at)
    return Formula(text, frozenset(["stock"]))


@st.composite
def _conditions(draw: st.DrawFn, base: str, where: Where) -> str:
    if draw(st.integers(0, 2)):
        return ""
    return f" where {one_of(draw, *CONDITIONS[base])}".replace("{day}", where.day)


@st.composite
def _chains(draw: st.DrawFn, base: str, where: Where) -> str:
    text, here = "", base
    for last in draw(st.sampled_from([(True,), (True,), (True,), (False, True), (False, False, True)])):
        target, key = draw(st.sampled_from(EVENTS[here]))
        negated = "not " if last and draw(st.integers(0, 3)) == 0 else ""
        text += (
            f" {negated}followed by {target} on {key}{draw(_conditions(target, where))} within {one_of(draw, *ELAPSED)}"
        )
        here = target
    return text


@st.composite
def groups(draw: st.DrawFn, where: Where, depth: int) -> Formula:
    """An aggregate over the groups of a key, or over several."""
    keyed = ("customer", "customer", "visitor", "product", "order", "ticket")
    possible = [key for key in keyed if any({*where.keys, key} <= {*bases} for bases in KEYS.values())]
    key = one_of(draw, *possible)
    listed = key in SOURCES_OF_ALL and where.keys <= SOURCES_OF_ALL[key]
    everyone = listed and draw(st.integers(0, 3)) == 0
    inner = replace(where, keys=where.keys | {key})
    chosen = ""
    if KEY_FILTERS[key] and draw(st.integers(0, 3)) == 0:
        chosen = f" where {one_of(draw, *KEY_FILTERS[key])}".replace("{day}", where.day)
    if draw(st.booleans()):
        having = draw(_having(inner, depth - 1))
        text = f"count({'all ' if everyone else ''}{one_of(draw, PLURALS[key])}{chosen} having {having.text})"
        return Formula(text, having.sources)
    nested = not where.keys and draw(st.integers(0, 4)) == 0
    body = draw(groups(inner, depth - 1) if nested else metrics(inner, depth - 1))
    keys = f"all {key}" if everyone else key
    if not everyone and not chosen and body.sources <= {"orders", "visits"} and draw(st.integers(0, 5)) == 0:
        keys = "(customer, visitor)"
    text, sources = f"{body.text} per {keys}{chosen}", body.sources
    if draw(st.integers(0, 2)) == 0:
        having = draw(_having(inner, depth - 1))
        text, sources = f"{text} having {having.text}", sources | having.sources
    return Formula(draw(_outer(("sum", "sum", "avg", "max", "min", "median", "count"))).format(text), sources)


@st.composite
def _outer(draw: st.DrawFn, names: tuple[str, ...]) -> str:
    if draw(st.integers(0, 9)) == 0:
        return "percentile({}, 75)"
    return f"{one_of(draw, *names)}({{}})"


@st.composite
def buckets(draw: st.DrawFn, where: Where, depth: int) -> Formula:
    """An aggregate over the buckets of a grain."""
    grain = one_of(draw, *UNDER[where.grain])
    inner = replace(where, grain=grain)
    if draw(st.integers(0, 3)) == 0:
        having = draw(_having(inner, depth - 1))
        return Formula(f"count({grain} having {having.text})", having.sources)
    body = draw(metrics(inner, depth - 1))
    keys = grain
    if not where.keys and draw(st.integers(0, 7)) == 0:
        bases = [key for key in PLURALS if all(key in KEYS.get(base, ()) for base in body.sources)]
        keys = f"({one_of(draw, *bases)}, {grain})" if bases else grain
    text, sources = f"{body.text} per {keys}", body.sources
    if draw(st.integers(0, 3)) == 0:
        having = draw(_having(inner, depth - 1))
        if keys == grain or all(keys[1:].partition(",")[0] in KEYS.get(base, ()) for base in having.sources):
            text, sources = f"{text} having {having.text}", sources | having.sources
    names = ("avg", "avg", "sum", "max", "min", "first", "last", "count")
    return Formula(draw(_outer(names if keys == grain else names[:5])).format(text), sources)


@st.composite
def _having(draw: st.DrawFn, where: Where, depth: int) -> Formula:
    first = draw(metrics(where, depth))
    text = f"{first.text} {one_of(draw, '> 0', '>= 2', '= 1', '> 1.5', '= 0', 'is null', '!= 1')}"
    if draw(st.integers(0, 2)) == 0:
        other = draw(metrics(where, depth))
        joined = one_of(draw, "{0} and {1} > 0", "{0} or {1} >= 2", "{0} and not ({1} > 1)")
        return Formula(joined.format(text, other.text), first.sources | other.sources)
    return Formula(text, first.sources)


@st.composite
def metrics(draw: st.DrawFn, where: Where, depth: int = 2) -> Formula:
    """A metric."""
    if depth <= 0:
        return draw(leaves(where))
    kinds = ["leaf", "leaf", "groups", "groups", "groups", "window", "window", "previous", "arithmetic", "function",
             "where", "total"]  # fmt: skip
    if UNDER[where.grain]:
        kinds += ["buckets", "buckets"]
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return draw(leaves(where))
        case "groups" if not where.keys or depth > 1:
            return draw(groups(where, depth))
        case "buckets":
            return draw(buckets(where, depth))
        case "window":
            inner = draw(metrics(replace(where, free=True), depth - 1))
            return replace(inner, text=draw(_windows(where)).format(inner.text))
        case "previous":
            inner = draw(metrics(where, depth - 1))
            length = one_of(draw, *SHIFTS)
            if where.grain is not None and not where.free:
                length = one_of(draw, "", "", length)
            name = one_of(draw, "previous", "previous", "change", "growth")
            return replace(inner, text=f"{name}({inner.text}{', ' if length else ''}{length})")
        case "where":
            inner = draw(metrics(where, depth - 1))
            found = shared_conditions(inner.sources)
            return replace(inner, text=f"({inner.text} where {one_of(draw, *found)})") if found else inner
        case "total":
            inner = draw(metrics(where, depth - 1))
            names = sorted(common_dimensions(inner.sources))
            dropped = draw(st.lists(st.sampled_from(names), max_size=1)) if names else []
            return replace(inner, text=f"total({', '.join([inner.text, *dropped])})")
        case "function":
            inner = draw(metrics(where, depth - 1))
            form = one_of(draw, "coalesce({}, 0)", "nonempty({})", "nonempty({})", "({} * 2)", "(-({}))", "abs({})")
            return replace(inner, text=form.format(inner.text))
    first, other = draw(metrics(where, depth - 1)), draw(metrics(where, depth - 1))
    form = one_of(draw, "({0} + {1})", "({0} - {1})", "({0} / {1})", "({0} / {1})", "({0} * {1})")
    return Formula(form.format(first.text, other.text), first.sources | other.sources)


def common_dimensions(sources: frozenset[str]) -> frozenset[str]:
    """The dimensions that all of some sources have."""
    return frozenset.intersection(*(frozenset(DIMENSIONS[source]) for source in sources))


def shared_conditions(sources: frozenset[str]) -> list[str]:
    """Conditions that all of some sources understand."""
    written = {
        "channel": 'channel = "web"',
        "country": 'country != "jp"',
        "plan": 'plan = "gold"',
        "family": 'family = "toys"',
        "item": 'item = "x"',
        "weekday": "weekday < 5",
    }
    return [written[name] for name in sorted(common_dimensions(sources)) if name in written]


@st.composite
def _windows(draw: st.DrawFn, where: Where) -> str:
    least = RANK.get(where.grain or "year", 5)
    words = [f"todate({{}}, {each})" for each in ("day", "week", "month", "year") if RANK[each] >= least]
    if where.grain is None:
        words = []
    return one_of(draw, *(f"rolling({{}}, {each})" for each in ROLLED), "cumulative({})", "cumulative({})",
                  "before({})", "before({})", *words)  # fmt: skip
