"""What tables are made of: keys, times, references, entities; each guess with its evidence."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import combinations

from kpi_engine.inspect.draft.facts import ColumnFacts, TableFacts
from kpi_engine.inspect.draft.naming import is_id, quoted, singular, snake, stem
from kpi_engine.inspect.wording import counted, number, share, verb
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Kind

_TIMES = (Kind.DATE, Kind.TIMESTAMP)
_KEYS = (Kind.TEXT, Kind.INTEGER, Kind.DATE)
_GOOD_TIMES = (
    *("order", "purchas", "creat", "event", "start", "open", "plac", "post", "paid", "visit", "sold", "sale", "bill"),
    *("invoice", "transaction", "timestamp", "request", "ask", "sign", "join", "register", "time", "date", "day", "at"),
)
_OTHER_TIMES = (
    *("estimat", "expect", "due", "limit", "updat", "modif", "end", "deliver", "clos", "birth", "valid", "expir", "to"),
    *("ship", "approv", "answer", "resolv", "cancel", "return", "last", "carrier", "until", "deadline"),
)
_COUNTS = frozenset(["item", "line", "seq", "sequential", "position", "number", "no", "nr", "index", "day", "date"])
_LONGEST_ID = 40
_FEW = 0.3
_ENOUGH_FOUND = 0.5
_SURELY_ALIKE = 20
_MOST_PAIRED = 8


@dataclass(frozen=True, slots=True)
class Guess:
    """What was guessed, and what speaks for it."""

    value: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ReferenceGuess:
    """A column that refers to another table by one of its columns, or to an entity."""

    column: str
    target: str
    evidence: str
    to_entity: bool = False


@dataclass(slots=True)
class SourceGuess:
    """What a table seems to be."""

    facts: TableFacts
    key: tuple[str, ...] = ()
    key_evidence: str = ""
    time: Guess | None = None
    references: dict[str, ReferenceGuess] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.facts.name


@dataclass(frozen=True, slots=True)
class EntityGuess:
    """Ids without a table of their own, the source in which they are counted, and what speaks for it."""

    name: str
    counted_in: str
    evidence: str


def guess_sources(tables: Sequence[TableFacts]) -> tuple[dict[str, SourceGuess], list[EntityGuess]]:
    """What all tables seem to be, and the entities in them."""
    guesses = {facts.name: SourceGuess(facts) for facts in tables}
    for guess in guesses.values():
        _guess_key(guess)
        _guess_time(guess)
    for guess in guesses.values():
        _guess_references(guess, guesses)
    for guess in guesses.values():
        _borrow_time(guess, guesses)
    return guesses, _entities(guesses)


# Keys -----------------------------------------------------------------------------------------------------------------


def _guess_key(guess: SourceGuess) -> None:
    """The column, or the two, that tell rows apart: named like an id first, then further to the left."""
    facts = guess.facts
    columns = facts.of_kind(*_KEYS)
    single = [column for column in columns if column.unique and column.type.kind is not Kind.DATE]
    names = list(facts.columns)
    single.sort(key=lambda column: (-_id_score(column.name, facts.name), names.index(column.name)))
    if single and (_id_score(single[0].name, facts.name) > 0 or _could_be_id(single[0], facts)):
        guess.key = (single[0].name,)
        guess.key_evidence = f"{number(single[0].distinct)} distinct in {counted(facts.rows, 'row')}"
        return
    guess.doubts += list(_nearly_keys(facts, columns))
    pair = _pair(facts)
    if pair:
        guess.key = pair
        guess.key_evidence = f"each pair once in {counted(facts.rows, 'row')}"
        dates = [name for name in pair if facts.columns[name].type.kind is Kind.DATE]
        if dates:
            guess.doubts.append(
                f"{facts.name} has one row for each {' and '.join(pair)}: if a row says how things stand on that day, "
                "add `snapshot: day`, so that nothing is added up over days"
            )


def _nearly_keys(facts: TableFacts, columns: Sequence[ColumnFacts]) -> Iterator[str]:
    """Columns named like the table's own id that some rows lack or share."""
    for column in columns:
        if _id_score(column.name, facts.name) < 2 or not column.present:
            continue
        would_be = f"`{column.name}` would be the key of {facts.name}, but"
        missing, repeated = facts.rows - column.present, column.present - column.distinct
        if missing and missing <= _FEW * facts.rows:
            yield f"{would_be} {share(missing, facts.rows)} {verb(missing, 'has', 'have')} none"
        if repeated and repeated <= _FEW * facts.rows:
            yield f"{would_be} {counted(repeated, 'row')} {verb(repeated, 'repeats', 'repeat')} the id of another"


