"""`map`: which table, or which other source, a pack's logical source is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, Note, did_you_mean
from kpi_engine.ir.span import Span
from kpi_engine.resolve.packs_names import Renamer
from kpi_engine.resolve.packs_scopes import Scopes
from kpi_engine.resolve.packs_units import PROJECT, Ident
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.syntax import walk_tree


@dataclass(frozen=True, slots=True)
class BoundMap:
    """One `map`: the unit that writes it, the logical source, and the source that it is (None: a table)."""

    unit: str
    declaration: tree.Map
    logical: Ident
    other: Ident | None


def bind_maps(scopes: Scopes, problems: list[Diagnostic]) -> dict[Ident, BoundMap]:
    """All maps by logical source; what is wrong with the others goes to `problems`."""
    found: dict[Ident, BoundMap] = {}
    for name, unit in scopes.units.items():
        for each in unit.declarations():
            if not isinstance(each, tree.Map):
                continue
            try:
                bound = _bind(scopes, name, each)
                first = found.get(bound.logical)
                if first is not None:
                    notes = [Note("the first map stands here", first.declaration.logical.span)]
                    message = f"`{each.logical.text}` is mapped twice"
                    raise problem("E791", message, each.logical.span, "keep one of them", notes)
                found[bound.logical] = bound
            except BindError as failure:
                problems.extend(failure.diagnostics)
    return _without_circles(found, problems)


def _bind(scopes: Scopes, unit: str, declaration: tree.Map) -> BoundMap:
    logical = _source(scopes, unit, declaration.logical)
    shown = declaration.logical.text
    if logical[0] == unit:
        help = f"write `table:` under `source {shown}`"
        raise problem("E791", f"`{shown}` is no source of a pack", declaration.logical.span, help)
    source = scopes.units[logical[0]].things[logical[1]]
    if isinstance(source, tree.Source) and source.value is not None:
        message = f"`{shown}` is made of other rows and has no table of its own"
        raise problem("E791", message, declaration.logical.span, "map the sources that it is made of")
    columns = {column.name.text for column in source.columns} if isinstance(source, tree.Source) else set()
    for each in declaration.assignments:
        if each.name.text not in columns:
            word = each.name.text
            help = did_you_mean(word, columns) or f"a further column is written `column {word}: ...`"
            raise problem("E791", f"`{shown}` has no column `{word}`", each.name.span, help)
    physical = declaration.physical
    if isinstance(physical, tree.Path):
        return BoundMap(unit, declaration, logical, _source(scopes, unit, physical))
    texts = physical.items if isinstance(physical, tree.ListItems) else (physical,)
    if not texts or not all(isinstance(each, tree.Text) for each in texts):
        help = f'write `map {shown} to "erp.orders"`, or the name of another source'
        raise problem("E791", "a source is mapped to a table or to a source", physical.span, help)
    return BoundMap(unit, declaration, logical, None)


def _source(scopes: Scopes, unit: str, path: tree.Path) -> Ident:
    """The source that a path names; E791 for anything else."""
    found: list[Ident] = []
    if len(path.parts) == 2:
        pack = scopes.pack_of(unit, path.parts[0].text)
        if pack is None:
            help = f"write `use {path.parts[0].text}` first"
            raise problem("E791", f"there is no pack `{path.parts[0].text}` here", path.parts[0].span, help)
        ident = scopes.find_in(pack, "thing", path.parts[1].text)
        found = [ident] if ident is not None else []
    elif len(path.parts) == 1:
        found = scopes.find(unit, "thing", path.text)
    if len(found) > 1:
        packs = listed((f"{pack}.{word}" for pack, word in found), last="or")
        raise problem("E792", f"{len(found)} packs have a thing `{path.text}`", path.span, f"write {packs}")
    if found and isinstance(scopes.units[found[0][0]].things[found[0][1]], tree.Source):
        return found[0]
    known = [
        name if other == unit else f"{other}.{name}"
        for other, each in scopes.units.items()
        for name, thing in each.things.items()
        if isinstance(thing, tree.Source) and thing.value is None
    ]
    help = did_you_mean(path.text, known) or f"there are {listed(known, most=12)}"
    raise problem("E791", f"there is no source `{path.text}`", path.span, help)


def _without_circles(found: dict[Ident, BoundMap], problems: list[Diagnostic]) -> dict[Ident, BoundMap]:
    kept = dict(found)
    for start, bound in found.items():
        here, seen = bound.other, {start}
        while here is not None and here in kept and here not in seen:
            seen.add(here)
            here = kept[here].other
        if here == start and start in kept:
            message = f"`{bound.declaration.logical.text}` is mapped to itself in a circle"
            help = "map one of them to a table"
            problems.append(Diagnostic("E794", message, bound.declaration.logical.span, help))
            del kept[start]
    return kept


def mapped_source(source: tree.Source, bound: BoundMap, renamer: Renamer) -> tree.Source:
    """A pack's source read from a table: its columns as the map says, and the map's properties over its own."""
    declaration = bound.declaration
    own = {each.key.text: each for each in source.properties}
    given = {each.key.text: each for each in renamer.properties(declaration.properties)}
    if "where" in own and "where" in given:
        both = (own["where"].value, given["where"].value)
        given["where"] = replace(given["where"], value=tree.Logical("and", both, span=given["where"].value.span))
    key = tree.Name("table", span=declaration.physical.span)
    given["table"] = tree.Property(key, declaration.physical, span=declaration.physical.span)
    columns = _columns(source, declaration, renamer)
    return replace(source, properties=tuple({**own, **given}.values()), columns=columns)


def _columns(source: tree.Source, declaration: tree.Map, renamer: Renamer) -> tuple[tree.Column, ...]:
    further = renamer.columns(declaration.columns)
    assigned = {each.name.text: each.value for each in declaration.assignments}
    physical = _Physical(source, assigned, further)
    columns = [
        replace(each, origin=physical.origin(assigned[each.name.text]), span=each.span)
        if each.name.text in assigned
        else each
        for each in source.columns
    ]
    return (*columns, *further, *physical.added)


class _Physical:
    """The columns of the table that right sides name, each under a name of the source that means just this column."""

    def __init__(self, source: tree.Source, assigned: Mapping[str, tree.Expr], further: Iterable[tree.Column]) -> None:
        columns = [*(each for each in source.columns if each.name.text not in assigned), *further]
        self._known = {_stored(each): each.name.text for each in columns if _stored(each) is not None}
        self._taken = {each.name.text for each in (*source.columns, *columns)}
        self.added: list[tree.Column] = []

    def origin(self, value: tree.Expr) -> tree.StoredAs | tree.Expr:
        """What a logical column is: a column of the table, or a computation from some."""
        if isinstance(value, tree.Path) and len(value.parts) == 1:
            return tree.StoredAs(tree.Text(value.text, span=value.span), span=value.span)
        places = {
            node.parts[0].text: node.span for node in walk_tree([value]) if isinstance(node, tree.Path) and node.parts
        }
        names = {word: self._name(word, place) for word, place in places.items()}
        return _with_names(value, names)

    def _name(self, physical: str, place: Span) -> str:
        if physical in self._known:
            return self._known[physical]
        name = physical if physical not in self._taken else f"{physical} in the table"
        stored = tree.StoredAs(tree.Text(physical, span=place), span=place)
        self.added.append(tree.Column(tree.Name(name, span=place), origin=stored, span=place))
        self._known[physical] = name
        self._taken.add(name)
        return name


def _stored(column: tree.Column) -> str | None:
    """The physical name of a column that is read as it is."""
    if column.origin is None:
        return column.name.text
    return column.origin.name.value if isinstance(column.origin, tree.StoredAs) else None


def _with_names(node: tree.Expr, names: Mapping[str, str]) -> tree.Expr:
    """A formula on rows with other names for its columns."""

    def inside(each: tree.Expr) -> tree.Expr:
        return _with_names(each, names)

    match node:
        case tree.Path():
            head = replace(node.parts[0], text=names.get(node.parts[0].text, node.parts[0].text))
            return replace(node, parts=(head, *node.parts[1:]))
        case tree.ListItems():
            return replace(node, items=tuple(map(inside, node.items)))
        case tree.Unary() | tree.IsNull():
            return replace(node, operand=inside(node.operand))
        case tree.Binary() | tree.Compare():
            return replace(node, left=inside(node.left), right=inside(node.right))
        case tree.Logical():
            return replace(node, operands=tuple(map(inside, node.operands)))
        case tree.In():
            items = replace(node.items, items=tuple(map(inside, node.items.items)))
            return replace(node, operand=inside(node.operand), items=items)
        case tree.Case():
            arms = tuple(replace(arm, condition=inside(arm.condition), value=inside(arm.value)) for arm in node.arms)
            return replace(node, arms=arms, default=None if node.default is None else inside(node.default))
        case tree.Group():
            return replace(node, body=inside(node.body))
        case tree.Call():
            arguments = tuple(replace(each, value=inside(each.value)) for each in node.arguments)
            return replace(node, arguments=arguments)
    return node


def united(target: tree.Source, logical: tree.Source, bound: BoundMap, renamer: Renamer) -> tree.Source:
    """A source with the columns that another one, which is mapped to it, has beside its own.

    Right sides name columns of the target.
    """
    assigned = {each.name.text: each.value for each in bound.declaration.assignments}
    own = {each.name.text for each in target.columns}
    columns = [
        replace(each, origin=renamer.rows(assigned[each.name.text])) if each.name.text in assigned else each
        for each in logical.columns
        if each.name.text not in own
    ]
    return replace(target, columns=(*target.columns, *columns, *renamer.columns(bound.declaration.columns)))


def is_own(bound: BoundMap) -> bool:
    """Whether a pack's source is one that the project declares itself."""
    return bound.other is not None and bound.other[0] == PROJECT
