"""How an answer came about, as data: the same facts as the notes below a table, under keys that do not change."""

from __future__ import annotations

from kpi_engine.extend.formats import Answer
from kpi_engine.ir.result import SourceStats
from kpi_engine.present.raw import text_of

Report = dict[str, object]


def report(answer: Answer) -> Report:
    """The report of an answer; every key is always there. `docs/cli.md` says what each means.

    >>> from types import SimpleNamespace
    >>> from kpi_engine.ir.result import RunStats
    >>> stats = RunStats(as_of="2026-04-01 00:00", sources={"orders": SourceStats(rows=3, excluded_rows=2)})
    >>> found = report(SimpleNamespace(columns=(), stats=stats))
    >>> found["as_of"], found["sources"]["orders"]["rows_without_time"]
    ('2026-04-01 00:00', 2)
    """
    stats = answer.stats
    return {
        "as_of": stats.as_of or None,
        "watermarks": dict(stats.watermarks),
        "partial_periods": list(map(_period, stats.partial_periods)),
        "zero_divisions": dict(stats.zero_divisions),
        "estimates": {
            column.name: [str(estimate) for estimate in column.estimates]
            for column in answer.columns
            if column.estimates
        },
        "sources": {name: _source(source) for name, source in stats.sources.items()},
        "notes": list(stats.notes),
        "seconds": {stage: round(seconds, 6) for stage, seconds in stats.seconds.items()},
        "peak_memory": stats.peak_memory,
    }


def _source(source: SourceStats) -> Report:
    return {
        "rows": source.rows,
        "bytes": source.bytes,
        "pieces_read": source.fragments_read,
        "pieces_skipped": source.fragments_pruned,
        "pieces_kept": source.fragments_kept,
        "rows_without_time": source.excluded_rows - source.lifeless_rows,
        "rows_without_lifetime": source.lifeless_rows,
        "rows_before_1900": source.early_rows,
        "rows_past_watermark": source.late_rows,
        "rows_without_id": dict(source.unassigned_rows),
        "failed_casts": source.failed_casts,
        "values_not_finite": source.nan_values,
        "pushdown": list(source.pushdown),
        "seconds": {step: round(seconds, 6) for step, seconds in source.seconds.items()},
    }


def _period(value: object) -> object:
    """A value of the period column; with several grains an object that says which."""
    if isinstance(value, tuple):
        grain, start = value
        return {"grain": grain, "period": text_of(start)}
    return text_of(value)