def _id_score(column: str, table: str) -> int:
    """How much a name speaks for the id of a table's own rows."""
    if not is_id(column):
        return 0
    whose = stem(column)
    own = singular(table)
    return 3 if whose in ("", own, table) else 2 if own.endswith(whose) or whose.endswith(own) else 1


def _could_be_id(column: ColumnFacts, facts: TableFacts) -> bool:
    """Whether a column without an id's name looks like one: first, all different, of short words, and no rival."""
    rivals = any(is_id(name) for name in facts.columns)
    first = next(iter(facts.columns)) == column.name
    values = [str(each) for each in column.tally.values.slice(0, 100).to_pylist()]
    short = all(" " not in each and len(each) < _LONGEST_ID for each in values)
    return first and not rivals and short and column.rows > 1 and column.type.kind is Kind.TEXT


def _pair(facts: TableFacts) -> tuple[str, str] | None:
    """Two columns whose pairs could tell rows apart, judged by the number of their values; verified when it is read."""
    likely = [
        column
        for column in facts.of_kind(*_KEYS)
        if column.present == facts.rows and 1 < column.distinct < facts.rows and (is_id(column.name) or _counts(column))
    ][:_MOST_PAIRED]
    for first, second in combinations(likely, 2):
        ids = is_id(first.name) + is_id(second.name)
        if ids and first.distinct * second.distinct >= facts.rows and facts.pairs_are_unique(first.name, second.name):
            return first.name, second.name
    return None


def _counts(column: ColumnFacts) -> bool:
    return not _COUNTS.isdisjoint(snake(column.name).split("_"))


# Times ----------------------------------------------------------------------------------------------------------------


def _guess_time(guess: SourceGuess) -> None:
    facts = guess.facts
    times = [column for column in facts.of_kind(*_TIMES) if column.present > 0.5 * facts.rows and facts.rows]
    names = list(facts.columns)
    times.sort(key=lambda column: (-_time_score(column, facts), names.index(column.name)))
    if not times:
        return
    best, *others = times
    filled = "every row has one" if best.present == facts.rows else f"{share(best.present, facts.rows)} have one"
    guess.time = Guess(best.name, f"{filled}, {_day(best.low)} to {_day(best.high)}")
    rivals = [each for each in others if _time_score(each, facts) >= _time_score(best, facts) - 0.5]
    guess.doubts += [f"`time:` of {facts.name} could also be `{each.name}`" for each in rivals[:2]]


def _time_score(column: ColumnFacts, facts: TableFacts) -> float:
    words = snake(column.name).split("_")
    good = any(word.startswith(each) for word in words for each in _GOOD_TIMES if len(each) > 2 or word == each)
    other = any(word.startswith(each) for word in words for each in _OTHER_TIMES if len(each) > 2 or word == each)
    own = any(word.startswith(singular(facts.name)[:5]) for word in words)
    return 2 * (column.present / facts.rows) + good + own - 2 * other


def _day(value: object) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, datetime.date) else str(value)


def _borrow_time(guess: SourceGuess, guesses: Mapping[str, SourceGuess]) -> None:
    """Rows without a time of their own have that of the row they belong to."""
    if guess.time is not None:
        return
    for reference in guess.references.values():
        parent = guesses.get(reference.target)
        if parent is not None and parent.time is not None and "." not in parent.time.value:
            path = f"{quoted(parent.name)}.{quoted(parent.time.value)}"
            guess.time = Guess(path, f"its rows have no time of their own, but belong to {parent.name}")
            return


# References -----------------------------------------------------------------------------------------------------------


