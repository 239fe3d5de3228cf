"""A question: periods x groups, a value for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from kpi_engine.ir import tree

from .local_time import SMALLEST, LocalCalendar, Mark, Span
from .meaning import Context, Meaning, Window
from .model import MeaninglessError, Model, conjuncts, duration, read_model, word
from .period_text import read_instant, read_period
from .rows import World

Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question, in the words of `Project.eval`; the as-of is always said."""

    metrics: tuple[str, ...]
    as_of: str
    by: tuple[str, ...] = ()
    grain: str | None = None
    where: str | None = None
    start: str | None = None
    end: str | None = None
    skip_empty: bool = False
    order_by: tuple[str, ...] = ()
    limit: int | None = None


def answer(definitions: str, tables: Mapping[str, Sequence[Mapping[str, object]]], asked: Asked) -> list[Row]:
    """The rows of an answer in their order, with exact values; `period` is a date, of hours an instant in UTC."""
    model = read_model(definitions)
    world = World(model, tables)
    calendar = world.calendar
    as_of = read_instant(calendar, asked.as_of)
    starts = {name: _first_row(world, name) for name, source in model.sources.items() if "time" in source.properties}
    watermarks = {name: _watermark(model, name, as_of) for name in model.sources}
    meaning = Meaning(world, {name: _begin(model, name, first) for name, first in starts.items()}, watermarks)
    bases = {name: meaning.bases(model.metrics[name]) for name in asked.metrics}
    # Rows past the as-of never count, so they begin no span either.
    firsts = [starts[name] for names in bases.values() for name in names]
    known = [mark for mark in firsts if mark is not None and mark < as_of]
    if asked.grain == "hour" and any(_is_dated(world, name) for names in bases.values() for name in names):
        raise MeaninglessError("dates cannot be grouped by hour")
    spans, opens, closes = _spans(calendar, asked, min(known, default=None), as_of)
    where = () if asked.where is None else tuple(conjuncts(read_model(f"asked = {asked.where}").metrics["asked"]))
    contexts = {}
    for name in asked.metrics:
        cut = min([closes, *(watermarks[base] for base in bases[name])])
        for span in spans:
            window = Window(span, span, max(opens, span.start), min(cut, span.end))
            contexts[span, name] = Context(window, where, asked.by, where, asked.by)
    groups = _groups(meaning, asked, spans, contexts)
    rows: list[Row] = []
    for span in spans:
        for group in groups:
            keys = dict(zip(asked.by, group, strict=True))
            counts: list[int] = []
            measured = partial(_measured, meaning, keys, counts)
            values = {
                name: meaning.value(model.metrics[name], contexts[span, name], measured) for name in asked.metrics
            }
            if any(counts) or not asked.skip_empty:
                rows.append({**_period(calendar, asked, span), **keys, **values})
    return _ordered(rows, asked)


def _measured(meaning: Meaning, group: dict[str, Any], counts: list[int], call: tree.Call, context: Context) -> Any:
    """The value of an aggregate; its number of rows is noted."""
    counts.append(len(meaning.rows_of(call, context, group)))
    return meaning.measured(call, context, group)


def _first_row(world: World, name: str) -> Mark | None:
    moments = [moment for row in world.rows(name) if (moment := world.time(name, row)) is not None]
    return min((world.calendar.at_moment(moment) for moment in moments), default=None)


def _is_dated(world: World, name: str) -> bool:
    """Whether the time of a source is a date, and no instant."""
    moments = [moment for row in world.rows(name) if (moment := world.time(name, row)) is not None]
    return any(not isinstance(moment, datetime) for moment in moments)


def _begin(model: Model, name: str, first: Mark | None) -> Mark | None:
    starts = model.sources[name].properties.get("starts")
    return first if starts is None else read_instant(model.calendar, word(starts))


def _watermark(model: Model, name: str, as_of: Mark) -> Mark:
    properties = model.sources[name].properties
    mark = as_of
    if "watermark" in properties:
        mark = min(as_of, read_instant(model.calendar, word(properties["watermark"])))
    if "late" in properties:
        amount, unit = duration(properties["late"])
        mark = model.calendar.moved(mark, -amount, unit)
    return mark


def _spans(calendar: LocalCalendar, asked: Asked, first: Mark | None, as_of: Mark) -> tuple[list[Span], Mark, Mark]:
    """The periods of the answer, and the cuts that its start and end make."""
    start = None if asked.start is None else read_period(calendar, asked.start).start
    end = None if asked.end is None else read_period(calendar, asked.end).end
    closes = end or as_of
    if asked.grain is None:
        # Without periods the span begins with the first row's day; without rows it is the last day.
        first = calendar.at_day(calendar.date_of(first or calendar.at(closes.instant - SMALLEST)))
    elif first is not None:
        first = calendar.period(asked.grain, first).start
    opens = start or first or closes
    if asked.grain is None:
        return [Span(opens, max(opens, closes))], opens, max(opens, closes)
    spans = calendar.periods(asked.grain, opens, closes)
    if spans:
        opens = start or spans[0].start
        closes = end or spans[-1].end
    return spans, opens, closes


def _groups(
    meaning: Meaning, asked: Asked, spans: list[Span], contexts: Mapping[tuple[Span, str], Context]
) -> list[tuple[Any, ...]]:
    """All groups that an aggregate has a row of in one of its windows.

    An aggregate whose dimensions a `total` has dropped has no groups of its own: those of its rows count that the whole
    filter keeps.
    """
    found: set[tuple[Any, ...]] = set() if asked.by else {()}

    def noted(call: tree.Call, context: Context) -> None:
        whole = context.dimensions == context.every_dimension
        filters = context.filters if whole else context.every_filter
        rows = meaning.rows_in(call, context, filters, context.every_dimension)
        found.update(group for group, _ in rows)

    for span in spans:
        for name in asked.metrics:
            meaning.value(meaning.world.model.metrics[name], contexts[span, name], noted)
    return sorted(found, key=lambda group: [_place(value) for value in group])


def _place(value: Any, descending: bool = False) -> tuple[bool, Any]:
    """Where a value stands in an order: nulls last."""
    return (value is None, 0 if value is None else value)


def _period(calendar: LocalCalendar, asked: Asked, span: Span) -> dict[str, datetime | date]:
    if asked.grain is None:
        return {}
    return {"period": span.start.instant if asked.grain == "hour" else calendar.date_of(span.start)}


def _ordered(rows: list[Row], asked: Asked) -> list[Row]:
    """By the columns asked, nulls last; ties by period, then dimensions, as the rows already are."""
    for item in reversed(asked.order_by):
        name, _, direction = item.partition(":")
        if rows and name not in rows[0]:
            raise MeaninglessError(f"no column {name}")
        present = [row for row in rows if row[name] is not None]
        absent = [row for row in rows if row[name] is None]
        present.sort(key=lambda row: row[name], reverse=direction == "desc")
        rows = present + absent
    return rows if asked.limit is None else rows[: asked.limit]
