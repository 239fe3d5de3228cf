"""The engine against the reference interpreter, on random shops, metrics and questions.

`KPI_EXAMPLES=20000 pytest tests/engine/test_against_reference.py` looks further; a failure names the seed to give as
`KPI_SEED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st
from reference import MeaninglessError

from kpi_engine.ir.diagnostic import KpiError

from .asking import ask_engine, ask_reference, differences
from .examples import SEED, examples
from .formulas import DIMENSIONS, GRAINS, SHARED, Formula, metrics
from .shop import Shop, shops


@dataclass(frozen=True)
class Question:
    """Formulas by name, and the arguments of `eval`."""

    formulas: dict[str, Formula]
    arguments: dict[str, Any]


SPANS: dict[str | None, list[tuple[str | None, str | None]]] = {
    None: [(None, None), ("2018-03", "2018-11"), ("2018-10-07", None), ("2018-11-04", "2018-11-04")],
    "hour": [("2018-11-04", "2018-11-04"), ("2018-03-11", "2018-03-11"), ("2018-03-25", "2018-03-25"),
             ("2018-10-28", "2018-10-28"), ("2018-04-01", "2018-04-01"), ("2018-10-31T20", "2018-11-01T03")],
    "day": [("2018-10-25", "2018-11-06"), ("2018-02-26", "2018-03-03"), ("2018-12-29", "2019-01-02"),
            ("2018-03-24", "2018-04-02"), ("2018-11-25", None)],
    "week": [("2018-10", "2018-11"), ("2018-10-22", "2019-01-10"), ("2018-03-07", "2018-04-05")],
    "month": [(None, None), ("2018-01", "2018-12"), ("2018-10-15", "2018-12-10"), ("2017-12", "2018-03")],
    "quarter": [(None, None), ("2018-Q2", "2018-11-14")],
    "year": [(None, None), ("2017", "2019")],
    "fiscal_quarter": [(None, None)],
    "fiscal_year": [(None, None)],
}  # fmt: skip
AS_OF = (
    "2019-03-01",
    "2019-03-01",
    "2019-01-02",
    "2018-12-01",
    "2018-11-04T12:00",
    "2018-11-30T12:00",
    "2018-11-04",
    "2018-03-31T10:30",
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """One or two metrics, and how they are asked."""
    grain = draw(st.sampled_from([None, *GRAINS, "day", "month", "month", "week"]))
    formulas = {f"m{number}": draw(metrics(grain)) for number in range(draw(st.integers(1, 2)))}
    sources = frozenset().union(*(formula.sources for formula in formulas.values()))
    if grain == "hour" and ("visits" in sources or any("dated by" in each.text for each in formulas.values())):
        # Dates cannot be grouped by hour.
        grain = "day"
    start, end = draw(st.sampled_from(SPANS[grain]))
    common = sorted(frozenset.intersection(*(frozenset(DIMENSIONS[source]) for source in sources)))
    arguments: dict[str, Any] = {
        "metrics": tuple(formulas),
        "as_of": draw(st.sampled_from(AS_OF)),
        "by": tuple(draw(st.lists(st.sampled_from(common), max_size=2, unique=True))),
        "grain": grain,
        "start": start,
        "end": end,
        "where": draw(st.sampled_from([None, None, None, *SHARED, f"{SHARED[0]} and {SHARED[4]}"])),
        "skip_empty": draw(st.sampled_from([False, False, True])),
    }
    return Question(formulas, {name: value for name, value in arguments.items() if value not in (None, (), False)})


@st.composite
def splits(draw: st.DrawFn) -> tuple[str, int]:
    """How a table is handed over: whole, in chunks, or as a dataset of so many fragments."""
    return draw(st.sampled_from(["table", "chunks", "batches", "files"])), draw(st.integers(1, 4))


def handed_over(table: pa.Table, split: tuple[str, int], folder: Path) -> Any:
    """The table as an object to bind."""
    kind, parts = split
    size = max(1, -(-table.num_rows // parts))
    pieces = [table.slice(start, size) for start in range(0, max(1, table.num_rows), size)]
    match kind:
        case "table":
            return table
        case "chunks":
            return pa.concat_tables(pieces)
        case "batches":
            return ds.dataset([batch for piece in pieces for batch in piece.to_batches()], schema=table.schema)
    for number, piece in enumerate(pieces):
        pq.write_table(piece, folder / f"{number}.parquet", row_group_size=3)
    return ds.dataset(folder, schema=table.schema, format="parquet")


@examples
@given(shop=shops(), question=questions(), split=splits())
def test_engine_equals_reference(
    shop: Shop, question: Question, split: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(shop, question, split, tmp_path_factory)


def check(shop: Shop, question: Question, split: tuple[str, int], folders: pytest.TempPathFactory) -> None:
    """Ask both; integers and decimals must agree exactly."""
    formulas = "".join(f"{name} = {formula.text}\n" for name, formula in question.formulas.items())
    shop = shop.for_text(f"{formulas} {question.arguments}")
    definitions = f"{shop.definitions}\n{formulas}"
    note(f"KPI_SEED={SEED}\n{formulas}{question.arguments}")
    tables: dict[str, Any] = {name: shop.table(name) for name in shop.rows}
    for name in shop.rows:
        folder = folders.mktemp("fragments") if split[0] == "files" else Path()
        tables[name] = handed_over(tables[name], split, folder)
    try:
        expected = ask_reference(definitions, shop.rows, question.arguments)
    except MeaninglessError as failure:
        event(f"no meaning: {failure}")
        with pytest.raises(KpiError):
            ask_engine(definitions, tables, question.arguments)
        return
    event(f"grain {question.arguments.get('grain')}")
    result = ask_engine(definitions, tables, question.arguments)
    found = result.table.to_pylist()
    event("rows" if found else "no rows")
    wrong = differences(found, expected)
    assert not wrong, "\n".join(wrong)
