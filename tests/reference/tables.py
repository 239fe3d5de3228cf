"""The rows of sources: stored ones as they are declared, derived ones, and those without duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kpi_engine.ir import tree

from .local_time import LocalCalendar
from .model import Source
from .parts import as_type, part_of
from .problems import MeaninglessError
from .values import stored

if TYPE_CHECKING:
    from .world import World

Moment = date | datetime


@dataclass(eq=False)
class Row:
    """The cells of a row. One of a derived source knows the row it comes from, and of pairs its time."""

    cells: dict[str, Any]
    origin: Row | None = None
    moment: Moment | None = None


def read_rows(world: World, source: Source) -> list[Row]:
    """The rows of a source: without duplicates, then by its own `where:`, then without what cannot be a life."""
    rows = _stored(world, source) if source.formula is None else _derived(world, source)
    if "distinct" in source.properties and source.properties["distinct"] == tree.Boolean(True):
        rows = list({_equal(source, row): row for row in reversed(rows)}.values())
        rows.reverse()
    duplicates = source.properties.get("on_duplicate")
    if isinstance(duplicates, tree.Call):
        rows = _newest(world, source, source.words("key"), duplicates.arguments[0].value, rows)
    own = source.properties.get("where")
    rows = [row for row in rows if own is None or world.on_row(own, source.name, row) is True]
    if "lifetime" in source.properties:
        rows = [row for row in rows if _lives(world, source, row)]
    return rows


def _equal(source: Source, row: Row) -> tuple[Any, ...]:
    """What equal rows have in common; elements also the row that they are elements of."""
    own = id(row.origin) if source.elements is not None else None
    return (own, *sorted(row.cells.items(), key=lambda cell: cell[0]))


def _stored(world: World, source: Source) -> list[Row]:
    zone = LocalCalendar(source.words("timezone")[0]) if "timezone" in source.properties else world.calendar
    return [_read(source, row, zone) for row in world.tables[source.name]]


def _read(source: Source, row: Mapping[str, object], zone: LocalCalendar) -> Row:
    cells = {name: stored(value, zone) for name, value in row.items()}
    for column in source.columns.values():
        if column.computed is None:
            cells[column.name] = as_type(part_of(cells, column.stored_as), column.type, zone)
    return Row(cells)


def _newest(world: World, source: Source, key: Sequence[str], by: tree.Expr, rows: list[Row]) -> list[Row]:
    """Of the rows with one key the one with the greatest value, of equal ones the last."""
    best: dict[tuple[Any, ...], tuple[Any, Row]] = {}
    for row in rows:
        identity = tuple(world.column(name, source.name, row) for name in key)
        value = world.on_row(by, source.name, row)
        if None in identity or value is None:
            continue
        if identity not in best or value >= best[identity][0]:
            best[identity] = value, row
    kept = {id(row) for _, row in best.values()}
    return [row for row in rows if id(row) in kept]


def _lives(world: World, source: Source, row: Row) -> bool:
    begin, end = [world.column(name, source.name, row) for name in source.words("lifetime")]
    return begin is not None and (end is None or end >= begin)


def _derived(world: World, source: Source) -> list[Row]:
    base = source.base
    match source.formula:
        case tree.Group(clauses=(tree.Where(condition=condition),)):
            found = [row for row in world.rows(base) if world.on_row(condition, base, row) is True]
            return [Row(dict(row.cells), row, row.moment) for row in found]
        case tree.Call(function=tree.Path(text="latest")):
            return _latest(world, source)
        case tree.Call(function=tree.Path(text="pairs")):
            return _pairs(world, source)
        case tree.Call(function=tree.Path(text="unnest")):
            return _elements(world, source)
    raise MeaninglessError(f"{source.name} is derived in no known way")


def _elements(world: World, source: Source) -> list[Row]:
    """A row for each element of a list or a map of each row."""
    found = []
    assert source.elements is not None
    for row in world.rows(source.base):
        elements = part_of(row.cells, source.elements)
        if isinstance(elements, dict):
            elements = [{"key": key, "value": value} for key, value in elements.items()]
        for element in elements or ():
            # A null among structs has null fields, as one among plain values is null.
            cells = dict(element) if isinstance(element, dict) else {} if element is None else {"value": element}
            for column in source.columns.values():
                if column.computed is None and not column.inherited:
                    part = part_of(cells, column.stored_as)
                    cells[column.name] = as_type(part, column.type, world.calendar)
            found.append(Row(cells, row))
    return found


def _latest(world: World, source: Source) -> list[Row]:
    """Of each id the row with the greatest time before the watermark; of equal times the last one."""
    best: dict[tuple[Any, ...], tuple[Moment, Row]] = {}
    for row in world.known_rows(source.base):
        identity = tuple(world.column(name, source.base, row) for name in source.per)
        moment = world.time(source.base, row)
        assert moment is not None
        if None not in identity and (identity not in best or moment >= best[identity][0]):
            best[identity] = moment, row
    return [Row(dict(row.cells), row, row.moment) for _, row in best.values()]


def _pairs(world: World, source: Source) -> list[Row]:
    """Ordered pairs of the different items of each id, dated by the earliest row of the id."""
    baskets: dict[tuple[Any, ...], list[tuple[Any, Moment]]] = {}
    for row in world.known_rows(source.base):
        identity = tuple(world.column(name, source.base, row) for name in source.per)
        assert source.item is not None
        item = world.column(source.item, source.base, row)
        moment = world.time(source.base, row)
        assert moment is not None
        if None not in identity and item is not None:
            baskets.setdefault(identity, []).append((item, moment))
    most = source.properties.get("max_items")
    limit = int(most.value) if isinstance(most, tree.Number) else 100
    found = []
    for identity, basket in baskets.items():
        items = {item for item, _ in basket}
        if len(items) > limit:
            raise MeaninglessError(f"a basket of {len(items)} items")
        cells = dict(zip(source.per, identity, strict=True))
        moment = min(moment for _, moment in basket)
        found += [Row({**cells, "item": one, "other": two}, None, moment) for one in items for two in items]
    return found
