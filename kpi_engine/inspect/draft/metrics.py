"""First metrics for the sources of a draft: counts, sums, averages, ratios, shares, times between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from kpi_engine.inspect.draft.facts import ColumnFacts
from kpi_engine.inspect.draft.guesses import SourceGuess
from kpi_engine.inspect.draft.naming import free, plural, quoted, singular, snake
from kpi_engine.inspect.draft.roles import is_category, is_free, is_measure, is_quantity, is_score, is_share, money
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Kind

_MOST_PER_SOURCE = 8
_OF_ONE = ("price", "unit", "each", "list")
_LEVELS = ("hand", "stock", "balance", "inventory", "level", "price_list")
_LOSSES = ("cancel", "return", "refund", "fail", "reject", "lost", "bounce", "churn", "unavailable", "declin")
_ENDS = ("deliver", "ship", "clos", "end", "resolv", "answer", "complet", "finish", "approv", "return", "cancel")


@dataclass(frozen=True, slots=True)
class DraftMetric:
    """A metric of the draft. `source` is the one it stands with."""

    name: str
    formula: str
    description: str
    source: str
    unit: str = ""


@dataclass(slots=True)
class Drafting:
    """Metrics so far; `names` are all names in use, `counts` the metric that counts the rows of each source."""

    guesses: Mapping[str, SourceGuess]
    names: set[str]
    metrics: list[DraftMetric] = field(default_factory=list)
    counts: dict[str, str] = field(default_factory=dict)
    durations: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, guess: SourceGuess, name: str, formula: str, description: str, unit: str = "") -> str:
        """One more metric; its name, which may be longer than asked for."""
        head, _, rest = name.partition("_")
        own = singular(guess.name)
        longer = f"{head}_{own}_{rest}" if head in ("total", "average") else f"{own}_{name}"
        chosen = free(name, self.names, [longer, f"{name}_in_{guess.name}"])
        self.names.add(chosen)
        self.metrics.append(DraftMetric(chosen, formula, description, guess.name, unit))
        return chosen


def draft_metrics(guesses: Mapping[str, SourceGuess], names: set[str]) -> Drafting:
    """Metrics for all sources that have a time. `names` are those that dimensions have taken."""
    drafting = Drafting(guesses, names)
    timed = [guess for guess in guesses.values() if guess.time is not None]
    for guess in timed:
        name = f"{singular(guess.name)}_count"
        drafting.counts[guess.name] = drafting.add(guess, name, f"count({quoted(guess.name)})", f"Rows of {guess.name}")
    holders = _holders(timed)
    for guess in timed:
        before = len(drafting.metrics)
        _add_amounts(drafting, guess)
        _add_ids(drafting, guess, holders)
        _add_shares(drafting, guess)
        _add_durations(drafting, guess)
        del drafting.metrics[before + _MOST_PER_SOURCE :]
    order = {name: number for number, name in enumerate(guesses)}
    drafting.metrics.sort(key=lambda metric: order[metric.source])
    return drafting


def _path(guess: SourceGuess, column: str) -> str:
    return f"{quoted(guess.name)}.{quoted(column)}"


# Amounts and quantities -----------------------------------------------------------------------------------------------


def _add_amounts(drafting: Drafting, guess: SourceGuess) -> None:
    _add_value(drafting, guess)
    for column in guess.facts.columns.values():
        name, path = snake(column.name), _path(guess, column.name)
        words = name.replace("_", " ")
        own = singular(guess.name)
        mean = (f"average_{name}", f"avg({path})", f"Mean {words} in {guess.name}")
        if money(column, guess) is not None or is_quantity(column, guess):
            if _adds_up(column, guess):
                total = f"{own}_{name}" if name.startswith("total") else f"total_{name}"
                added = drafting.add(guess, total, f"sum({path})", f"Sum of {words} in {guess.name}")
                _add_per_parent(drafting, guess, words, added)
            drafting.add(guess, *mean)
        elif is_share(column, guess):
            drafting.add(guess, *mean, "percent")
        elif is_score(column, guess) or is_measure(column, guess):
            drafting.add(guess, *mean)


def _adds_up(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether a sum over rows means something: not that of prices of one piece, nor of what is there day after day."""
    words = snake(column.name).split("_")
    if any(word in words for word in _LEVELS):
        return False
    is_part = guess.time is not None and "." in guess.time.value
    return not any(word in words for word in _OF_ONE) or (is_part and _quantity(guess) is None)


def _quantity(guess: SourceGuess) -> ColumnFacts | None:
    return next(
        (each for each in guess.facts.columns.values() if snake(each.name) in ("quantity", "qty", "units")), None
    )


def _add_value(drafting: Drafting, guess: SourceGuess) -> None:
    """Price times quantity, where a row has both."""
    quantity = _quantity(guess)
    prices = [
        each for each in guess.facts.columns.values() if snake(each.name) in ("price", "unit_price", "item_price")
    ]
    if quantity is None or not prices or money(prices[0], guess) is None:
        return
    formula = f"sum({_path(guess, prices[0].name)} * {quoted(quantity.name)})"
    name = f"{singular(guess.name)}_value"
    added = drafting.add(guess, name, formula, f"Sum of {prices[0].name} times {quantity.name} in {guess.name}")
    _add_per_parent(drafting, guess, "value", added)


