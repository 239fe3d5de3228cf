"""References between sources: `column customer_id -> customers`."""

from __future__ import annotations

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Reference
from kpi_engine.ir.types import Kind
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.world import World


def read_reference(world: World, source: str, column: tree.Column) -> Reference:
    """The reference that a column declares; E214 if the target has no key that fits."""
    assert column.target is not None
    head, *rest = column.target.parts
    thing = world.thing(head.text, head.span)
    alias = column.alias.text if column.alias is not None else None
    if thing.kind == "entity":
        if rest:
            raise problem(
                "E214",
                f"`{thing.name}` is an entity and has ids only",
                rest[0].span,
                f"write `-> {head.text}`",
            )
        return Reference(thing.name, "", alias, to_entity=True)
    if len(rest) > 1:
        raise problem("E214", "a reference leads to one column", column.target.span, f"write `-> {head.text}`")
    if rest:
        if not world.has_column(thing.name, rest[0].text) and thing.name not in world.unread:
            world.column(thing.name, rest[0].text, rest[0].span)
        return Reference(thing.name, rest[0].text, alias)
    return Reference(thing.name, _key(world, thing.name, column), alias)


def _key(world: World, target: str, column: tree.Column) -> str:
    assert column.target is not None
    source = world.sources[target]
    key = source.key
    if source.snapshot is not None and source.time is not None:
        key = tuple(name for name in key if name != source.time)
    if len(key) == 1:
        return key[0]
    world.refuse_damaged(target)
    help = f"write the unique column: `-> {target}.{column.name.text}`"
    if not key:
        help = f"add `key: ...` to source {target}, or {help}"
        raise problem("E214", f"`{target}` has no key to refer to", column.target.span, help)
    raise problem("E214", f"the key of `{target}` has {len(key)} columns: {listed(key)}", column.target.span, help)


def check_reference_types(world: World, source: str) -> list[tuple[str, BindError]]:
    """For each reference of a source whose two columns have different types, the column and E355."""
    found: list[tuple[str, BindError]] = []
    for name, reference in world.references[source].items():
        if reference.to_entity or reference.parent:
            continue
        try:
            own = world.column(source, name, world.sources[source].span)
            other = world.column(reference.target, reference.target_column, own.span)
        except BindError as failure:
            found.append((name, failure))
            continue
        kinds = {own.type.kind, other.type.kind}
        if Kind.NULL in kinds or len(kinds) == 1 or kinds <= {Kind.INTEGER, Kind.DECIMAL}:
            continue
        referred = f"`{reference.target}.{other.name}`, which it refers to, is {other.type}"
        message = f"`{source}.{name}` is {own.type}, and {referred}"
        found.append((name, problem("E355", message, own.span, "declare both with one type")))
    return found
