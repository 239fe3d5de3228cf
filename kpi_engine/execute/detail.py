"""The columns beside a metric's own: parts of its quotient, rows, completeness."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from kpi_engine.execute.answer import Aligned
from kpi_engine.execute.output import output_array
from kpi_engine.execute.results import Results
from kpi_engine.ir.plan import Output
from kpi_engine.kernels.align import most_rows, tile_periods


def detail_columns(output: Output, aligned: Aligned, results: Results) -> Iterator[pa.Array]:
    """One array for each part of an output's detail, laid out group by group.

    `rows` is the number of rows behind the value: of several aggregates the largest one. Aggregates over groups of keys
    count the groups.
    """
    size = aligned.alignment.size
    for part in output.detail:
        match part.kind:
            case "rows":
                chosen = [number for number, each in enumerate(aligned.ready) if each.name in part.leaves]
                counts = [aligned.counts[number] for number in chosen]
                places = [aligned.alignment.places[number] for number in chosen]
                yield most_rows(counts, places, aligned.periods, size)
            case "complete":
                yield tile_periods(pa.array(output.complete, pa.bool_()), size)
            case "value":
                assert part.expression is not None
                yield output_array(results.array(part.expression), part.type)
