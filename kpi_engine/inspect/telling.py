"""What changed, told to people (text, Markdown) and programs (JSON)."""

from __future__ import annotations

import datetime
import difflib
import json
from collections.abc import Iterator, Sequence

from kpi_engine.inspect.chain import Part
from kpi_engine.inspect.compare import STATUSES, Cause, Change, Status
from kpi_engine.inspect.value_changes import MetricValues, ValueChange
from kpi_engine.inspect.wording import counted, number
from kpi_engine.present.periods import period_text
from kpi_engine.present.raw import text_of
from kpi_engine.present.values import metric_text

_TITLES: dict[Status, str] = {
    "meaning": "mean something else",
    "added": "new",
    "removed": "gone",
    "renamed": "renamed, with the same meaning",
    "wording": "written or shown differently, with the same meaning",
}
_SAID: dict[Status, str] = {
    "meaning": "means something else",
    "added": "is new",
    "removed": "is gone",
    "renamed": "has the same meaning under another name",
    "wording": "has the same meaning",
}
_MOST_PERIODS = 6
_RED, _GREEN, _BOLD, _DIM, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def as_text(changes: Sequence[Change], values: Sequence[MetricValues], old: str, new: str, *, colour: bool) -> str:
    """For a terminal."""
    lines = [_summary(changes, old, new)]
    by_name = {each.name: each for each in values}
    seen: set[Part] = set()
    for status in STATUSES:
        chosen = [change for change in changes if change.status == status]
        if chosen:
            lines += ["", f"{_BOLD}{_TITLES[status]}{_PLAIN}" if colour else _TITLES[status]]
        for change in chosen:
            lines += [f"  {line}".rstrip() for line in _told(change, seen)]
            if change.kind == "metric" and change.name in by_name and status == "meaning":
                lines += [f"    {line}".rstrip() for line in _table(by_name[change.name])]
    return "\n".join(_painted(line) if colour else line for line in lines) + "\n"


def _painted(line: str) -> str:
    mark = line.lstrip()[:2]
    tone = {"- ": _RED, "+ ": _GREEN}.get(mark)
    return line if tone is None else f"{tone}{line}{_PLAIN}"


def _summary(changes: Sequence[Change], old: str, new: str) -> str:
    counts = [
        f"{number(count)} {_TITLES[status] if count > 1 or status != 'meaning' else 'means something else'}"
        for status in STATUSES
        if (count := sum(change.status == status for change in changes))
    ]
    return f"{old} → {new}: " + ("; ".join(counts) if counts else "every metric means what it meant")


def _told(change: Change, seen: set[Part]) -> Iterator[str]:
    """A change, its causes, and both texts of those that are not in `seen`, which takes them in."""
    former = f" (was {change.was})" if change.was else ""
    kind = "" if change.kind == "metric" else "dimension "
    details = f": {', '.join(change.details)}" if change.details and change.status == "wording" else ""
    yield f"{kind}{change.name}{former}{details}"
    for cause in change.causes:
        yield f"  because of {_chain(cause)}" + (", see above" if cause.part in seen else "")
        if cause.part not in seen:
            yield from (f"    {line}" for line in _difference(cause.old, cause.new))
        seen.add(cause.part)
    if change.status in ("added", "removed"):
        yield from (f"    {line}" for line in _difference(change.old, change.new))


def _chain(cause: Cause) -> str:
    """`its own definition`, or the definition that changed and the way to it."""
    if not cause.path:
        return "its own definition"
    through = [str(part) for part in cause.path[1:]]
    return f"{cause.part}" + (f", through {', '.join(through)}" if through else "")


def _difference(old: str | None, new: str | None) -> Iterator[str]:
    """Both texts line by line, `-` before what is gone and `+` before what is new."""
    before, after = (old or "").splitlines(), (new or "").splitlines()
    for line in difflib.ndiff(before, after):
        if not line.startswith("?"):
            yield line
    if old is None and new is None:
        yield "  (not written anywhere: the table says it)"


def _table(values: MetricValues) -> list[str]:
    """Old and new values of the periods that differ most."""
    if values.problem:
        return [f"values cannot be compared: {values.problem}"]
    if not values.changes:
        return [f"the same values in all {counted(values.periods, 'period')}"]
    rows = [("period", "old", "new", "change", ""), *(_cells(values, each) for each in values.changes[:_MOST_PERIODS])]
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return [*lines, _rest(values)]


