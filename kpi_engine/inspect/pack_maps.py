"""A first `map` for each logical table of a pack, guessed from a connection's tables. Every guess is marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from kpi_engine import pipeline
from kpi_engine.extend.rows import ColumnRequest, Connector, ReadReport, ScanRequest, TableRequest
from kpi_engine.inspect.draft.naming import quoted, snake
from kpi_engine.inspect.synonyms import TABLE_NOISE, common_word
from kpi_engine.ir.catalog import Catalog, Column, Source, TableColumn, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.types import Kind
from kpi_engine.kernels.inspection import repeated_keys
from kpi_engine.kernels.states import joined
from kpi_engine.project import ProjectConfig
from kpi_engine.resolve.column_types import is_readable

_LEAST_TABLE, _LEAST_COLUMN = 0.45, 0.6


@dataclass(frozen=True, slots=True)
class Guess:
    """A logical table, the table that it seems to be (None: none found), and the column of each logical one."""

    source: Source
    table: str | None = None
    score: float = 0.0
    columns: Mapping[str, TableColumn] | None = None
    unique: bool | None = None


def draft_maps(pack: str, connection: str, config: ProjectConfig) -> str:
    """Definitions that map a pack to the tables of a connection, for people to go through.

    KpiError E620 if there is no such connection, E790 and others if the pack cannot be read.
    """
    text = SourceText("draft", f"calendar\n  currency: EUR\n\nuse {pack}\n")
    loaded = pipeline.load_texts((text,), config, {})
    if loaded.errors:
        raise KpiError(loaded.errors)
    connector = loaded.connectors.get(connection)
    if connector is None:
        help = did_you_mean(connection, loaded.connectors) or f"there are {', '.join(loaded.connectors)}"
        message = f"there is no connection `{connection}`"
        raise KpiError(Diagnostic("E620", message, help=help, exit_code=ExitCode.USAGE))
    schemas = dict(_schemas(connector))
    owners = loaded.linked.sources
    sources = [each for name, each in loaded.catalog.sources.items() if owners.get(name) == pack and not each.derived]
    guesses = [_with_key(connector, each) for each in assigned(sources, schemas)]
    return "\n".join(_written(pack, connection, guesses, loaded.catalog)) + "\n"


def _schemas(connector: Connector) -> Iterator[tuple[str, TableSchema]]:
    """The tables that can be read; one that cannot is nobody's."""
    for name in connector.tables():
        try:
            yield name, connector.schema(TableRequest((name,), source=name))
        except KpiError:
            continue


def assigned(sources: Sequence[Source], schemas: Mapping[str, TableSchema]) -> list[Guess]:
    """For each logical source the table that fits best; a table is taken once, by the source that it fits best."""
    pairs = [(_fit(source, name, schema), source.name) for source in sources for name, schema in schemas.items()]
    taken: set[str] = set()
    found: dict[str, Guess] = {}
    for guess, name in sorted(pairs, key=lambda pair: -pair[0].score):
        if guess.score >= _LEAST_TABLE and name not in found and guess.table not in taken:
            found[name] = guess
            taken.add(str(guess.table))
    return [found.get(source.name, Guess(source)) for source in sources]


def _fit(source: Source, table: str, schema: TableSchema) -> Guess:
    """How well a table fits: by its name, and by the part of the columns that it has."""
    stored = [each for each in source.columns.values() if each.computed is None]
    columns = matched(stored, schema, source.key)
    part = len(columns) / max(len(stored), 1)
    words = re.sub(r"\.[A-Za-z0-9]{2,7}$", "", table.replace("*", "")).replace("/", "_").replace(".", "_")
    name = likeness(source.name.rpartition(".")[2], words, noise=TABLE_NOISE)
    return Guess(source, table, 0.5 * name + 0.5 * part, columns)


def matched(stored: Iterable[Column], schema: TableSchema, key: Sequence[str]) -> dict[str, TableColumn]:
    """For each logical column the physical one that is most like it and can be read as its type."""
    scored = []
    for column in stored:
        for physical in schema.columns:
            if physical.type is None or not (schema.text or is_readable(physical.type, column.type)):
                continue
            score = likeness(column.name, physical.name)
            if key == (column.name,) and snake(physical.name) in ("id", "uuid", "key"):
                score = max(score, 0.85)
            if score >= _LEAST_COLUMN:
                scored.append((score, column.name, physical))
    found: dict[str, TableColumn] = {}
    taken: set[str] = set()
    for _, name, physical in sorted(scored, key=lambda each: (-each[0], each[1])):
        if name not in found and physical.name not in taken:
            found[name] = physical
            taken.add(physical.name)
    return found


