"""A question: periods x groups, a value for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from .context import Context
from .keyed import groups_of_all, is_keyed
from .local_time import SMALLEST, LocalCalendar, Mark, Span
from .meaning import Meaning
from .model import conjuncts, read_model
from .period_text import read_instant, read_period
from .problems import MeaninglessError
from .windows import Window
from .world import World

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
    """The rows of an answer in their order, with exact values; `period` is a date, of hours an instant in UTC.

    Of several grains the rows stand below each other, led by `grain`.
    """
    grains = [] if asked.grain is None else [each.strip() for each in asked.grain.split(",")]
    if len(grains) < 2:
        return _ordered(_rows(definitions, tables, asked), asked)
    found = [
        {"grain": grain, **row}
        for grain in dict.fromkeys(grains)
        for row in _rows(definitions, tables, replace(asked, grain=grain))
    ]
    return _ordered(found, asked)


def _rows(definitions: str, tables: Mapping[str, Sequence[Mapping[str, object]]], asked: Asked) -> list[Row]:
    """The rows of one grain, or of none, by period and dimensions."""
    model = read_model(definitions)
    calendar = model.calendar
    as_of = read_instant(calendar, asked.as_of)
    world = World(model, tables, as_of)
    meaning = Meaning(world)
    bases = {name: meaning.bases(model.metrics[name]) for name in asked.metrics}
    # Rows past the as-of never count, so they begin no span either.
    firsts = [meaning.measuring.first_row(name) for names in bases.values() for name in names]
    known = [mark for mark in firsts if mark is not None and mark < as_of]
    if asked.grain == "hour" and any(_is_dated(world, name) for names in bases.values() for name in names):
        raise MeaninglessError("dates cannot be grouped by hour")
    spans, opens, closes = _spans(calendar, asked, min(known, default=None), as_of)
    where = () if asked.where is None else tuple(conjuncts(read_model(f"asked = {asked.where}").metrics["asked"]))
    contexts = {}
    meaning.check_known(where, tuple(model.metrics[name] for name in asked.metrics))
    for name in asked.metrics:
        meaning.check(model.metrics[name], Context(None, where, asked.by, where, asked.by, grain=asked.grain))
        cut = min([closes, *(world.watermarks[source] for source in meaning.asked(model.metrics[name]))])
        for span in spans:
            window = Window(span, span, max(opens, span.start), min(cut, span.end))
            whole = Window(span, span, max(opens, span.start), min(closes, span.end)) if span.start < cut else None
            running = closes if asked.grain is None and asked.end is None else None
            contexts[span, name] = Context(
                window, where, asked.by, where, asked.by, grain=asked.grain, uncut=whole, running=running
            )
            meaning.check_coarse(model.metrics[name], contexts[span, name])
    asking = [(model.metrics[name], contexts[spans[0], name]) for name in asked.metrics] if spans else []
    for name in asked.by:
        looked_at = [each for metric, context in asking for each in meaning.looked_at(metric, context)]
        split = any(name in context.dimensions for _, context in looked_at)
        found = [world.has_dimension(name, source) for source, _ in looked_at]
        if not split and False in found:
            raise MeaninglessError(f"nothing says which {name} there are")
    rows: list[Row] = []
    groups = _groups(meaning, asked, contexts)
    for span in spans:
        for group in groups:
            keys = dict(zip(asked.by, group, strict=True))
            asking = [(model.metrics[name], contexts[span, name]) for name in asked.metrics]
            if asked.skip_empty and not any(meaning.has_rows(*each, keys) for each in asking):
                continue
            values = [meaning.value(*each, keys) for each in asking]
            rows.append({**_period(calendar, asked, span), **keys, **dict(zip(asked.metrics, values, strict=True))})
    return rows


def _is_dated(world: World, name: str) -> bool:
    """Whether the time of a source is a date, and no instant."""
    return world.is_dated(name) or any(
        moment is not None and not isinstance(moment, datetime)
        for moment in (world.time(name, row) for row in world.rows(name))
    )


def _spans(calendar: LocalCalendar, asked: Asked, first: Mark | None, as_of: Mark) -> tuple[list[Span], Mark, Mark]:
    """The periods of the answer, and the cuts that its start and end make."""
    start = None if asked.start is None else read_period(calendar, asked.start).start
    end = None if asked.end is None else read_period(calendar, asked.end).end
    closes = end or as_of
    if start is not None and end is not None and end <= start:
        raise MeaninglessError("the span is empty")
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


def _groups(meaning: Meaning, asked: Asked, contexts: Mapping[tuple[Span, str], Context]) -> list[tuple[Any, ...]]:
    """All groups that an aggregate has a row of in one of its windows.

    An aggregate whose dimensions a `total` has dropped has no groups of its own: those of its rows count that the whole
    filter keeps.
    """
    if not asked.by:
        return [()]
    found: set[tuple[Any, ...]] = set()
    for (_, name), context in contexts.items():
        metric = meaning.world.model.metrics[name]
        for call, outer in meaning.outermost(metric, context):
            if outer.dimensions != outer.every_dimension and not meaning.has_groups(call, outer):
                continue
            if is_keyed(call):
                found |= groups_of_all(meaning, call, outer)
            for each, leaf in meaning.leaves(call, outer):
                entries = meaning.measuring.entries_of_every_group(each, leaf)
                found.update(entry.group[: len(asked.by)] for entry in entries)
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
