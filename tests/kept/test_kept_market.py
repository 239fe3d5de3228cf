"""Random aggregates over keys on random markets whose files arrive one after the other: with a store and without."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from engine.market import Market, build, market_settings
from engine.market_formulas import Where, groups
from engine.test_market import SPANS, day
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

import kpi_engine
from kept.shop import settle
from kpi_engine.ir.diagnostic import KpiError

EXAMPLES = 3 * int(os.environ.get("KPI_HISTORIES", "5"))
SEED = os.environ.get("KPI_SEED", "1" if os.environ.get("CI") else "")


@st.composite
def asked(draw: st.DrawFn) -> tuple[Market, str, dict[str, Any]]:
    """A market, a formula, and the arguments of `eval`."""
    chosen = draw(market_settings())
    grain = draw(st.sampled_from(["day", "week", "month"]))
    formula = draw(groups(Where(grain, chosen.scene[1].isoformat(), dated=chosen.dated), 2))
    start, end = draw(st.sampled_from(SPANS[grain]))
    arguments = {
        "as_of": day(chosen, draw(st.sampled_from(("+40", "+9", "+3")))),
        "grain": grain,
        "start": None if start is None else day(chosen, str(start)),
        "end": None if end is None else day(chosen, str(end)),
    }
    return build(chosen, formula.text), formula.text, arguments


def parts(table: pa.Table) -> list[pa.Table]:
    """The rows in three parts, mostly one after the other in time."""
    times = [name for name in table.schema.names if pa.types.is_temporal(table.schema.field(name).type)]
    ordered = table.sort_by([(times[0], "ascending")]) if times else table
    third = -(-len(ordered) // 3)
    return [ordered.slice(number * third, third) for number in range(3)]


def answer(definitions: Path, store: Path | None, arguments: dict[str, Any]) -> Any:
    """The answer, or what is wrong with the question or the data."""
    project = kpi_engine.open(definitions=definitions, data=definitions.parent, store=store or False)
    try:
        return project.eval("m", **arguments).table
    except KpiError as error:
        return [each.code for each in error.diagnostics]


def test_files_that_arrive_change_nothing_else() -> None:
    """`KPI_HISTORIES=500 KPI_SEED=7` looks further."""
    given_ = given(asked(), st.permutations(range(3)))(_files_that_arrive)
    chosen = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))(
        given_
    )
    (seed(int(SEED))(chosen) if SEED else chosen)()


def _files_that_arrive(question: tuple[Market, str, dict[str, Any]], order: list[int]) -> None:
    market, text, arguments = question
    note(f"{text} {arguments}")
    with tempfile.TemporaryDirectory() as place:
        definitions = Path(place) / "market.kpi"
        definitions.write_text(f"{market.definitions}\n\nm = {text}\n")
        tables = {name: parts(market.table(name)) for name in market.rows}
        for arrived in range(1, 4):
            for name, of_table in tables.items():
                folder = Path(place) / name
                folder.mkdir(exist_ok=True)
                for number in order[:arrived]:
                    path = folder / f"{number}.parquet"
                    if not path.exists():
                        pq.write_table(of_table[number], path)
                        settle(path)
            cold = answer(definitions, None, arguments)
            for _ in range(2):
                warm = answer(definitions, Path(place) / "state", arguments)
                assert warm == cold, (warm, cold)
