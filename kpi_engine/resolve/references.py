"""Ways along `->`: chains from one source to another, and dotted names that follow them."""

from __future__ import annotations

from collections.abc import Iterator

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Reference
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Field, Step
from kpi_engine.ir.parents import leads_to_parent
from kpi_engine.ir.span import Span
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.world import World

Chain = tuple[Step, ...]
_MOST_CHAINS = 12


def step(source: str, column: str, reference: Reference) -> Step:
    """The step that a reference column makes."""
    return Step(source, column, reference.target, reference.target_column)


def chains(world: World, base: str, word: str) -> list[Chain]:
    """All chains from `base` to the thing or the alias that a word means, shortest first, at most a dozen.

    A chain visits no source twice.
    """
    thing = world.things.find(word)
    target = thing.name if thing is not None and thing.kind != "grain" else None
    found = _search(world, base, word, target)
    return sorted(found, key=len)


def _search(world: World, base: str, word: str, target: str | None) -> list[Chain]:
    found: list[Chain] = []
    waiting: list[Chain] = [()]
    while waiting and len(found) < _MOST_CHAINS:
        chain = waiting.pop(0)
        here = chain[-1].target if chain else base
        visited = {base, *(each.target for each in chain)}
        for column, reference in world.references.get(here, {}).items():
            if chain and _is_inherited(world, chain[-1], column):
                continue
            longer = (*chain, step(here, column, reference))
            if reference.alias == word or reference.target == target:
                found.append(longer)
            elif reference.target not in visited and len(waiting) < 1000:
                waiting.append(longer)
    return found


def _is_inherited(world: World, last: Step, column: str) -> bool:
    """Whether a step from an element to its row would only go on by a reference that the element has itself."""
    own = world.references[last.source].get(column)
    return own is not None and own.inherited and leads_to_parent(world.sources, last)


def reaches(world: World, base: str, target: str) -> bool:
    """Whether any chain leads from one source to another (a source reaches itself)."""
    return base == target or bool(chains(world, base, target))


def spelled(chain: Chain) -> str:
    """A chain as a dotted path: its columns, from the base on.

    >>> spelled((Step("lines", "order_id", "orders", "id"), Step("orders", "customer_id", "customers", "id")))
    'lines.order_id.customer_id'
    """
    return ".".join([chain[0].source, *(each.column for each in chain)])


def path_field(world: World, base: str, node: tree.Path) -> Field:
    """The column that a dotted name means on rows of `base`.

    The parts before the last are the base itself, columns that refer, their aliases, or things that exactly one chain
    leads to.
    """
    steps: Chain = ()
    here = base
    parts = list(node.parts[:-1])
    if _is_base(world, base, parts[0]):
        parts.pop(0)
    for part in parts:
        chain = _next_chain(world, here, part)
        if chain is None:
            raise no_way(world, here, part)
        steps += chain
        here = chain[-1].target
    _check_dated(world, base, steps, node.span)
    column = world.column(here, node.parts[-1].text, node.parts[-1].span)
    return Field(column.name, column.type, steps, node.span)


def _check_dated(world: World, base: str, steps: Chain, span: Span) -> None:
    """E313 where the time of the base's rows would say which version is meant, and they have none."""
    if base not in world.sources or world.sources[base].time is not None:
        return
    for each in steps:
        target = world.sources.get(each.target)
        if target is not None and (target.versions is not None or target.snapshot is not None):
            raise problem(
                "E313",
                f"`{base}` has no time, which would say what row of `{target.name}` is meant",
                span,
                f"add `time: ...` to source {base}, or refer to {target.name} from rows that have one",
            )


def _is_base(world: World, base: str, part: tree.Name) -> bool:
    if part.text in world.references[base] or any(r.alias == part.text for r in world.references[base].values()):
        return False
    thing = world.things.find(part.text)
    return thing is not None and thing.name == base


def _next_chain(world: World, here: str, part: tree.Name) -> Chain | None:
    own = world.references[here].get(part.text)
    if own is not None:
        return (step(here, part.text, own),)
    found = chains(world, here, part.text)
    if len(found) > 1:
        raise several_chains(here, part.text, part.span, found)
    return found[0] if found else None


def several_chains(base: str, word: str, span: Span, found: list[Chain]) -> BindError:
    """E208: more than one chain leads to a source."""
    paths = [spelled(chain) for chain in found]
    return problem(
        "E208",
        f"{len(paths)} chains lead from {base} to `{word}`: {listed(paths, most=4)}",
        span,
        f"write the whole path, such as `{paths[0]}.column`, or name one reference: `-> {word} as ...`",
    )


def no_way(world: World, base: str, part: tree.Name) -> BindError:
    """Why a part of a dotted name leads nowhere."""
    thing = world.things.find(part.text)
    if thing is None:
        aliases = [reference.alias for reference in world.references[base].values() if reference.alias]
        words = [*world.things.words_of(("source", "entity")), *aliases, *world.references[base]]
        help = did_you_mean(part.text, words)
        if world.has_column(base, part.text):
            help = f"`{part.text}` is a column of `{base}` that refers to nothing: give it `-> ...`"
        return problem("E201", f"no source or entity named `{part.text}`", part.span, help)
    if thing.kind == "grain":
        return problem("E201", f"`{part.text}` is a grain and has no columns", part.span)
    return problem("E209", f"{base} has no way to {thing.name}", part.span, link_help(world, base, thing))


def link_help(world: World, base: str, thing: Thing) -> str:
    """What to add so that `base` reaches a thing."""
    source = world.sources.get(thing.name)
    key = source.key[0] if source is not None and len(source.key) == 1 else f"{thing.name}_id"
    return f"add `column {key} -> {thing.name}` to {base}"


def id_field(world: World, chain: Chain, place: Span) -> Field:
    """The id of the thing that a chain ends at, on rows of the source that it starts from.

    It is the column that refers; where that is to another unique column than the key, the key of the row behind it.
    """
    last = chain[-1]
    target = world.sources.get(last.target)
    if target is not None and len(target.key) == 1 and last.target_column != target.key[0]:
        key = world.column(last.target, target.key[0], place)
        return Field(key.name, key.type, chain, place)
    column = world.column(last.source, last.column, place)
    return Field(column.name, column.type, chain[:-1], place)


def link_columns(world: World, source: str, target: str) -> Iterator[str]:
    """Columns of a source that refer to a thing directly."""
    for column, reference in world.references.get(source, {}).items():
        if reference.target == target and not reference.parent:
            yield column
