"""What is known of a name, as facts to print."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from textwrap import dedent
from typing import TYPE_CHECKING

from kpi_engine.cli.output import surface_of
from kpi_engine.ir.catalog import Catalog, Column, Dimension, Entity, Grain, Metric, Source, spelled
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import Span

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kpi_engine import Project

_UNNAMED = "(no description)"

_NARROWEST_DESCRIPTION = 20
"""Terminal cells below which a column of descriptions is harder to read than none."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A name, what kind of thing it is, what it means, and labelled facts; a fact may have several lines."""

    name: str
    kind: str
    meaning: str
    rows: tuple[tuple[str, str], ...]


def facts_about(project: Project, name: str) -> list[Facts]:
    """Facts of everything of that name: a metric and a source may share one."""
    catalog = project.catalog
    name = project.known_name(name)
    found: list[Facts] = []
    if name in catalog.metrics:
        found.append(_metric(project, catalog.metrics[name]))
    if name in catalog.dimensions:
        found.append(_dimension(project, catalog.dimensions[name]))
    for source in catalog.sources.values():
        if name in (source.name, source.singular) and (name == source.name or not found):
            found.append(_source(project, source))
    for entity in catalog.entities.values():
        if name in (entity.name, entity.plural):
            found.append(_entity(catalog, entity))
    if name in catalog.grains:
        found.append(_grain(catalog.grains[name]))
    return found


def print_facts(facts: Facts) -> None:
    """Print to standard output."""
    from rich.table import Table
    from rich.text import Text

    from kpi_engine.present.cells import safe_text
    from kpi_engine.present.table import print_all

    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, value in facts.rows:
        lines = [safe_text(line) for line in value.split("\n")]
        grid.add_row(Text(f"  {label}"), Text("\n".join(lines)))
    title = Text.assemble((facts.name, "bold"), (f"  {facts.kind}", "dim"))
    meaning = Text(f"  {safe_text(facts.meaning)}" if facts.meaning else f"  {_UNNAMED}")
    print_all([title, meaning, Text(""), grid, Text("")], sys.stdout.buffer, surface_of(sys.stdout))