def _add_per_parent(drafting: Drafting, guess: SourceGuess, words: str, total: str) -> None:
    """The sum for each row that the rows are a part of."""
    for parent in list(_wholes(drafting, guess))[:1]:
        one = singular(parent.name)
        formula = f"{total} / {drafting.counts[parent.name]}"
        drafting.add(guess, f"{snake(words)}_per_{one}", formula, f"Sum of {words}, for each row of {parent.name}")


def _wholes(drafting: Drafting, guess: SourceGuess) -> Iterator[SourceGuess]:
    """Counted sources of whose rows those of this one are parts."""
    borrowed = guess.time is not None and "." in guess.time.value
    part_of = guess.key if len(guess.key) > 1 else tuple(guess.references) if borrowed else ()
    for reference in guess.references.values():
        parent = drafting.guesses.get(reference.target)
        if parent is not None and parent.name in drafting.counts and reference.column in part_of:
            yield parent


# Who and what ---------------------------------------------------------------------------------------------------------


def _holders(timed: Sequence[SourceGuess]) -> dict[str, str]:
    """For each thing that is referred to the source with most of its ids: there it is counted."""
    best: dict[str, tuple[int, int, str]] = {}
    for guess in timed:
        for reference in guess.references.values():
            column = guess.facts.columns[reference.column]
            size = (column.distinct, column.present, guess.name)
            best[reference.target] = max(best.get(reference.target, size), size)
    return {target: source for target, (_, _, source) in best.items()}


def _add_ids(drafting: Drafting, guess: SourceGuess, holders: Mapping[str, str]) -> None:
    """How many different things the rows are about, and how many rows each has."""
    count = drafting.counts[guess.name]
    for reference in guess.references.values():
        column = guess.facts.columns[reference.column]
        parent = drafting.guesses.get(reference.target)
        if column.distinct == column.present or (parent is None and holders.get(reference.target) != guess.name):
            continue
        is_event = parent is not None and bool(parent.references)
        if parent is not None and not is_event and holders.get(reference.target) != guess.name:
            continue
        who = singular(reference.target) if parent is not None else reference.target
        name = f"{plural(who)}_with_{guess.name}" if is_event else f"active_{plural(who)}"
        ids = f"count(distinct {_path(guess, column.name)})"
        said = f"How many different {plural(who).replace('_', ' ')} stand in {guess.name}"
        active = drafting.add(guess, name, ids, said)
        drafting.add(guess, f"{guess.name}_per_{who}", f"{count} / {active}", f"Rows of {guess.name} for each {who}")


# Shares and times -----------------------------------------------------------------------------------------------------


def _add_shares(drafting: Drafting, guess: SourceGuess) -> None:
    count, source = drafting.counts[guess.name], quoted(guess.name)
    for column in guess.facts.columns.values():
        name = snake(column.name)
        if column.type.kind is Kind.BOOLEAN and is_free(column, guess):
            short = name.removeprefix("is_").removeprefix("has_")
            formula = f"count({source} where {quoted(column.name)}) / {count}"
            drafting.add(
                guess, f"{short}_share", formula, f"Share of {guess.name} that are {short.replace('_', ' ')}", "percent"
            )
        elif is_category(column, guess) and ("status" in name or "state" in name.split("_")):
            for value in _losses(column)[:1]:
                text = value.replace("\\", "\\\\").replace('"', '\\"')
                formula = f'count({source} where {quoted(column.name)} = "{text}") / {count}'
                short = f"{snake(value)}_share"
                drafting.add(guess, short, formula, f"Share of {guess.name} that are {text}", "percent")


def _losses(column: ColumnFacts) -> list[str]:
    values = [str(value) for value in column.most_frequent(50)]
    return [value for value in values if any(word in value.casefold() for word in _LOSSES)]


def _add_durations(drafting: Drafting, guess: SourceGuess) -> None:
    """How long it takes from a row's time to another time in it, where that comes later."""
    if guess.time is None or "." in guess.time.value:
        return
    begin = guess.facts.columns[guess.time.value]
    for column in guess.facts.columns.values():
        words = snake(column.name).split("_")
        ending = next((word for word in words if any(word.startswith(end) for end in _ENDS)), None)
        later = column.type.kind is begin.type.kind is Kind.TIMESTAMP and column.name != begin.name
        planned = any(word.startswith(("estimat", "expect", "plan", "due", "limit")) for word in words)
        if not later or ending is None or planned or column.present < 0.2 * column.rows:
            continue
        others = [name for name, _ in drafting.durations.get(guess.name, [])]
        made = free(f"time_to_{ending}", {*guess.facts.columns, *others})
        formula = f"{quoted(column.name)} - {quoted(begin.name)}"
        drafting.durations.setdefault(guess.name, []).append((made, formula))
        description = f"From {begin.name} to {column.name}, dated by {begin.name}"
        drafting.add(guess, f"average_{made}", f"avg({_path(guess, made)})", description)
