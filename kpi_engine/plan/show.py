"""The plan as text, for people and for golden cases; stable, and with nothing of one run in it."""

from __future__ import annotations

from collections.abc import Iterator

from kpi_engine.ir.approximation import Approximation
from kpi_engine.ir.bounds import Interval
from kpi_engine.ir.parents import shown_column
from kpi_engine.ir.plan import Leaf, MeasureQuery, Nested, Plan, Scan, StateKind, StateRequest
from kpi_engine.ir.show import show_expression
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.plan.notes import shown


def show_plan(plan: Plan, calendar: Calendar) -> str:
    """The plan, a node a line: scans with their measure queries, leaves, outputs."""
    return "\n".join(_lines(plan, calendar))


def _lines(plan: Plan, calendar: Calendar) -> Iterator[str]:
    for part in (plan, *plan.further):
        yield f"answer {_answer(part)}"
        if part is plan and plan.as_of is not None:
            yield f"  as of {shown(calendar, plan.as_of)}"
        for output in part.outputs:
            yield f"output {output.name} = {show_expression(output.expression)}"
        for leaf in part.leaves:
            yield f"leaf {leaf.name}: {_leaf(leaf, part, calendar)}"
        for nested in part.nested:
            yield from _nested(nested, part, calendar)
    for scan in plan.scans:
        yield from _scan(scan, plan, calendar)
    for each in plan.prepared:
        yield f"prepare {each.source} columns=[{', '.join(map(shown_column, each.columns))}]"
    for table in plan.keyed:
        yield f"value by {table.owner}: {show_expression(table.body)}"
        yield from (f"  {line}" for scan in table.plan.scans for line in _scan(scan, table.plan, calendar))


def _nested(nested: Nested, plan: Plan, calendar: Calendar) -> Iterator[str]:
    body = "rows" if nested.body is None else show_expression(nested.body)
    having = "" if nested.having is None else f" having {show_expression(nested.having)}"
    own = f" by [{', '.join(nested.own)}]" if nested.own else ""
    required = f" where {', '.join(nested.required)} has rows" if nested.required else ""
    yield f"nested {nested.name}: {nested.finish} of {body}{own}{having} in {nested.frames} frames{required}"
    for leaf in nested.leaves:
        yield f"  leaf {leaf.name}: {_leaf(leaf, plan, calendar)}"
    for inner in nested.inner:
        yield from (f"  {line}" for line in _nested(inner, plan, calendar))


def _scan(scan: Scan, plan: Plan, calendar: Calendar) -> Iterator[str]:
    yield f"scan {scan.source} columns=[{', '.join(map(shown_column, scan.columns))}]"
    if scan.start is not None or scan.end is not None:
        start, end = (shown(calendar, each[1]) if each is not None else "" for each in (scan.start, scan.end))
        yield f"  time [{start}, {end})"
    for predicate in scan.predicates:
        yield f"  offer {show_expression(predicate)}"
    for number in scan.queries:
        yield from _query(number, plan.queries[number], calendar)


def _answer(plan: Plan) -> str:
    by = f" by {', '.join(name for name, _ in plan.dimensions)}" if plan.dimensions else ""
    if not plan.periods:
        return f"no periods{by}"
    first, last = plan.periods[0].label, plan.periods[-1].label
    if plan.grain is None:
        return f"{first}{by}"
    return f"{len(plan.periods)} x {plan.grain} {first} .. {last}{by}"


def _leaf(leaf: Leaf, plan: Plan, calendar: Calendar) -> str:
    parts = [f"{leaf.finish} of q{leaf.query + 1}.s{leaf.state + 1}"]
    if leaf.item_key:
        parts.append(f"[{leaf.item_key}]")
    if leaf.parameter:
        parts.append(f"at {leaf.parameter}")
    if leaf.keys != tuple(name for name, _ in plan.dimensions):
        parts.append(f"keys=[{', '.join(leaf.keys)}]")
    if leaf.pick is not None and leaf.own:
        parts.append(f"{leaf.pick.point} snapshot of each {', '.join(leaf.own).replace('own ', '')}")
    parts.append(f"windows {_windows(leaf, calendar)}")
    if leaf.text:
        parts.append(f"# {leaf.text}")
    return " ".join(parts)


def _windows(leaf: Leaf, calendar: Calendar) -> str:
    windows = [window for window in leaf.windows if window is not None]
    if not windows:
        return "none"
    first, last = _interval(windows[0], calendar), _interval(windows[-1], calendar)
    return first if len(windows) == 1 else f"{first} .. {last}"


def _interval(window: Interval, calendar: Calendar) -> str:
    start = "" if window.start is None else shown(calendar, window.start)
    return f"[{start}, {shown(calendar, window.end)})"


def _query(number: int, query: MeasureQuery, calendar: Calendar) -> Iterator[str]:
    time = f" time={query.time}" if query.time else ""
    keys = "".join(f" {key.name}={show_expression(key.expression)}" for key in query.keys)
    yield f"  q{number + 1}:{time} edges={len(query.edges)}{' keys:' if keys else ''}{keys}"
    if query.filter is not None:
        yield f"    where {show_expression(query.filter)}"
    for position, state in enumerate(query.states, 1):
        yield f"    s{position}: {_state(state)}"


def _state(state: StateRequest) -> str:
    value = "rows" if state.argument is None else show_expression(state.argument)
    where = "" if state.filter is None else f" where {show_expression(state.filter)}"
    return f"{state.kind}({value}){where}{_bound(state.kind)}"


def _bound(kind: StateKind) -> str:
    """How far an estimate from a state of this kind may be off; nothing for exact states."""
    return f"  # {Approximation(kind).bound}" if kind == "hll" or kind == "kll" else ""