def print_list(rows: Sequence[tuple[str, str, str]]) -> None:
    """Names, units and descriptions, a line each. On a narrow terminal descriptions are folded, or stand below."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from kpi_engine.present.cells import safe_text
    from kpi_engine.present.table import print_all

    surface = surface_of(sys.stdout)
    if not surface.terminal:  # a line is a line, as long as it is
        columns = zip(*rows, strict=True)
        longest = sum(max(cell_len(text) for text in column) + 2 for column in columns)
        surface = replace(surface, width=max(surface.width, longest))
    beside = surface.width - max((len(name) + len(unit) + 4 for name, unit, _ in rows), default=0)
    if surface.terminal and beside < _NARROWEST_DESCRIPTION:
        print_all(_stacked(rows), sys.stdout.buffer, surface)
        return
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold", no_wrap=not surface.terminal)
    for name, unit, description in rows:
        grid.add_row(Text(name), Text(unit), Text(safe_text(description)))
    if rows:
        print_all([grid], sys.stdout.buffer, surface)


def _stacked(rows: Sequence[tuple[str, str, str]]) -> Iterator[RenderableType]:
    """A name and its unit on a line, the description indented below; what is longer than a line is folded."""
    from rich.padding import Padding
    from rich.text import Text

    from kpi_engine.present.cells import safe_text

    for name, unit, description in rows:
        yield Text.assemble((name, "bold"), "  ", (unit, "dim"), overflow="fold")
        if description:
            yield Padding(Text(safe_text(description)), (0, 0, 0, 2))


def _metric(project: Project, metric: Metric) -> Facts:
    from kpi_engine.present.values import metric_text

    catalog = project.catalog
    by = project.splits(metric.name)
    dimensions = [name for name in by if name in catalog.dimensions]
    columns = [name for name in by if name not in catalog.dimensions]
    used_by = [other.name for other in catalog.metrics.values() if metric.name in other.uses]
    rows = [
        ("formula", _formula(metric)),
        ("unit", str(metric.display)),
        ("better", metric.better or ""),
        ("target", "" if metric.target is None else metric_text(_number(metric.target.value), metric.display)),
        ("reads", ", ".join(metric.sources)),
        ("uses", ", ".join(metric.uses)),
        ("used by", ", ".join(used_by)),
        ("split by", ", ".join(dimensions) or "no declared dimension"),
        ("or column", ", ".join(columns)),
        ("adds up", "yes" if metric.additive else _not_additive(metric)),
        ("periods", "a longer period is not the sum of shorter ones" if metric.grain_dependent else ""),
        ("estimates", "\n".join(map(str, metric.estimates))),
        ("tags", ", ".join(metric.tags)),
        ("owner", metric.owner),
        ("since", metric.since or ""),
        ("deprecated", _deprecated(metric)),
        ("pack", _pack(project, metric.pack, metric.span)),
        ("disabled", needed_columns(catalog, metric) if metric.lacks else ""),
        ("defined", _place(metric.span)),
    ]
    return Facts(metric.name, f"metric, {metric.display}", metric.description, _known(rows))


def needed_columns(catalog: Catalog, metric: Metric) -> str:
    """The columns that nothing is mapped to and that a metric reads: `needs sales.returns: order_id, refund`."""
    from kpi_engine.resolve.packs_missing import columns_by_source, shown_source

    parts = columns_by_source(catalog, metric.needs)
    told = (": ".join(filter(None, (shown_source(catalog, name), ", ".join(parts[name])))) for name in parts)
    return f"needs {'; '.join(told)}"


def _dimension(project: Project, dimension: Dimension) -> Facts:
    metrics = [
        metric.name for metric in project.catalog.metrics.values() if dimension.name in project.splits(metric.name)
    ]
    sources = ", ".join(source for source, _ in dimension.values) or "every source with a time"
    rows = [
        ("written", _text(dimension.span)),
        ("type", str(dimension.type)),
        ("from", sources),
        ("splits", ", ".join(metrics) or "no metric"),
        ("defined", _place(dimension.span)),
    ]
    return Facts(dimension.name, "dimension", dimension.description, _known(rows))


def _source(project: Project, source: Source) -> Facts:
    catalog = project.catalog
    readers = [metric.name for metric in catalog.metrics.values() if source.name in metric.sources]
    connection = "" if source.connection == "default" else source.connection
    rows = [
        ("table", "none: not mapped" if source.unmapped else ", ".join(source.table)),
        ("rows", _derivation(source)),
        ("connection", connection),
        ("key", ", ".join(source.key) or "none: nothing can refer to its rows"),
        ("time", source.time or "none: it is only looked up"),
        ("time zone", source.timezone or ""),
        ("one row", source.singular if source.singular != source.name else ""),
        ("columns", "\n".join(_column(each, source.missing) for each in source.columns.values())),
        ("read by", ", ".join(readers)),
        ("owner", source.owner),
        ("pack", _pack(project, source.pack, source.span)),
        ("defined", _place(source.span)),
    ]
    return Facts(source.name, "source", source.description, _known(rows))


def _derivation(source: Source) -> str:
    """How the rows of a derived source come from those of another."""
    derived = source.derived
    if derived is None:
        return ""
    match derived.kind:
        case "filter":
            return f"of {derived.base}, some"
        case "latest":
            return f"of {derived.base}, the latest of each {', '.join(derived.keys)}"
        case "pairs":
            return f"pairs of {derived.base}.{derived.column} in each {', '.join(derived.keys)}"
    return f"elements of {derived.base}.{derived.column}"


def _entity(catalog: Catalog, entity: Entity) -> Facts:
    columns = [
        f"{source.name}.{column.name}"
        for source in catalog.sources.values()
        for column in source.columns.values()
        if column.reference is not None and column.reference.target == entity.name
    ]
    rows = [
        ("plural", entity.plural),
        ("ids in", ", ".join(columns)),
        ("counted in", entity.counted_in or "no single source"),
        ("defined", _place(entity.span)),
    ]
    return Facts(entity.name, "entity", entity.description, _known(rows))


def _grain(grain: Grain) -> Facts:
    connection = "" if grain.table.connection == "default" else grain.table.connection
    rows = [
        ("table", ", ".join(grain.table.table)),
        ("connection", connection),
        ("time", grain.time),
        ("label", grain.label or "none: periods are called by their first day"),
        ("owner", grain.owner),
        ("defined", _place(grain.span)),
    ]
    return Facts(grain.name, "grain", grain.description, _known(rows))


def _pack(project: Project, name: str, place: Span) -> str:
    """The pack that something comes from, and whether this project replaces it."""
    if not name:
        return ""
    here = any(place.source is text for text in project.texts)
    return f"{name} {project.catalog.packs[name].version}{', replaced in this project' if here else ''}"


def _column(column: Column, missing: Collection[str]) -> str:
    reference = column.reference
    target = f" -> {reference.target}.{reference.target_column}" if reference and reference.target_column else ""
    if reference and not target:
        target = f" -> {reference.target}"
    computed = " (computed)" if column.computed is not None else ""
    physical = spelled(column.physical, column.path)
    stored = f' from "{physical}"' if physical and physical != column.name else ""
    lacking = " (missing)" if column.name in missing and column.computed is None else ""
    return f"{column.name}: {column.type}{target}{stored}{computed}{lacking}"


def _formula(metric: Metric) -> str:
    declaration = metric.declaration
    return _text(declaration.value.span) if declaration is not None else ""


def _text(span: Span) -> str:
    """The author's text with its lines moved to the left."""
    first, line_end, rest = span.text.rstrip().partition("\n")
    return first + line_end + dedent(rest)


def _not_additive(metric: Metric) -> str:
    return f"no: {metric.not_additive_because}" if metric.not_additive_because else "no"


def _deprecated(metric: Metric) -> str:
    if metric.deprecated is None:
        return ""
    instead = f"; use {metric.replaced_by}" if metric.replaced_by else ""
    return f"{metric.deprecated}{instead}"


def _number(value: object) -> object:
    return float(value) if isinstance(value, Fraction) else value


def _place(span: Span) -> str:
    return f"{span.source.name}:{span.line}" if span.source.text else ""


def _known(rows: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, value) for label, value in rows if value)
