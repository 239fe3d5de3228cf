"""What stands beside an answer: the instant it holds for, what is incomplete, what was left out, how the run went."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.extend.formats import Answer
from kpi_engine.ir.approximation import Approximation
from kpi_engine.ir.result import RunStats, SourceStats
from kpi_engine.present.cells import ESTIMATE_MARK, PARTIAL_MARK, safe_text
from kpi_engine.present.values import GROUP

_PLACES = 3
_SIZES = ("B", "kB", "MB", "GB", "TB")


def note_lines(answer: Answer) -> list[str]:
    """Sentences for the reader of a table, most important first."""
    stats = answer.stats
    lines = [f"as of {stats.as_of}"] if stats.as_of else []
    lines += [
        f"{source} is complete up to {watermark}"
        for source, watermark in stats.watermarks.items()
        if watermark != stats.as_of
    ]
    if stats.partial_periods:
        lines.append(f"{PARTIAL_MARK} this period is not complete")
    lines += _estimated(answer)
    lines += stats.notes
    for name, source in stats.sources.items():
        lines += _left_out(name, source)
    lines += [
        f"{metric}: {count_text(results, 'value')} empty because of a division by zero"
        for metric, results in stats.zero_divisions.items()
        if results
    ]
    return [safe_text(line) for line in lines]


def _estimated(answer: Answer) -> list[str]:
    """Each estimate with the metrics that rest on it."""
    metrics: dict[Approximation, list[str]] = {}
    for column in answer.columns:
        for estimate in column.estimates:
            metrics.setdefault(estimate, []).append(column.name)
    return [f"{ESTIMATE_MARK} {', '.join(names)}: {estimate}" for estimate, names in metrics.items()]


def _left_out(name: str, source: SourceStats) -> list[str]:
    """What of a source does not count, and why."""
    counted = (
        (source.excluded_rows - source.lifeless_rows, "row", "left out: no time"),
        (source.lifeless_rows, "row", "left out: no lifetime (never began, or ended before that)"),
        *((rows, "row", f"left out of `per` and `having`: no {key}") for key, rows in source.unassigned_rows.items()),
        (source.early_rows, "row", "left out: before 1900"),
        (source.late_rows, "row", "not counted yet: past the as-of or the watermark"),
        (source.failed_casts, "value", f"made null: not of the column's type{_places(source.failed_in)}"),
        (source.nan_values, "value", "made null: not finite numbers"),
    )
    return [f"{count_text(number, noun)} of {name} {what}" for number, noun, what in counted if number]


def _places(found: Sequence[str]) -> str:
    """Where values failed: the first few places, in brackets."""
    names = list(dict.fromkeys(found))
    if not names:
        return ""
    more = f" and {len(names) - _PLACES} more" if len(names) > _PLACES else ""
    return f" ({', '.join(names[:_PLACES])}{more})"


def run_lines(stats: RunStats) -> list[str]:
    """What `--stats` prints: what was read of each source, and the time of each stage."""
    lines = []
    for name, source in stats.sources.items():
        pieces = count_text(source.fragments_read, "piece")
        pruned = f", {source.fragments_pruned} skipped" if source.fragments_pruned else ""
        kept = f", {source.fragments_kept} known from earlier" if source.fragments_kept else ""
        lines.append(f"{name}: {count_text(source.rows, 'row')}, {size_text(source.bytes)} in {pieces}{pruned}{kept}")
        lines += source.pushdown
    for stage, seconds in stats.seconds.items():
        lines.append(f"{stage}: {seconds * 1000:.1f} ms")
    total = sum(stats.seconds.values())
    lines.append(f"together: {total * 1000:.1f} ms")
    if stats.peak_memory:
        lines.append(f"most memory held: {size_text(stats.peak_memory)}")
    return [safe_text(line) for line in lines]


def count_text(number: int, noun: str) -> str:
    """A number of things.

    >>> count_text(1, "row"), count_text(12, "row")
    ('1 row', '12 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", GROUP)


def size_text(number: int) -> str:
    """An amount of bytes in three digits.

    >>> size_text(1_234_567)
    '1.23 MB'
    """
    step = min((len(str(number)) - 1) // 3, len(_SIZES) - 1)
    return f"{number / 1000**step:.3g} {_SIZES[step]}"