def likeness(logical: str, physical: str, noise: frozenset[str] = frozenset()) -> float:
    """How much a name is like another: 1 the same, 0.9 the same in other words.

    >>> likeness("customer_id", "client_no"), likeness("total", "Total"), likeness("brand", "weight") < 0.6
    (0.9, 1.0, True)
    """
    one, other = snake(logical), snake(physical)
    if one == other:
        return 1.0
    wanted, given = _words(one), _words(other) - noise
    if wanted == given:
        return 0.9
    if wanted - {"id"} == given - {"id"}:
        return 0.75
    if wanted < given and not noise:
        return _LEAST_COLUMN
    shared = len(wanted & given) / max(len(wanted | given), 1)
    return max(0.8 * shared, 0.75 * difflib.SequenceMatcher(None, one, other).ratio())


def _words(name: str) -> frozenset[str]:
    return frozenset(common_word(word) for word in name.split("_") if word)


def _with_key(connector: Connector, guess: Guess) -> Guess:
    """The guess with whether the values of its key differ, where the key is one column."""
    key = guess.source.key
    physical = (guess.columns or {}).get(key[0]) if len(key) == 1 else None
    if physical is None or guess.table is None:
        return guess
    try:
        unique = _differ(connector, guess.table, physical.name)
    except KpiError:
        unique = None
    return Guess(guess.source, guess.table, guess.score, guess.columns, unique)


def _differ(connector: Connector, table: str, column: str) -> bool:
    request = ScanRequest(TableRequest((table,), source=table), (ColumnRequest(column, column),))
    arrays = [
        values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        for fragment in connector.scan(request).fragments()
        for batch in fragment.batches(ReadReport())
        for values in (batch.column(0),)
    ]
    return not arrays or not repeated_keys([joined(arrays)]).keys


# ---------------------------------------------------------------------------------------------------------------- text


def _written(pack: str, connection: str, guesses: Sequence[Guess], catalog: Catalog) -> Iterator[str]:
    found = sum(guess.table is not None for guess in guesses)
    yield f"# Drafted: {found} of the {len(guesses)} tables of the pack {pack}, from the connection `{connection}`."
    yield "# Each line with `review` is a guess: look at it, mend it, delete the mark. `kpi check` tells what is left."
    yield ""
    yield f"use {pack}"
    for guess in guesses:
        yield ""
        name = f"{pack}.{guess.source.name.rpartition('.')[2]}"
        if guess.table is None or guess.columns is None:
            yield f"# review: no table found for {name} ({guess.source.description or 'no description'})"
            continue
        stored = [each for each in guess.source.columns.values() if each.computed is None]
        yield f'map {name} to "{guess.table}"  # review: {len(guess.columns)} of {len(stored)} columns found'
        if connection != "default":
            yield f"  connection: {quoted(connection)}"
        yield from _columns(guess, stored)


def _columns(guess: Guess, stored: Sequence[Column]) -> Iterator[str]:
    assert guess.columns is not None
    same = [each.name for each in stored if each.name in guess.columns and guess.columns[each.name].name == each.name]
    for column in stored:
        physical = guess.columns.get(column.name)
        if physical is not None and physical.name != column.name:
            yield f"  {column.name} = {quoted(physical.name)}  # review: {_doubt(guess, column, physical)}"
    if same:
        yield f"  # as they are called: {', '.join(same)}{_key_doubt(guess, same)}"
    lacking = [f"{each.name} ({_type(each)})" for each in stored if each.name not in guess.columns]
    if lacking:
        yield f"  # review: not found: {', '.join(lacking)}"


def _doubt(guess: Guess, column: Column, physical: TableColumn) -> str:
    parts = [f"{physical.physical} for {_type(column)}"]
    if _type(column) == "currency" and physical.type is not None and physical.type.kind is Kind.INTEGER:
        parts.append(f"whole numbers: are they cents? then write `{quoted(physical.name)} / 100`")
    return ", ".join(parts) + _key_doubt(guess, [column.name])


def _type(column: Column) -> str:
    """A type as a pack declares it; the currency is the project's."""
    return str(column.type).partition("(")[0]


def _key_doubt(guess: Guess, names: Sequence[str]) -> str:
    if guess.unique is None or guess.source.key[0] not in names:
        return ""
    differ = "differ in all rows" if guess.unique else "do not differ in all rows: this is no key"
    return f"; the values of {guess.source.key[0]} {differ}"
