"""What is alive at the end was alive at the start, plus what has begun, less what has ended: exactly, always."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from .asking import ask_engine
from .examples import EXAMPLES
from .market import build, market_settings
from .market_rows import Settings
from .test_market import AS_OF, SPANS, day

FORMULAS = """
opening = count(subs at start)
begun = count(subs)
ended = count(subs dated by gone)
closing = count(subs at end)
gold = count(subs where plan = "gold" at end) - count(subs where plan = "gold" at start)
gold_flow = count(subs where plan = "gold") - count(subs where plan = "gold" dated by gone)
"""


@settings(max_examples=max(1, EXAMPLES // 10), deadline=None, database=None)
@given(
    chosen=market_settings(),
    grain=st.sampled_from([None, "day", "week", "month"]),
    span=st.integers(0, 2),
    as_of=st.sampled_from(AS_OF),
    by=st.sampled_from([(), ("plan",), ("country",)]),
)
def test_opening_and_begun_less_ended_is_closing(
    chosen: Settings, grain: str | None, span: int, as_of: str, by: tuple[str, ...]
) -> None:
    market = build(chosen, f"{FORMULAS} {by}")
    start, end = SPANS[grain][span]
    asked = {
        "metrics": ("opening", "begun", "ended", "closing", "gold", "gold_flow"),
        "as_of": day(chosen, as_of),
        "grain": grain,
        "by": by,
        "start": None if start is None else day(chosen, str(start)),
        "end": None if end is None else day(chosen, str(end)),
    }
    tables = {name: market.table(name) for name in market.rows}
    for row in ask_engine(f"{market.definitions}\n{FORMULAS}", tables, asked).table.to_pylist():
        known = [row[name] is not None for name in asked["metrics"]]
        assert all(known) or not any(known)
        if all(known):
            assert row["opening"] + row["begun"] - row["ended"] == row["closing"]
            assert row["gold"] == row["gold_flow"]