def _guess_references(guess: SourceGuess, guesses: Mapping[str, SourceGuess]) -> None:
    """Columns whose values are keys of another table: the names go together, or the values leave no doubt."""
    for column in guess.facts.of_kind(Kind.TEXT, Kind.INTEGER):
        found = [
            (score, found, target)
            for target in guesses.values()
            if target is not guess and len(target.key) == 1
            if guess.key != (column.name,) or not _owns(guess, target)
            for score, found in [_alike(column, target)]
            if score > 0
        ]
        if not found:
            continue
        score, contained, target = max(found, key=lambda each: (each[0], each[1]))
        if score >= 2:
            evidence = f"{share(contained, column.distinct, 'value')} {verb(contained, 'is', 'are')} in {target.name}"
            guess.references[column.name] = ReferenceGuess(column.name, target.name, evidence)
        else:
            guess.doubts.append(
                f"`{column.name}` of {guess.name} may refer to {target.name}: "
                f"{share(contained, column.distinct, 'value')} are there"
            )


def _owns(guess: SourceGuess, target: SourceGuess) -> bool:
    """Whether of two tables with one key it is the first whose rows the key means."""
    return _id_score(guess.key[0], guess.name) >= _id_score(target.key[0], target.name)


def _alike(column: ColumnFacts, target: SourceGuess) -> tuple[int, int]:
    """How sure a reference is (2: take it, 1: mention it, 0: no), and how many of the values are keys of the target."""
    key = target.facts.columns[target.key[0]]
    if key.type.kind is not column.type.kind or not column.distinct or column.type.unit != key.type.unit:
        return 0, 0
    named = _names_go_together(column.name, key.name, target.name)
    if not named and (column.type.kind is not Kind.TEXT or not is_id(column.name)):
        return 0, 0
    contained = column.distinct - len(column.tally.missing_from(key.tally.values))
    if named:
        return (3 if column.name == key.name else 2) if contained >= _ENOUGH_FOUND * column.distinct else 0, contained
    if contained == column.distinct and contained >= _SURELY_ALIKE:
        return 2, contained
    return (1 if contained >= 0.9 * column.distinct and contained >= 3 else 0), contained


def _names_go_together(column: str, key: str, table: str) -> bool:
    name, own = snake(column), snake(key)
    whose = stem(name)
    if name == own and (is_id(name) or stem(own) != own):
        return True
    words = (table, singular(table), stem(own))
    return is_id(name) and any(word and (whose == word or whose.endswith(f"_{word}")) for word in words)


# Entities -------------------------------------------------------------------------------------------------------------


def _entities(guesses: Mapping[str, SourceGuess]) -> list[EntityGuess]:
    """Ids that are no key and refer to no table; those of one name in several tables are the same."""
    things = {word for name in guesses for word in (name, singular(name))}
    holders: dict[str, list[tuple[SourceGuess, ColumnFacts]]] = {}
    for guess in guesses.values():
        for column in guess.facts.of_kind(Kind.TEXT, Kind.INTEGER):
            whose = stem(column.name)
            free = column.name not in guess.references and guess.key != (column.name,)
            if is_id(column.name) and free and whose and whose not in things and _is_somebody(column, guess):
                holders.setdefault(whose, []).append((guess, column))
    found = []
    for whose, columns in holders.items():
        timed = [each for each in columns if each[0].time is not None]
        if not timed or f"{whose}s" in things:
            continue
        best, column = max(timed, key=lambda each: each[1].distinct)
        for guess, each in columns:
            evidence = f"{counted(each.distinct, 'different value')} in {counted(each.present, 'row')}"
            guess.references[each.name] = ReferenceGuess(each.name, whose, evidence, to_entity=True)
        evidence = f"{counted(column.distinct, 'id')}, and no table of their own"
        found.append(EntityGuess(whose, best.name, evidence))
    return found


def _is_somebody(column: ColumnFacts, guess: SourceGuess) -> bool:
    """Whether ids mean things that act or are acted on: several, and not a number of the row within another."""
    small = column.distinct <= 50 and column.type.kind is Kind.INTEGER
    coded = snake(column.name).endswith(("_code", "_no", "_nr", "_number"))
    return column.distinct > 1 and not small and not coded
