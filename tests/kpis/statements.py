"""From a formula to one SQL statement that answers it by period and dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from .terms import Alive, Formula, Keyed, Leaf, Op, Term, insides, tables, terms

By = tuple[str, ...]


def statement(formula: Formula, by: By, grain: str) -> str:
    """One subquery a term, met on every period x every group that any term has seen.

    The periods begin with that of the first row of any table asked.
    """
    names = {term: f"term{number}" for number, term in enumerate(terms(formula))}
    queries = [f"{name} as ({_term(term, by, grain)})" for term, name in names.items()]
    sources = ", ".join(f"'{table}'" for table, _ in tables(formula))
    periods = (
        f"periods as (select period from windows where grain = '{grain}' and kind = 'this' "
        f"and hi > (select min(first) from coverage where source in ({sources})))"
    )
    frame = "from periods"
    if by:
        seen = [_groups(term, name, by, grain) for term, name in names.items() if not _ignores(term)]
        queries.append(f"groups as ({' union '.join(seen)})")
        frame = "from periods cross join groups"
    same = {name: f"{name}.period = periods.period{_same(by, 'groups', term, name)}" for term, name in names.items()}
    joins = [f"left join {name} on {same[name]}" for name in names.values()]
    spans = [_span(term, name, grain, "periods.period") for term, name in names.items()]
    columns = ["periods.period", *(f"groups.{name}" for name in by)]
    return "\n".join(
        [
            "with " + ",\n".join([periods, *queries]),
            f"select {', '.join(columns)}, {_render(formula, names)} as value",
            frame,
            *joins,
            *spans,
        ]
    )


def _term(term: Term, by: By, grain: str) -> str:
    """An aggregate by period and by the dimensions that it does not ignore."""
    match term:
        case Leaf():
            return _leaf(term, by, grain)
        case Alive():
            return _alive(term, by, grain)
        case Keyed():
            return _keyed(term, by, grain)


def _leaf(leaf: Leaf, by: By, grain: str) -> str:
    """One aggregate of the rows of each window."""
    return (
        f"select {_columns('span.period', by, leaf)}, {leaf.aggregate} as value "
        f"from window_days span join {leaf.table} facts on facts.{leaf.day} = span.day "
        f"where span.grain = '{grain}' and span.kind = '{leaf.window}' and ({leaf.where}) group by all"
    )


def _alive(alive: Alive, by: By, grain: str) -> str:
    """How many lifetimes hold at a midnight: begun on a day before it, not ended on one."""
    midnight = "span.hi" if alive.at == "end" else "span.lo"
    return (
        f"select {_columns('span.period', by, alive)}, count(*) as value "
        f"from windows span join {alive.table} facts "
        f"on facts.day < {midnight} and (facts.ends_day is null or facts.ends_day >= {midnight}) "
        f"where span.grain = '{grain}' and span.kind = 'this' group by all"
    )


def _keyed(keyed: Keyed, by: By, grain: str) -> str:
    """The inside by period, dimensions and key; the outside over the keys that are kept."""
    deeper = (*by, keyed.key)
    names: dict[Term, str] = {leaf: f"inside{number}" for number, leaf in enumerate(insides(keyed))}
    queries = [f"{name} as ({_term(leaf, deeper, grain)})" for leaf, name in names.items()]
    seen = " union ".join(f"select {_list('period', deeper)} from {name}" for name in names.values())
    joins = [
        f"left join {name} on {name}.period = cells.period{_same(deeper, 'cells', leaf, name)}"
        for leaf, name in names.items()
    ]
    spans = [_span(leaf, name, grain, "cells.period") for leaf, name in names.items()]
    having = "true" if keyed.having is None else _render(keyed.having, names)
    columns = ", ".join(["cells.period", *(f"cells.{name}" for name in by)])
    return " ".join(
        [
            "with " + ", ".join([*queries, f"cells as ({seen})"]),
            f"select {columns}, {keyed.outer} as value from (select cells.*, {_render(keyed.value, names)} as value",
            "from cells",
            *joins,
            *spans,
            f"where cells.{keyed.key} is not null and ({having})) cells group by all",
        ]
    )


def _groups(term: Term, name: str, by: By, grain: str) -> str:
    """The groups that a term has seen: those with a row, whether or not any key is kept."""
    if isinstance(term, Keyed):
        leaves = [f"select distinct {', '.join(by)} from ({_leaf(leaf, by, grain)})" for leaf in insides(term)]
        return " union ".join(leaves)
    return f"select distinct {', '.join(by)} from {name}"


def _ignores(term: Term) -> bool:
    """Whether a term ignores dimensions, so that it has no groups of its own to show."""
    return isinstance(term, Leaf) and bool(term.without)


def _kept(by: By, term: Term) -> By:
    """The dimensions that a term does not ignore."""
    ignored = term.without if isinstance(term, Leaf) else ()
    return () if ignored == ("*",) else tuple(name for name in by if name not in ignored)


def _columns(period: str, by: By, term: Term) -> str:
    return ", ".join([period, *(f"facts.{name}" for name in _kept(by, term))])


def _list(period: str, by: By) -> str:
    return ", ".join([period, *by])


def _same(by: By, frame: str, term: Term, name: str) -> str:
    """The groups of the answer and of a term are equal, null to null."""
    return "".join(f" and {frame}.{each} is not distinct from {name}.{each}" for each in _kept(by, term))


def _span(term: Term, name: str, grain: str, period: str) -> str:
    """The window of a term beside each row, to know whether it is covered there."""
    kind = term.window if isinstance(term, Leaf) else "this"
    span = f"{name}_span"
    return f"join windows {span} on {span}.grain = '{grain}' and {span}.kind = '{kind}' and {span}.period = {period}"


def _render(formula: Formula, names: Mapping[Term, str]) -> str:
    """The arithmetic of a formula over the columns of its terms; null where a window lies before the first row."""
    if isinstance(formula, Op):
        return formula.sql.format(*(_render(operand, names) for operand in formula.operands))
    name = names[formula]
    if isinstance(formula, Leaf):
        empty, before = formula.empty, formula.window == "before"
    else:
        empty, before = (formula.empty if isinstance(formula, Keyed) else "0"), False
    sources = ", ".join(f"'{table}'" for table, _ in tables(formula))
    covered = f"{name}_span.hi > (select min(first) from coverage where source in ({sources}))"
    return f"case when {before} or {covered} then coalesce({name}.value, {empty}) end"
