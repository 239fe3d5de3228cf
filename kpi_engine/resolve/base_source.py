"""Which source's rows an aggregate goes over: said by its argument, or for ids by what refers to them."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.span import Span
from kpi_engine.resolve.literals import core
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import BindError, article, listed, problem
from kpi_engine.resolve.references import chains, link_columns
from kpi_engine.resolve.syntax import calls_in, dotted_in, walk_tree
from kpi_engine.resolve.world import World


def base_of(world: World, function: Function, call: tree.Call, nodes: Sequence[tree.Expr]) -> str:
    """The one source named in the arguments, or of several the one that reaches all the others."""
    check_no_aggregates(world, function, nodes)
    named: dict[str, Span] = {}
    for path in dotted_in(nodes):
        thing = world.things.find(path.parts[0].text)
        if thing is not None and thing.kind == "source":
            named.setdefault(thing.name, path.span)
    if not named:
        raise _no_source(world, function, call, nodes)
    if len(named) == 1:
        return next(iter(named))
    bases = [name for name in named if all(name == other or chains(world, name, other) for other in named)]
    if len(bases) == 1:
        return bases[0]
    why = "none of them reaches the others" if not bases else f"{listed(bases)} reach each other"
    raise problem(
        "E307",
        f"`{function.name}` goes over rows of one source, and {listed(named)} are named: {why}",
        call.span,
        "aggregate each source on its own and combine the results, such as `sum(a.x) / sum(b.y)`",
    )


def check_no_aggregates(world: World, function: Function, nodes: Sequence[tree.Expr]) -> None:
    """E303 for an aggregate or a window inside the rows of another."""
    for inner in calls_in(nodes):
        record = world.functions.get(inner.function.text)
        if record is not None and record.level != "row":
            text = " ".join(inner.span.text.split())
            help = f"aggregate the groups of something: `{function.name}({text} per customer)`"
            if record.level == "window":
                help = f"put `{record.name}` outside: `{record.name}({function.name}(...))`"
            raise problem(
                "E303",
                f"`{record.name}` cannot stand on the rows that `{function.name}` takes",
                inner.span,
                help,
            )


def _no_source(world: World, function: Function, call: tree.Call, nodes: Sequence[tree.Expr]) -> BindError:
    name = function.name
    dotted = dotted_in(nodes)
    if dotted:
        head = dotted[0].parts[0]
        try:
            world.thing(head.text, head.span, ("source",))
        except BindError as failure:
            return failure
    bare = [node for node in walk_tree(nodes) if isinstance(node, tree.Path)]
    for path in sorted(bare, key=lambda each: each.span.start):
        word = path.text
        if world.has_metric(word):
            help = f"aggregate it for groups of something: `{name}({word} per customer)`"
            if name == "sum":
                help = f"it is already a total: write `x = {word}`, or aggregate it: `avg({word} per customer)`"
            return problem("E301", f"`{word}` is a metric; `{name}` takes columns", path.span, help)
        thing = world.things.find(word)
        if thing is not None and thing.kind != "grain":
            columns = [c.name for c in world.columns[thing.name].values() if c.type.numeric]
            help = f"write a column: `{name}({word}.{columns[0] if columns else 'column'})`, or `count({word})`"
            return problem("E304", f"`{word}` is {article(thing.kind)}; `{name}` takes a column", path.span, help)
        owners = world.owners_of_column(word)
        if owners:
            help = (
                f"did you mean `{owners[0]}.{word}`?"
                if len(owners) == 1
                else (f"{listed(owners)} have one: write `{owners[0]}.{word}`")
            )
            return problem("E306", f"`{word}` does not say of which source it is a column", path.span, help)
    if bare:
        first = min(bare, key=lambda each: each.span.start)
        return problem("E203", f"no source has a column `{first.text}`", first.span, world.value_help(first.text))
    return problem(
        "E306",
        f"`{name}` names no source",
        call.span,
        f"write a column of a source, such as `{name}(orders.total)`",
    )


def single_thing(node: tree.Expr) -> tree.Name | None:
    """The word, if an argument is one bare word."""
    inner = core(node)
    if isinstance(inner, tree.Path) and len(inner.parts) == 1 and isinstance(node, tree.Path | tree.Group):
        return inner.parts[0]
    return None


def counting_source(world: World, thing: Thing, span: Span) -> tuple[str, str]:
    """The source in which ids of a thing are counted, and its column: `counted_in:`, else the only one that refers.

    A source is never its own counting source.
    """
    entity = world.entities.get(thing.name)
    source = world.sources.get(thing.name)
    stated = entity.counted_in if entity is not None else source.counted_in if source is not None else None
    if stated is not None:
        return stated, link_column(world, stated, thing, span)
    found = [
        name
        for name in world.sources
        if name != thing.name and any(True for _ in link_columns(world, name, thing.name))
    ]
    if len(found) > 1:  # elements carry the key of their row, and count it only where nothing else does
        found = [name for name in found if not _holds_elements(world, thing.name, name)] or found
    if len(found) == 1:
        return found[0], link_column(world, found[0], thing, span)
    if not found:
        help = f"add `column {thing.name}_id -> {thing.name}` to the source that holds its ids"
        if thing.kind == "source":
            help = f"{help}; rows of {thing.name} itself are `count({thing.name})`"
        raise problem("E312", f"no source refers to `{thing.name}`", span, help)
    first = next(link_columns(world, found[0], thing.name))
    raise problem(
        "E311",
        f"`{thing.name}` can be counted in {len(found)} sources: {', '.join(found)}",
        span,
        f"write count(distinct {found[0]}.{first}), or set `counted_in:` on the {thing.kind}",
    )


def _holds_elements(world: World, base: str, name: str) -> bool:
    """Whether the rows of a source are elements of rows of another."""
    derived = world.sources[name].derived
    return derived is not None and derived.kind == "unnest" and derived.base == base


def link_column(world: World, source: str, thing: Thing, span: Span) -> str:
    """The one column of a source that refers to a thing; E312 if there is none, E315 if there are several."""
    columns = list(link_columns(world, source, thing.name))
    if len(columns) == 1:
        return columns[0]
    if not columns:
        raise problem(
            "E312",
            f"{source} has no column that refers to `{thing.name}`",
            span,
            f"add `column {thing.name}_id -> {thing.name}` to {source}",
        )
    raise problem(
        "E315",
        f"{source} refers to `{thing.name}` by {len(columns)} columns: {listed(columns)}",
        span,
        f"write the column: `count(distinct {source}.{columns[0]})`",
    )
