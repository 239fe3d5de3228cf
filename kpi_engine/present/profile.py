"""Where the time of a run went: a line for each source with its steps, and one for each stage."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.ir.result import RunStats
from kpi_engine.present.cells import safe_text
from kpi_engine.present.notes import count_text, size_text

STEPS = ("read", "states", "kept", "merge")
"""Steps of a source: reading and converting rows, making states of them, taking kept ones, bringing them together."""


def profile_lines(stats: RunStats) -> list[str]:
    """What `--profile` prints: tables with aligned columns, seconds with three decimals.

    Steps of a source are the sum over all threads; stages are by the clock.

    >>> from kpi_engine.ir.result import SourceStats
    >>> orders = SourceStats(rows=12, bytes=800, fragments_read=1, seconds={"read": 0.25, "merge": 0.0004})
    >>> for line in profile_lines(RunStats(sources={"orders": orders}, seconds={"scan": 0.3})):
    ...     print(line)
    source  rows  bytes  read  skipped  known   read  states   kept  merge
    orders    12  800 B     1        0      0  0.250   0.000  0.000  0.000
    <BLANKLINE>
    stage     seconds
    scan        0.300
    together    0.300
    """
    sources = [["source", "rows", "bytes", "read", "skipped", "known", *STEPS]]
    for name, source in stats.sources.items():
        pieces = (source.fragments_read, source.fragments_pruned, source.fragments_kept)
        steps = [f"{source.seconds.get(step, 0.0):.3f}" for step in STEPS]
        rows = count_text(source.rows, "").removesuffix("s").strip()
        sources.append([name, rows, size_text(source.bytes), *map(str, pieces), *steps])
    stages = [["stage", "seconds"], *([stage, f"{seconds:.3f}"] for stage, seconds in stats.seconds.items())]
    stages.append(["together", f"{sum(stats.seconds.values()):.3f}"])
    lines = [*_aligned(sources), "", *_aligned(stages)]
    if stats.peak_memory:
        lines += ["", f"most memory held: {size_text(stats.peak_memory)}"]
    return [safe_text(line) for line in lines]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
