"""Drafts a project for a folder of tables, checks that it works, and writes it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kpi_engine import pipeline
from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.inspect.draft.cases import first_case
from kpi_engine.inspect.draft.facts import TableFacts, Unreadable, read_facts
from kpi_engine.inspect.draft.guesses import EntityGuess, SourceGuess, guess_sources
from kpi_engine.inspect.draft.metrics import DraftMetric, draft_metrics
from kpi_engine.inspect.draft.naming import free, quoted
from kpi_engine.inspect.draft.roles import categories, money
from kpi_engine.inspect.draft.tables import FoundTable, find_tables, table_of
from kpi_engine.inspect.draft.text import (
    Block,
    calendar_block,
    dimension_block,
    doubts_of,
    entity_block,
    metric_block,
    source_block,
    written,
)
from kpi_engine.inspect.wording import counted
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, Severity
from kpi_engine.ir.question import Question
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format_file
from kpi_engine.project import ProjectConfig
from kpi_engine.project.settings import DEFAULT_CONNECTION

SOURCES, METRICS, CASES = "sources.kpi", "metrics.kpi", "tests/metrics.kpitest"
_MOST_DIMENSIONS = 24
_MOST_ROUNDS = 40
_FAR_UP = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """The files of a drafted project by path, and what to say of it."""

    files: Mapping[str, str]
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    sources: int
    rows: int
    doubts: tuple[str, ...]
    best: tuple[str, ...] = ()
    """Metrics to look at first: those of the source of which most can be said."""
    split: str = ""
    """A dimension by which these can be split, if there is one."""


def draft_project(folder: Path, data: Path) -> Draft:
    """A project in `folder` for the tables in `data`. Nothing is written.

    `data` may be one file: the draft is of that table alone. Raises KpiError: E710 if there is no such folder,
    E604 if it holds no table that can be read.
    """
    root, tables_there = _tables_at(data)
    read = [read_facts(root, found) for found in tables_there]
    tables = [each for each in read if isinstance(each, TableFacts)]
    lost = [each for each in read if isinstance(each, Unreadable)]
    if not tables:
        reason = "; ".join(each.reason for each in lost) or "no file in it has an ending that is known"
        raise KpiError(Diagnostic("E604", f"{data} holds no tables: {reason}", exit_code=ExitCode.DATA))
    guesses, entities = guess_sources(tables)
    blocks, metrics = _blocks(guesses, entities)
    blocks = _sound(blocks, root)
    kept = {block.name for block in blocks if block.kind == "metric"}
    return _draft(folder, root, blocks, guesses, [metric for metric in metrics if metric.name in kept], lost)


def _tables_at(data: Path) -> tuple[Path, tuple[FoundTable, ...]]:
    """The folder and the tables that `--data` means; of one file, its folder and itself."""
    if data.is_file():
        return data.resolve().parent, table_of(data.resolve())
    if not data.is_dir():
        help = "--data names a folder of tables, or one file"
        raise KpiError(Diagnostic("E710", f"there is no {data}", help=help, exit_code=ExitCode.USAGE))
    return data.resolve(), find_tables(data.resolve())


def _blocks(
    guesses: Mapping[str, SourceGuess], entities: Sequence[EntityGuess]
) -> tuple[list[Block], Sequence[DraftMetric]]:
    """All declarations, and the metrics among them."""
    amounts = [
        found.currency
        for guess in guesses.values()
        for column in guess.facts.columns.values()
        if (found := money(column, guess)) is not None and found.currency is not None
    ]
    zones = [column.zone for guess in guesses.values() for column in guess.facts.columns.values() if column.zone]
    names: set[str] = set()
    dimensions = []
    for name, columns in list(categories(guesses).items())[:_MOST_DIMENSIONS]:
        chosen = free(name, names, [f"{columns[0][0].name}_{name}"])
        names.add(chosen)
        dimensions.append(dimension_block(chosen, columns))
    drafting = draft_metrics(guesses, names)
    only = amounts[0] if len(set(amounts)) == 1 else None
    blocks = [calendar_block(next((zone for zone in zones if zone != "UTC"), next(iter(zones), None)), only)]
    blocks += [source_block(guess, drafting.durations.get(guess.name, [])) for guess in guesses.values()]
    blocks += [entity_block(entity) for entity in entities]
    blocks += dimensions
    seen: set[str] = set()
    for metric in drafting.metrics:
        time = guesses[metric.source].time
        blocks.append(metric_block(metric, metric.source not in seen, time is not None and "." not in time.value))
        seen.add(metric.source)
    return blocks, drafting.metrics


def _draft(
    folder: Path,
    data: Path,
    blocks: Sequence[Block],
    guesses: Mapping[str, SourceGuess],
    drafted: Sequence[DraftMetric],
    lost: Sequence[Unreadable],
) -> Draft:
    rows = sum(guess.facts.rows for guess in guesses.values())
    doubts = [*doubts_of(guesses), *(f"{each.found.table} was left out: {each.reason}" for each in lost)]
    head = [
        f"Drafted from {counted(len(guesses), 'table')} with {counted(rows, 'row')}. All rows were read.",
        "What follows `guess:` is what speaks for a line: check the line, then delete the comment.",
    ]
    tail = ["Not sure:", *(f"- {doubt}" for doubt in doubts)] if doubts else []
    metrics = [block for block in blocks if block.kind == "metric"]
    about = [
        "First metrics: rename them, delete what nobody needs, add what is missing.",
        "Try `kpi eval NAME --grain month`, and `--by` with a dimension of sources.kpi.",
    ]
    texts = {
        SOURCES: written([block for block in blocks if block.kind != "metric"], head, tail),
        METRICS: written(metrics, about),
    }
    files = {"kpi.toml": _config(folder, data)}
    files |= {name: format_file(SourceText(name, text)) for name, text in texts.items()}
    dimensions = tuple(block.name for block in blocks if block.kind == "dimension")
    best, split = _first_question(blocks)
    richest = next((block.owner for block in metrics if block.name in best), None)
    case = None if richest is None else first_case(guesses[richest], drafted)
    if case is not None:
        files[CASES] = case
    names = tuple(each.name for each in metrics)
    return Draft(files, names, dimensions, len(guesses), rows, tuple(doubts), best, split)


def _first_question(blocks: Sequence[Block]) -> tuple[tuple[str, ...], str]:
    """The first metrics of the source with most of them, and a dimension over its own columns."""
    metrics = [block for block in blocks if block.kind == "metric"]
    if not metrics:
        return (), ""
    owners = [block.owner for block in metrics]
    own_time = [block.owner for block in metrics if block.dated]
    richest = max(dict.fromkeys(own_time or owners), key=owners.count)
    holding = f"{quoted(richest)}."
    split = next((block.name for block in blocks if block.kind == "dimension" and f" {holding}" in block.text), "")
    return tuple(block.name for block in metrics if block.owner == richest), quoted(split) if split else ""


def _config(folder: Path, data: Path) -> str:
    path = os.path.relpath(data.resolve(), folder.resolve())
    if Path(path).parts.count(os.pardir) > _FAR_UP:
        path = str(data.resolve())
    name = re.sub(r"[^\w .-]", "", folder.resolve().name) or "project"
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'name = "{name}"\n'
        'as_of = "data"              # the last day of the data; "now" once new data arrives every day\n\n'
        "[connections.default]\n"
        'connector = "files"\n'
        f'path = "{escaped}"  # the `table:` of every source is looked for in here\n'
    )


# What works -----------------------------------------------------------------------------------------------------------


def _sound(blocks: Sequence[Block], root: Path) -> list[Block]:
    """The declarations without those that would be an error, or whose answer would be one."""
    kept = list(blocks)
    config = _configuration(root)
    for _ in range(_MOST_ROUNDS):
        loaded = pipeline.load_texts(_texts(kept), config, {})
        broken = _broken(kept, loaded.diagnostics)
        if not broken:
            return _answered(kept, loaded)
        kept = [block for block in kept if block not in broken]
    return kept


def _configuration(root: Path) -> ProjectConfig:
    connection = ConnectionSettings(DEFAULT_CONNECTION, folder=str(root))
    return replace(ProjectConfig(root, as_of="data"), connections={DEFAULT_CONNECTION: connection})


def _texts(blocks: Iterable[Block]) -> list[SourceText]:
    """A text for each declaration, named by its kind and name, so that problems say which one they are about."""
    return [SourceText(f"{block.kind} {block.name}", block.text + "\n") for block in blocks]


def _broken(blocks: Sequence[Block], problems: Iterable[Diagnostic]) -> list[Block]:
    names = {each.span.source.name for each in problems if each.severity is not Severity.NOTE}
    found = [block for block in blocks if f"{block.kind} {block.name}" in names]
    # Metrics and dimensions go first: what is wrong with them may be all that is wrong.
    lighter = [block for block in found if block.kind in ("metric", "dimension", "entity")]
    return lighter or found


def _answered(blocks: list[Block], loaded: pipeline.Loaded) -> list[Block]:
    """The declarations without the metrics that cannot be computed on this data, and those made of them."""
    metrics = tuple(block.name for block in blocks if block.kind == "metric")
    if not metrics or _can_answer(loaded, metrics):
        return blocks
    failing = {name for name in metrics if not _can_answer(loaded, (name,))}
    return [block for block in blocks if block.kind != "metric" or block.name not in failing]


def _can_answer(loaded: pipeline.Loaded, metrics: tuple[str, ...]) -> bool:
    try:
        pipeline.run(pipeline.prepare(loaded, Question(metrics, grain="month"), "data"))
    except KpiError:
        return False
    return True
