"""results.md: every target with what was found of it, then all figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import layers
from questions import HERE, QUESTIONS, REFRESH
from records import Key, Record, Results
from targets import LAYOUTS, layout_name, ratio, targets
from workloads import DUCKDB, ENGINE, FLOOR, POLARS

_NOTES: Final = HERE / "where_time_goes.md"
_WAYS: Final = (ENGINE, DUCKDB, POLARS, FLOOR)


def write(results: Results, orders: int) -> None:
    """Write results.md beside the results; `orders` is the size of comparison."""
    parts = [
        *_head(results),
        *_targets(results, orders),
        f"![kpi_engine against others]({results.path.with_suffix('.svg').name})",
        *_sizes(results),
        *_warm(results),
        *_layouts(results),
        *_layers(results),
        *_refresh(results),
        *_capped(results),
        *_start(results),
    ]
    if _NOTES.exists():
        parts.append(_NOTES.read_text(encoding="utf-8").strip())
    results.path.with_suffix(".md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _head(results: Results) -> Iterator[str]:
    yield "# Results"
    yield f"Made by `python benchmarks/run.py`; [README.md](README.md) tells how. {results.machine}."
    if results.shared:
        yield (
            "Others used the machine at the same time. Ratios are therefore of **CPU seconds**; "
            "seconds on the clock stand beside them, and are those of a busy machine."
        )


def _targets(results: Results, orders: int) -> Iterator[str]:
    yield "## What the project is held to"
    found = targets(results, orders)
    known = [target for target in found if target.met is not None]
    yield f"{sum(target.met is True for target in known)} of {len(known)} that were measured are met."
    rows = []
    for target in found:
        verdict = {True: "met", False: "**missed**", None: ""}[target.met]
        rows.append((target.figure, target.wanted, target.found, verdict, target.remark))
    yield _table(("figure", "target", "found", "", ""), rows)


def _sizes(results: Results) -> Iterator[str]:
    sizes = sorted({record.key.orders for record in results.of_kind("process") if _is_plain(record)})
    for orders in sizes:
        yield f"## Own process, {orders:_} orders, monthly files"
        runs = _runs(
            record for record in results.of_kind("process") if record.key.orders == orders and _is_plain(record)
        )
        shop = f"{orders * 3:_} visits, {orders * 9 // 5:_} lines"
        yield f"{shop}; {runs}. Seconds / CPU seconds / peak MB, start-up included."
        rows = []
        for question in QUESTIONS.values():
            records = [results.get(Key("process", question.name, way, orders)) for way in _WAYS]
            if any(records):
                shown = [_figures(record) for record in records]
                rows.append((question.title, *shown, _ratio(results, "process", question.name, orders)))
        yield _table(("", *_WAYS, "ratio to the faster one"), rows)
        yield from _problems(results, "process", orders)


def _warm(results: Results) -> Iterator[str]:
    orders = results.largest("warm")
    if not orders:
        return
    yield f"## Second answer of one process, {orders:_} orders"
    yield f"Without start-up and imports; {_runs(results.of_kind('warm'))}. Seconds / CPU seconds."
    rows = []
    for question in QUESTIONS.values():
        records = [results.get(Key("warm", question.name, way, orders)) for way in _WAYS[:3]]
        if any(records):
            shown = [_figures(record, memory=False) for record in records]
            rows.append((question.title, *shown, _ratio(results, "warm", question.name, orders)))
    yield _table(("", *_WAYS[:3], "ratio to the faster one"), rows)


def _layouts(results: Results) -> Iterator[str]:
    known = [(layout, ids) for layout, ids in (("months", "short"), *LAYOUTS, ("csv", "short"))]
    measured = {(each.key.layout, each.key.ids, each.key.orders) for each in results.of_kind("process")}
    sizes = {orders for layout, ids, orders in measured if (layout, ids) != ("months", "short")}
    for orders in sorted(sizes):
        yield f"## Files of other kinds, {orders:_} orders"
        runs = _runs(each for each in results.of_kind("process") if each.key.orders == orders and not _is_plain(each))
        yield f"Time of kpi_engine by that of the faster one of DuckDB and Polars, own process; {runs}."
        rows = []
        for question in QUESTIONS.values():
            cells = [_ratio(results, "process", question.name, orders, *each) for each in known]
            if any(cells):
                rows.append((question.title, *cells))
        yield _table(("", *(layout_name(*each) for each in known)), rows)
        for layout, ids in known[1:]:
            yield from _problems(results, "process", orders, layout, ids)


def _layers(results: Results) -> Iterator[str]:
    orders = results.largest("peers")
    if not orders:
        return
    yield f"## Layers of metrics on DuckDB, {orders:_} orders"
    runs = _runs(results.of_kind("peers"))
    yield f"Own process; {runs}. Seconds / CPU seconds / peak MB. A dash: see below. Installed are {_versions()}."
    names = (ENGINE, DUCKDB, *layers.INABILITY)
    rows, reasons = [], []
    for name in (*QUESTIONS, REFRESH):
        found = [results.records.get(Key("peers", name, way, orders)) for way in names]
        title = QUESTIONS[name].title if name in QUESTIONS else "the whole scorecard after a day was appended"
        rows.append((title, *(_figures(each) if each is not None and each.wall else "-" for each in found)))
        for each in found:
            if each is not None and each.problem and "expressible" in each.problem:
                reasons.append((title, each.key.way, each.problem.removeprefix("not expressible: ")))
    yield _table(("", *names), rows)
    yield "What their metrics do not express (tables may be filtered and computed row by row in SQL, no more):"
    yield _table(("question", "layer", "because"), reasons)
    yield from _problems(results, "peers", orders)


def _versions() -> str:
    """What the layers are measured with."""
    found = []
    for path in sorted(HERE.glob("requirements-*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found.append(" with ".join(line for line in lines if not line.startswith("#")))
    return "; ".join(found)


def _refresh(results: Results) -> Iterator[str]:
    found = list(results.of_kind("refresh"))
    if found:
        yield f"## After a day was appended, {found[0].key.orders:_} orders"
        several = [each for each in found if len(each.wall) > 1] or found
        yield f"`full`, {_runs(several)}, the store filled once; seconds / CPU seconds / peak MB."
        rows = [(each.key.way, _figures(each) if each.wall else each.problem, each.note) for each in found]
        yield _table(("", "", ""), rows)


def _capped(results: Results) -> Iterator[str]:
    found = list(results.of_kind("capped"))
    if found:
        yield f"## In 2 GiB of memory, {found[0].key.orders:_} orders"
        rows = [
            (QUESTIONS[each.key.question].title, each.key.way, _figures(each) if each.wall else each.problem)
            for each in found
        ]
        yield f"In {found[0].note}; one run each. Seconds / CPU seconds / peak MB."
        yield _table(("", "", ""), rows)


def _start(results: Results) -> Iterator[str]:
    found = list(results.of_kind("start"))
    if found:
        yield "## Start-up and definitions"
        yield f"{_runs(found).capitalize()}."
        rows = [(each.key.question, f"{each.wall_median:.3f} / {each.cpu_median:.3f}", each.note) for each in found]
        yield _table(("", "seconds / CPU seconds", ""), rows)


def _problems(results: Results, kind: str, orders: int, layout: str = "months", ids: str = "short") -> Iterator[str]:
    """Why some ways have no figures, other than that they cannot say the question."""
    lines = [
        f"* {each.key.question}, {each.key.way}: {each.problem}"
        for each in results.of_kind(kind)
        if each.problem
        and "not expressible" not in each.problem
        and (each.key.orders, each.key.layout, each.key.ids) == (orders, layout, ids)
    ]
    if lines:
        yield f"No figures of {layout_name(layout, ids)}, as answers were missing or not equal:\n\n" + "\n".join(lines)


def _runs(records: Iterable[Record]) -> str:
    """Of how many runs a figure is the median, at least."""
    fewest = min((len(record.wall) for record in records if record.wall), default=0)
    return "one run each" if fewest == 1 else f"median of {fewest} runs"


def _is_plain(record: Record) -> bool:
    return (record.key.layout, record.key.ids) == ("months", "short")


def _figures(record: Record | None, memory: bool = True) -> str:
    if record is None:
        return "-"
    peak = f" / {record.memory_median / 1e6:.0f}" if memory and record.memory_median else ""
    return f"{record.wall_median:.2f} / {record.cpu_median:.2f}{peak}"


def _ratio(results: Results, kind: str, question: str, orders: int, layout: str = "months", ids: str = "short") -> str:
    found = ratio(results, kind, question, orders, layout, ids)
    return "" if found is None else f"{found.value:.2f} x"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
