"""What the project is held to, and what was found of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import layers
import start
from questions import QUESTIONS, REFRESH
from records import Key, Record, Results
from refresh import STORED, WITHIN
from workloads import DUCKDB, ENGINE, FLOOR, POLARS

SINGLE: Final = tuple(question.name for question in QUESTIONS.values() if question.single)
LAYOUTS: Final = (("one", "short"), ("days", "short"), ("shuffled", "short"), ("months", "long"))
BOUNDED: Final = ("revenue", "conversion", "growth")
"""Additive questions: states are bounded by dimensions and periods. Distinct values and exact percentiles are kept one
by one, and so are the states of customers."""
UNKNOWN: Final = "not measured"


@dataclass(frozen=True, slots=True)
class Target:
    """A figure, what it should be, what it is, whether that is enough (None: not measured), and what to know."""

    figure: str
    wanted: str
    found: str
    met: bool | None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours by theirs of one question, and who they are."""

    question: str
    value: float
    other: str


def fastest(
    results: Results, kind: str, question: str, orders: int, layout: str = "months", ids: str = "short"
) -> Record | None:
    """The record of the faster one of DuckDB and Polars."""
    found = [results.get(Key(kind, question, way, orders, layout, ids)) for way in (DUCKDB, POLARS)]
    known = [record for record in found if record is not None]
    return min(known, key=results.seconds) if known else None


def ratio(
    results: Results, kind: str, question: str, orders: int, layout: str = "months", ids: str = "short"
) -> Ratio | None:
    """Our time by that of the faster one of DuckDB and Polars."""
    ours = results.get(Key(kind, question, ENGINE, orders, layout, ids))
    best = fastest(results, kind, question, orders, layout, ids)
    return _ratio(results, ours, best)


def ratio_to(results: Results, kind: str, question: str, orders: int, way: str) -> Ratio | None:
    """Our time by that of one other way."""
    ours = results.get(Key(kind, question, ENGINE, orders))
    return _ratio(results, ours, results.get(Key(kind, question, way, orders)))


def _ratio(results: Results, ours: Record | None, other: Record | None) -> Ratio | None:
    if ours is None or other is None:
        return None
    return Ratio(ours.key.question, results.seconds(ours) / results.seconds(other), other.key.way)


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios.

    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def targets(results: Results, orders: int) -> list[Target]:
    """All of them, in the order in which they were set."""
    return [
        *_scorecard(results, orders),
        *_singles(results, orders),
        *_layouts(results),
        *_layers(results),
        _floor(results, orders),
        *_refresh(results),
        *_growth(results, orders),
        _capped(results),
        *_start(results),
    ]


def _scorecard(results: Results, orders: int) -> Iterator[Target]:
    metrics = len(QUESTIONS["full"].metrics)
    title = f"whole scorecard, {metrics} metrics of six sources, {orders:_} orders, own process"
    found = ratio(results, "process", "full", orders)
    yield _at_most(f"{title}: time by the best peer's", 0.45, _value(found), _against(found))
    ours = results.get(Key("process", "full", ENGINE, orders))
    peers = [results.get(Key("process", "full", way, orders)) for way in (DUCKDB, POLARS)]
    least = min((peer.memory_median for peer in peers if peer is not None), default=None)
    share = ours.memory_median / least if ours is not None and least is not None else None
    yield _at_most("the same: peak memory by the best peer's", 0.5, share)


def _singles(results: Results, orders: int) -> Iterator[Target]:
    for kind, name in (("warm", "answers of a warm process"), ("process", "own process, start-up included")):
        size = orders if kind == "process" else results.largest(kind)
        found = _known(ratio(results, kind, question, size) for question in SINGLE)
        mean = geometric_mean(each.value for each in found) if len(found) == len(SINGLE) else None
        title = f"single questions, {size:_} orders, {name}: geometric mean against the faster of DuckDB and Polars"
        yield _at_most(title, 0.55, mean)
        yield _none_above(f"the same, {name}: the worst", 1.0, found)


def _layouts(results: Results) -> Iterator[Target]:
    records = [record for record in results.of_kind("process") if (record.key.layout, record.key.ids) in LAYOUTS]
    orders = max((record.key.orders for record in records), default=0)
    for layout, ids in LAYOUTS:
        found = _known(ratio(results, "process", question, orders, layout, ids) for question in SINGLE)
        yield _none_above(f"single questions on {layout_name(layout, ids)}, {orders:_} orders: the worst", 1.2, found)


def layout_name(layout: str, ids: str) -> str:
    """What the files of a layout are."""
    if ids == "long":
        return "36-character ids"
    return {
        "months": "monthly files",
        "one": "one file of 1 M-row groups",
        "days": "a thousand daily files",
        "shuffled": "shuffled rows",
        "csv": "CSV",
    }[layout]


def _layers(results: Results) -> Iterator[Target]:
    orders = results.largest("peers")
    for name, unable in layers.INABILITY.items():
        found = _known(ratio_to(results, "peers", question, orders, name) for question in QUESTIONS)
        mean = geometric_mean(each.value for each in found) if found else None
        able = len(SINGLE) + 2 - len(unable.keys() - {"funnel"})
        yield _at_most(
            f"{name} on DuckDB, {orders:_} orders: geometric mean", 0.4, mean, f"it can express {able} of the twelve"
        )