def _rest(values: MetricValues) -> str:
    shown = min(len(values.changes), _MOST_PERIODS)
    more = f", the {number(shown)} largest changes shown" if shown < len(values.changes) else ""
    return f"{number(len(values.changes))} of {counted(values.periods, 'period')} differ{more}"


def _cells(values: MetricValues, change: ValueChange) -> tuple[str, str, str, str, str]:
    assert values.column is not None and values.period_column is not None
    display = values.column.display
    difference = _difference_text(change, values)
    relative = "" if change.relative is None else f"{change.relative:+.1%}"
    period = period_text(change.period, values.period_column)
    return period, metric_text(change.old, display), metric_text(change.new, display), difference, relative


def _difference_text(change: ValueChange, values: MetricValues) -> str:
    """New less old, in the metric's own unit; differences of percents are points."""
    assert values.column is not None
    if change.difference is None:
        return "new" if change.old is None else "gone" if change.new is None else ""
    if values.column.display.form == "percent":
        return f"{100 * change.difference:+.2f} points"
    text = metric_text(change.exact_difference, values.column.display)
    return text if text.startswith("-") else f"+{text}"


def as_markdown(changes: Sequence[Change], values: Sequence[MetricValues], old: str, new: str) -> str:
    """For a pull request."""
    lines = [f"### Metrics: {_plain(_summary(changes, old, new))}"]
    by_name = {each.name: each for each in values}
    seen: set[Part] = set()
    for change in changes:
        head, *rest = _told(change, seen)
        lines += ["", f"**{_plain(head)}** {_SAID[change.status]}", *_markdown_texts(rest)]
        if change.status == "meaning" and change.name in by_name:
            lines += ["", *_markdown_table(by_name[change.name])]
    return "\n".join(lines) + "\n"


def _markdown_texts(told: Sequence[str]) -> Iterator[str]:
    """Causes as paragraphs, and the texts below each in a fence, where `+` and `-` colour their lines."""
    fenced = False
    for line in told:
        is_text = line.startswith("    ")
        if is_text != fenced:
            yield from ("", "```diff") if is_text else ("```",)
            fenced = is_text
        if is_text:
            yield line.removeprefix("    ")
        else:
            yield from ("", _plain(line.strip()))
    if fenced:
        yield "```"


def _markdown_table(values: MetricValues) -> list[str]:
    if values.problem or not values.changes:
        return _table(values)
    rows = [_cells(values, each) for each in values.changes[:_MOST_PERIODS]]
    head = ["| period | old | new | change | |", "|---|--:|--:|--:|--:|"]
    return [*head, *(f"| {' | '.join(map(_plain, row))} |" for row in rows), "", _rest(values)]


def _plain(text: str) -> str:
    for character in "\\`*_|<>[]":
        text = text.replace(character, f"\\{character}")
    return text


def as_json(changes: Sequence[Change], values: Sequence[MetricValues], old: str, new: str) -> str:
    """For programs: everything, values raw."""
    by_name = {each.name: each for each in values}
    found = [_change_object(change, by_name.get(change.name)) for change in changes]
    return json.dumps({"old": old, "new": new, "changes": found}, ensure_ascii=False, indent=2) + "\n"


def _change_object(change: Change, values: MetricValues | None) -> dict[str, object]:
    shown: dict[str, object] = {
        "kind": change.kind,
        "name": change.name,
        "status": change.status,
        "was": change.was or None,
        "details": list(change.details),
        "old": change.old,
        "new": change.new,
        "old_fingerprint": change.old_fingerprint or None,
        "new_fingerprint": change.new_fingerprint or None,
        "causes": [
            {
                "kind": cause.part.kind,
                "name": f"{cause.part.owner}.{cause.part.name}" if cause.part.owner else cause.part.name,
                "through": [str(part) for part in cause.path[1:]],
                "old": cause.old,
                "new": cause.new,
            }
            for cause in change.causes
        ],
    }
    if values is not None and change.kind == "metric" and change.status == "meaning":
        shown["values"] = {
            "periods": values.periods,
            "problem": values.problem or None,
            "changes": [
                {"period": str(each.period), "old": _raw(each.old), "new": _raw(each.new)} for each in values.changes
            ],
        }
    return shown


def _raw(value: object) -> object:
    """A value as programs read it: durations in seconds, exact decimals as texts."""
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return value if value is None or isinstance(value, bool | int | float | str) else text_of(value)
