"""The engine against the reference interpreter on random markets: groups, events, lifetimes, snapshots, derived rows.

`KPI_EXAMPLES=20000 pytest tests/engine/test_market.py` looks further; a failure names the seed to give as `KPI_SEED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st
from reference import MeaninglessError

from kpi_engine.execute import slices, tasks
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.kernels import finish, frames, windows

from .asking import ask_engine, ask_reference, differences
from .examples import SEED, examples
from .formulas import Formula
from .market import Market, Settings, build, market_settings
from .market_formulas import Where, common_dimensions, metrics, shared_conditions
from .test_against_reference import handed_over, splits


@dataclass(frozen=True)
class Asked:
    """A market, formulas by name, and the arguments of `eval`."""

    market: Market
    formulas: dict[str, Formula]
    arguments: dict[str, Any]


SPANS: dict[str | None, tuple[tuple[int | None, int | None], ...]] = {
    None: ((None, None), (-8, 8), (-31, 5), (0, 0)),
    "hour": ((0, 0), (-1, 0), (0, 1)),
    "day": ((-4, 4), (-8, 2), (-1, 9), (-33, -27)),
    "week": ((-20, 14), (-3, None), (None, None)),
    "month": ((None, None), (None, None), (-40, 3), (-10, 20)),
}
DATED = frozenset(["lines", "basket", "stock", "budgets", "accounts"])
AS_OF = ("+40", "+40", "+40", "+9", "+1T12:00", "+0", "+3", "-5T06:30")


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """One or two metrics of a market, and how they are asked."""
    chosen = draw(market_settings())
    grain = draw(st.sampled_from([None, "day", "day", "week", "month", "month", "hour"]))
    where = Where(grain, chosen.scene[1].isoformat(), dated=chosen.dated)
    formulas = {f"m{number}": draw(metrics(where)) for number in range(draw(st.sampled_from([1, 1, 2])))}
    sources = frozenset().union(*(formula.sources for formula in formulas.values()))
    if grain == "hour" and (chosen.dated or sources & DATED):
        # Dates cannot be grouped by hour.
        grain = "day"
    start, end = draw(st.sampled_from(SPANS[grain]))
    conditions = shared_conditions(sources)
    arguments: dict[str, Any] = {
        "metrics": tuple(formulas),
        "as_of": day(chosen, draw(st.sampled_from(AS_OF))),
        "by": tuple(draw(st.lists(st.sampled_from(sorted(common_dimensions(sources))), max_size=2, unique=True)))
        if common_dimensions(sources)
        else (),
        "grain": grain,
        "start": None if start is None else day(chosen, str(start)),
        "end": None if end is None else day(chosen, str(end)),
        "where": draw(st.sampled_from([None, None, None, *conditions])),
        "skip_empty": draw(st.sampled_from([False, False, True])),
    }
    arguments = {name: value for name, value in arguments.items() if value not in (None, (), False)}
    text = " ".join([*(formula.text for formula in formulas.values()), *arguments.get("by", ()),
                     arguments.get("where", "")])  # fmt: skip
    return Asked(build(chosen, text), formulas, arguments)


def day(chosen: Settings, offset: str) -> str:
    """A date so many days after the scene's, perhaps with a time."""
    days, separator, clock = offset.partition("T")
    return f"{chosen.scene[1] + timedelta(days=int(days))}{separator}{clock}"


SIZES = st.sampled_from(
    [(slices.STATES_PER_SLICE, 1 << 16, 2, 512, 1), (3, -1, 2, 0, 1), (20, -1, -1, 0, 9), (3, 1 << 16, 2, 512, 1 << 16)]
)
"""How many states a slice has, how large a table of sums may be, how many windows are few, how many states of a frame
are few, and rows of a task: random markets have too few states to be evaluated as many are."""


@examples
@given(question=asked(), split=splits(), sizes=SIZES)
def test_engine_equals_reference(
    question: Asked, split: tuple[str, int], sizes: tuple[int, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    market, arguments = question.market, question.arguments
    formulas = "".join(f"{name} = {formula.text}\n" for name, formula in question.formulas.items())
    definitions = f"{market.definitions}\n\n{formulas}"
    note(f"KPI_SEED={SEED}\n{formulas}{arguments}")
    tables: dict[str, Any] = {}
    for name in market.rows:
        folder = tmp_path_factory.mktemp("fragments") if split[0] == "files" else Path()
        tables[name] = handed_over(market.table(name), split, folder)
    try:
        expected = ask_reference(definitions, market.rows, arguments)
    except MeaninglessError as failure:
        event(f"no meaning: {failure}")
        with pytest.raises(KpiError):
            ask_engine(definitions, tables, arguments)
        return
    event(f"grain {arguments.get('grain')}")
    with (
        patch.object(slices, "STATES_PER_SLICE", sizes[0]),
        patch.object(finish, "_TABLE", sizes[1]),
        patch.object(windows, "_FEW", sizes[2]),
        patch.object(frames, "_FEW", sizes[3]),
        patch.object(tasks, "_FEWEST_ROWS", sizes[4]),
    ):
        result = ask_engine(definitions, tables, arguments)
    found = result.table.to_pylist()
    event("rows" if found else "no rows")
    wrong = differences(found, expected)
    assert not wrong, "\n".join(wrong)