def _floor(results: Results, orders: int) -> Target:
    found = _known(ratio_to(results, "process", question, orders, FLOOR) for question in (*SINGLE, "full"))
    mean = geometric_mean(each.value for each in found) if found else None
    worst = max(found, key=lambda each: each.value, default=None)
    remark = f"worst {worst.value:.2f} x ({worst.question})" if worst is not None else ""
    return _at_most(
        f"distance to the floor (reading the columns), {orders:_} orders: geometric mean", 2.0, mean, remark
    )


def _refresh(results: Results) -> Iterator[Target]:
    orders = results.largest("refresh")
    peers = [results.get(Key("refresh", REFRESH, way, orders)) for way in (DUCKDB, POLARS)]
    best = min((record for record in peers if record is not None), key=results.seconds, default=None)
    for way, limit, name in ((STORED, 0.08, "own process"), (WITHIN, 0.01, "in process")):
        failed = results.records.get(Key("refresh", REFRESH, STORED, orders))
        found = _ratio(results, results.get(Key("refresh", REFRESH, way, orders)), best)
        remark = found.other if found is not None else (failed.problem if failed is not None else "")
        title = f"scorecard after a day was appended, {orders:_} orders, {name}: time by the best peer's run"
        yield _at_most(title, limit, _value(found), remark, places=3)


def _growth(results: Results, orders: int) -> Iterator[Target]:
    sizes = sorted({record.key.orders for record in results.of_kind("process") if record.key.way == ENGINE})
    for small, large in itertools.pairwise(sizes):
        times, memory = [], {}
        for question in (*SINGLE, "full"):
            first, second = (results.get(Key("process", question, ENGINE, size)) for size in (small, large))
            if first is not None and second is not None:
                times.append((results.seconds(second) / results.seconds(first), question))
                memory[question] = second.memory_median / first.memory_median
        if times:
            time, question = max(times)
            title = f"growth from {small:_} to {large:_} orders"
            yield _at_most(f"{title}: time, own process, the worst", large / small * 1.05, time, question)
            yield _memory_growth(title, memory)


def _memory_growth(title: str, grown: Mapping[str, float]) -> Target:
    """Peak memory is held to what states are bounded; how that of all other questions grows is told beside it."""
    figure = f"{title}: peak memory where states are bounded ({', '.join(BOUNDED)}), the worst"
    judged = {question: grown[question] for question in BOUNDED if question in grown}
    if not judged:
        return _at_most(figure, 1.3, None)
    worst = max(judged, key=lambda question: judged[question])
    others = ", ".join(f"{question} {ratio:.2f}" for question, ratio in grown.items() if question not in BOUNDED)
    remark = f"{worst}; not judged, as their states grow with the data: {others}" if others else worst
    return _at_most(figure, 1.3, judged[worst], remark)


def _capped(results: Results) -> Target:
    found = [record for record in results.of_kind("capped") if record.key.way == ENGINE]
    asked = [record for record in found if record.key.question in ("revenue", "conversion", "growth", "tickets")]
    if not asked:
        return Target("additive questions on 10^8 rows in 2 GiB", "finish", UNKNOWN, None)
    rows = asked[0].key.orders * 585 // 100
    done = [record for record in asked if record.wall]
    peak = max((record.memory_median for record in done), default=0) / 2**20
    says = f"{len(done)} of {len(asked)} finish, at most {peak:.0f} MiB"
    return Target(
        f"additive questions on a shop of {rows:_} rows, 2 GiB", "finish", says, len(done) == len(asked), asked[0].note
    )


def _start(results: Results) -> Iterator[Target]:
    for name, base in ((start.HELP, start.HELP_BASE), (start.ROWS, start.ROWS_BASE)):
        ours, other = (results.get(Key("start", each, "")) for each in (name, base))
        found = _ratio(results, ours, other)
        yield _at_most(f'`{name}` by `python -c "{base}"`', 1.5, _value(found), ours.note if ours is not None else "")
    many, one = (results.get(Key("start", each, "")) for each in (start.CHECK, start.CHECK_BASE))
    beyond = results.seconds(many) - results.seconds(one) if many is not None and one is not None else None
    yield _at_most(f"`{start.CHECK}`: seconds beyond `{start.CHECK_BASE}`", 1.0, beyond, unit=" s")
    parse = results.get(Key("start", start.PARSE, ""))
    speed = int(parse.note.split()[0]) / results.seconds(parse) if parse is not None else None
    met = None if speed is None else speed >= 20_000
    yield Target("parsing, lines a second", ">= 20 000", UNKNOWN if speed is None else f"{speed:,.0f}", met)


def _value(found: Ratio | None) -> float | None:
    return None if found is None else found.value


def _against(found: Ratio | None) -> str:
    return "" if found is None else f"against {found.other}"


def _known(ratios: Iterable[Ratio | None]) -> list[Ratio]:
    return [each for each in ratios if each is not None]


def _none_above(figure: str, limit: float, found: Sequence[Ratio]) -> Target:
    worst = max(found, key=lambda each: each.value, default=None)
    above = sum(each.value > limit for each in found)
    remark = (
        "" if worst is None else f"{worst.question} against {worst.other}; {above} of {len(found)} are above {limit}"
    )
    return _at_most(figure, limit, _value(worst), remark)


def _at_most(
    figure: str, limit: float, found: float | None, remark: str = "", places: int = 2, unit: str = " x"
) -> Target:
    says = UNKNOWN if found is None else f"{found:.{places}f}{unit}"
    return Target(figure, f"<= {limit:g}{unit}", says, None if found is None else found <= limit, remark)
