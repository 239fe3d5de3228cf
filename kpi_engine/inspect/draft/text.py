"""The texts of a draft: declarations one by one, each guess with its evidence in a comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kpi_engine.inspect.draft.facts import ColumnFacts, TableFacts
from kpi_engine.inspect.draft.guesses import EntityGuess, SourceGuess
from kpi_engine.inspect.draft.metrics import DraftMetric
from kpi_engine.inspect.draft.naming import quoted
from kpi_engine.inspect.draft.roles import is_category, money
from kpi_engine.inspect.wording import counted, listed
from kpi_engine.ir.catalog import OptionValue
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Kind

_SHOWN = 5
_RULE = 64
_LONGEST = 24
_FILE_OPTIONS = ("format", "delimiter", "encoding", "header", "names", "decimal", "thousands", "null_values")


@dataclass(frozen=True, slots=True)
class Block:
    """One declaration of a draft; `title` is a comment line above the first one of its part.

    `owner` is the source that a metric is about, and `dated` tells that its rows have a time of their own.
    """

    kind: str
    name: str
    text: str
    title: str = ""
    owner: str = ""
    dated: bool = False


def calendar_block(zone: str | None, currency: str | None) -> Block:
    """The calendar."""
    known = "guess: the zone of the timestamps" if zone else "guess: nothing says which; write yours, as Europe/Berlin"
    lines = ["calendar", f'  timezone: "{zone or "UTC"}"  # {known}']
    if currency is not None:
        lines.append(f"  currency: {currency}  # guess: the currency of the amounts")
    return Block("calendar", "calendar", "\n".join(lines))


def source_block(guess: SourceGuess, durations: Sequence[tuple[str, str]]) -> Block:
    """A source with everything that was found out about its table."""
    facts = guess.facts
    rows = counted(facts.rows, "row")
    files = f", {counted(len(facts.found.files), 'file')}" if facts.found.several else ""
    lines = [f"source {quoted(guess.name)}", f'  table: "{_escaped(facts.found.table)}"  # {rows}{files}']
    options = [name for name in _FILE_OPTIONS if name in facts.options]
    lines += [f"  {name}: {_option(facts.options[name])}{_why(name)}" for name in options]
    lines += [f'  {name}: "{format}"{_why(name)}' for name, format in _formats(facts).items()]
    if facts.lacking:
        lines.append(f"  missing_columns: null  # guess: {'; '.join(facts.lacking)}")
    if guess.key:
        key = quoted(guess.key[0]) if len(guess.key) == 1 else f"[{', '.join(map(quoted, guess.key))}]"
        lines.append(f"  key: {key}  # guess: {guess.key_evidence}")
    if guess.time is not None:
        time = guess.time.value if "." in guess.time.value else quoted(guess.time.value)
        lines.append(f"  time: {time}  # guess: {guess.time.evidence}")
    lines += [line for column in facts.columns.values() for line in _column(column, guess)]
    for name, formula in durations:
        lines.append(f"  column {quoted(name)}: duration = {formula}")
    return Block("source", guess.name, "\n".join(lines))


def _formats(facts: TableFacts) -> dict[str, str]:
    """Formats that hold for all dates, or all timestamps, of a table."""
    found = {}
    for kind, name in ((Kind.DATE, "date_format"), (Kind.TIMESTAMP, "timestamp_format")):
        formats = {column.guess.format for column in facts.of_kind(kind) if column.stored is None}
        if len(formats) == 1 and (format := formats.pop()) is not None:
            found[name] = format
    return found


def _why(name: str) -> str:
    return {
        "names": "  # headers such as `Order ID` become names such as `order_id`",
        "null_values": "  # guess: words that stand for nothing",
        "encoding": "  # guess: not UTF-8",
        "header": "  # guess: the first line holds values",
    }.get(name, "")


def _option(value: OptionValue) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return value if value in ("tab", "snake_case") else f'"{_escaped(value)}"'
    return f"[{', '.join(f'{chr(34)}{_escaped(each)}{chr(34)}' for each in value)}]"


def _column(column: ColumnFacts, guess: SourceGuess) -> Iterator[str]:
    """The line of a column, if there is anything to say that the table does not say itself."""
    facts = guess.facts
    amount = money(column, guess)
    type = f"currency({amount.currency})" if amount is not None and amount.currency else column.type.kind.value
    if column.type.unit.is_duration:
        type = "duration"
    reference = guess.references.get(column.name)
    changed = column.stored is None or column.stored.kind is not column.type.kind
    typed = f": {type}" if changed or (amount is not None and amount.currency) else ""
    if not typed and reference is None:
        return
    arrow = "" if reference is None else f" -> {quoted(reference.target)}"
    format = column.guess.format
    own = format is not None and format not in _formats(facts).values()
    stored = f' from "{_escaped(column.name)}" format "{format}"' if own else ""
    notes = []
    if reference is not None:
        notes.append(f"guess: {reference.evidence}")
    elif amount is not None and amount.currency:
        notes.append(f"guess: {amount.evidence}")
    elif is_category(column, guess):
        notes.append(f"{counted(column.distinct, 'value')}: {_values(column)}")
    missing = column.rows - column.present
    if missing and facts.rows:
        notes.append("always empty" if missing == column.rows else f"{counted(missing, 'row')} without")
    comment = f"  # {'; '.join(notes)}" if notes else ""
    yield f"  column {quoted(column.name)}{typed}{arrow}{stored}{comment}"


def _values(column: ColumnFacts) -> str:
    if column.type.kind is Kind.BOOLEAN:
        return "true, false"
    shown = [" ".join(str(value).split())[:_LONGEST] for value in column.most_frequent(_SHOWN)]
    return listed(shown, column.distinct - len(shown))


def entity_block(entity: EntityGuess) -> Block:
    """An entity."""
    text = f"entity {quoted(entity.name)}  # guess: {entity.evidence}\n  counted_in: {quoted(entity.counted_in)}"
    return Block("entity", entity.name, text)


def dimension_block(name: str, columns: Sequence[tuple[SourceGuess, ColumnFacts]]) -> Block:
    """A dimension over the columns that hold it."""
    paths = ", ".join(f"{quoted(guess.name)}.{quoted(column.name)}" for guess, column in columns)
    column = columns[0][1]
    comment = f"{counted(column.distinct, 'value')}: {_values(column)}"
    return Block("dimension", name, f"dimension {quoted(name)} = {paths}  # {comment}")


def metric_block(metric: DraftMetric, first: bool, dated: bool) -> Block:
    """A metric; the first one of a source stands below its name."""
    lines = [f"{quoted(metric.name)} = {metric.formula}"]
    if metric.unit:
        lines.append(f"  unit: {metric.unit}")
    lines.append(f'  description: "{_escaped(metric.description)}"')
    title = f"# {'-' * _RULE} {metric.source}" if first else ""
    return Block("metric", metric.name, "\n".join(lines), title, metric.source, dated)


def written(blocks: Sequence[Block], head: Sequence[str], tail: Sequence[str] = ()) -> str:
    """The text of a file: a head of comment lines, the blocks, and comment lines below them."""
    parts = ["\n".join(f"# {line}" for line in head)]
    previous = ""
    for block in blocks:
        gap = "\n" if block.kind == previous and block.kind == "dimension" else "\n\n"
        title = f"{block.title}\n\n" if block.title else ""
        parts.append(f"{gap}{title}{block.text}")
        previous = block.kind
    text = "".join(parts) + "\n"
    if tail:
        text += "\n" + "\n".join(f"# {line}".rstrip() for line in tail) + "\n"
    return text


def doubts_of(guesses: Mapping[str, SourceGuess]) -> list[str]:
    """What the draft is not sure of, a sentence a line."""
    found = []
    for guess in guesses.values():
        found += [*guess.facts.doubts, *guess.doubts]
        for column in guess.facts.columns.values():
            found += [f"`{column.name}` of {guess.name}: {doubt}" for doubt in column.guess.doubts]
    amounts = [
        f"{guess.name}.{column.name}"
        for guess in guesses.values()
        for column in guess.facts.columns.values()
        if (found_money := money(column, guess)) is not None and found_money.currency is None
    ]
    if amounts:
        more = max(0, len(amounts) - _SHOWN)
        verb = "look" if len(amounts) > 1 else "looks"
        named = listed(amounts[:_SHOWN], more)
        found.append(f"{named} {verb} like money: say in what, as `column price: currency(EUR)`")
    untimed = [guess.name for guess in guesses.values() if guess.time is None]
    if untimed:
        verb = "have" if len(untimed) > 1 else "has"
        found.append(f"{listed(untimed)} {verb} no time: looked up by others, but not counted in periods")
    return list(dict.fromkeys(" ".join(doubt.split()) for doubt in found))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
