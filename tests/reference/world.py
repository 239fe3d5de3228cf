"""One row at a time: columns, paths along `->`, dimensions, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kpi_engine.ir import tree

from . import links
from .children import of_children
from .expressions import call_function, evaluate
from .local_time import LocalCalendar, Mark
from .model import Column, Entity, Model, Source, duration, paths, word
from .period_text import read_instant
from .problems import AmbiguousError, MeaninglessError
from .tables import Moment, Row, read_rows

AGGREGATES = (
    "count", "sum", "avg", "min", "max", "median", "percentile", "weighted_avg", "stddev", "variance", "first", "last"
)  # fmt: skip
PER = "per "
"""What the name of a key begins with where it stands among dimensions."""

Anchor = tuple[str, Row | None]
EntityValue = Callable[[Entity, Column, Any], Any]


class World:
    """The model with its rows, as they are known at the as-of.

    `entity_value` gives the value of an entity's column for an id; it is a metric, so the world does not know it.
    """

    def __init__(self, model: Model, tables: Mapping[str, Sequence[Mapping[str, object]]], as_of: Mark) -> None:
        self.model = model
        self.tables = tables
        self.watermarks = {name: _watermark(source, model.calendar, as_of) for name, source in model.sources.items()}
        self.entity_value: EntityValue | None = None
        self.links = links.Links(self)
        self._rows: dict[str, list[Row]] = {}
        self._computed: dict[tuple[Row, str, str], Any] = {}

    @property
    def calendar(self) -> LocalCalendar:
        """The project's calendar."""
        return self.model.calendar

    def rows(self, name: str) -> list[Row]:
        """The rows of a source that pass its own `where:`."""
        if name not in self._rows:
            self._rows[name] = read_rows(self, self.model.sources[name])
        return self._rows[name]

    def known_rows(self, name: str) -> list[Row]:
        """The rows of a source before its watermark; all of them if it has no time."""
        if "time" not in self.model.sources[name].properties:
            return self.rows(name)
        moments = [(row, self.time(name, row)) for row in self.rows(name)]
        return [row for row, moment in moments if moment is not None and self.watermarks[name].after(moment)]

    # --------------------------------------------------------------------------------------------- columns and paths

    def on_row(
        self,
        node: tree.Expr,
        base: str,
        row: Row | None,
        *,
        dimensions: bool = False,
        anchor: Anchor | None = None,
    ) -> Any:
        """The value of an expression on one row of `base`; with `dimensions` a bare name may be one.

        `anchor` is the row of the aggregate, where that is another one.
        """

        def inside(part: tree.Expr) -> Any:
            match part:
                case tree.Path() if dimensions and part.text in self.model.dimensions:
                    return self.dimension(part.text, base, row)
                case tree.Path():
                    return self.path(part, base, row, anchor)
                case tree.Call(function=tree.Path(text=name)) if name in AGGREGATES:
                    return None if row is None else of_children(self, part, base, row)
                case tree.Call():
                    return call_function(part, self.calendar, inside)
            return evaluate(part, self.calendar, inside, on_rows=True)

        return inside(node)

    def column(self, name: str, base: str, row: Row | None) -> Any:
        """The value of a column of `base`; null of no row."""
        if row is None:
            return None
        source = self.model.sources[base]
        declared = source.columns.get(name)
        if declared is not None and declared.parent:
            return self._id_of_parent(declared, base, row)
        if declared is None and name not in row.cells and self._parent_has(source, name):
            return self.column(name, source.base, row.origin)
        if declared is None or declared.computed is None:
            return row.cells.get(name)
        if declared.inherited:
            return self.column(name, source.base, row.origin)
        key = (row, base, name)
        if key not in self._computed:
            self._computed[key] = self.as_declared(declared, self.on_row(declared.computed, base, row))
        return self._computed[key]

    def _parent_has(self, source: Source, name: str) -> bool:
        """Whether what elements lack is a reference of their row."""
        return source.elements is not None and name in self.model.sources[source.base].columns

    def _id_of_parent(self, link: Column, base: str, row: Row) -> Any:
        """The key of the row that an element is one of."""
        step = base, link
        target = self.links.target(step)
        assert isinstance(target, Source)
        name, parent = self.links.follow(step, row, (base, row))
        return self.column(target.words("key")[0], name, parent)

    def path(self, path: tree.Path, base: str, row: Row | None, anchor: Anchor | None = None) -> Any:
        """The value of a name on a row: its own column, or one that references lead to."""
        stored = "time" in self.model.sources[base].columns or (row is not None and "time" in row.cells)
        if path.text == "time" and not stored:
            return self.time(base, row)
        *heads, last = [part.text for part in path.parts]
        anchor = anchor or (base, row)
        for step in self.links.steps(base, heads):
            target = self.links.target(step)
            if isinstance(target, Entity):
                return self._of_entity(target, last, self.column(step[1].name, step[0], row))
            base, row = self.links.follow(step, row, anchor)
        return self.column(last, base, row)

    def _of_entity(self, entity: Entity, name: str, identity: Any) -> Any:
        if name not in entity.columns:
            raise MeaninglessError(f"{entity.name} has no column {name}")
        assert self.entity_value is not None
        return None if identity is None else self.entity_value(entity, entity.columns[name], identity)

    def time(self, base: str, row: Row | None) -> Moment | None:
        """The time of a row by its source's `time:`."""
        node = self.model.sources[base].properties.get("time")
        if node is None:
            raise MeaninglessError(f"{base} has no time")
        if row is not None and self.model.sources[base].item is not None:
            return row.moment
        assert isinstance(node, tree.Path)
        moment: Moment | None = self.path(node, base, row)
        return moment

    def is_dated(self, base: str) -> bool:
        """Whether the time of a source is declared as a date."""
        node = self.model.sources[base].properties["time"]
        assert isinstance(node, tree.Path)
        *heads, last = [part.text for part in node.parts]
        steps = self.links.steps(base, heads)
        home = self.links.target(steps[-1]).name if steps else base
        column = self.model.sources[home].columns.get(last)
        return column is not None and column.type == "date"

    def as_declared(self, column: Column, value: Any) -> Any:
        """The value of a formula as its column's type reads it: an instant as a date is its local date."""
        return links.day_of(self.calendar, value) if column.type == "date" and value is not None else value

    def identity(self, thing: Source | Entity, base: str, row: Row | None) -> Any:
        """The id of a thing on a row: by the column that refers to it, along the one chain to it, or the own key."""
        chains = self.links.chains(base, thing.name)
        direct = [chain for chain in chains if len(chain) == 1]
        if not chains and thing.name == base:
            key = tuple(self.column(name, base, row) for name in self.model.sources[base].words("key"))
            return key[0] if len(key) == 1 else None if None in key else key
        if len(direct) == 1:
            chains = direct
        if len(chains) != 1:
            raise MeaninglessError(f"{len(chains)} ways from {base} to {thing.name}")
        *way, last = chains[0]
        here, found = base, row
        if isinstance(thing, Source) and last[1].target_column not in (None, *thing.words("key")):
            # The reference is to another unique column: the id is the key of the row behind it.
            way, last = chains[0], (thing.name, Column(thing.words("key")[0]))
        for step in way:
            here, found = self.links.follow(step, found, (base, row))
        return self.column(last[1].name, here, found)

    def passes(self, key: str, condition: tree.Expr, identity: Any) -> bool:
        """Whether an id satisfies a condition on its key's own columns; one without a row has none of them."""
        thing = self.model.thing(key.removeprefix(PER))
        assert thing is not None
        if isinstance(thing, Entity):
            return self._on_entity(condition, thing, identity) is True
        own = next((row for row in self.rows(thing.name) if self.identity(thing, thing.name, row) == identity), None)
        return self.on_row(condition, thing.name, own) is True

    def _on_entity(self, node: tree.Expr, entity: Entity, identity: Any) -> Any:
        """The value of an expression on the columns of one thing that has no row."""

        def inside(part: tree.Expr) -> Any:
            match part:
                case tree.Path():
                    return self._of_entity(entity, part.text, identity)
                case tree.Call():
                    return call_function(part, self.calendar, inside)
            return evaluate(part, self.calendar, inside, on_rows=True)

        return inside(node)

    # ---------------------------------------------------------------------------------------------------- dimensions

    def dimension(self, name: str, base: str, row: Row | None) -> Any:
        """The value of a dimension on a row of `base`: of the row itself, else of the one row that it leads to."""
        if name.startswith(PER):
            thing = self.model.thing(name.removeprefix(PER))
            assert thing is not None
            return self.identity(thing, base, row)
        values = self.model.dimensions.get(name)
        if values is None:
            if not self._has_column(base, name):
                raise MeaninglessError(f"{base} has no column {name}")
            return self.column(name, base, row)
        homes = [(self.home(value), value) for value in values]
        for home, value in homes:
            if home in (base, None):
                return self.on_row(value, base, row)
        for home, value in homes:
            assert home is not None
            chains = self.links.chains(base, home)
            if len(chains) > 1:
                raise AmbiguousError(f"several chains from {base} to {home}")
            if chains:
                return self._at_home(value, chains[0], row, (base, row))
        raise MeaninglessError(f"{base} has no dimension {name}")

    def has_dimension(self, name: str, base: str) -> bool:
        """Whether rows of `base` have a value of a dimension."""
        try:
            self.dimension(name, base, None)
        except AmbiguousError:
            raise
        except MeaninglessError:
            return False
        return True

    def has_condition(self, condition: tree.Expr, base: str) -> bool:
        """Whether a condition around metrics means something on rows of `base`."""
        try:
            self.on_row(condition, base, None, dimensions=True)
        except AmbiguousError:
            raise
        except MeaninglessError:
            return False
        return True

    def _at_home(self, value: tree.Expr, chain: Sequence[links.Step], row: Row | None, anchor: Anchor) -> Any:
        """The value of a dimension on the row that a chain leads to; of an entity on the last row before it."""
        here = anchor[0]
        for step in chain:
            if isinstance(self.links.target(step), Source):
                here, row = self.links.follow(step, row, anchor)
        return self.on_row(value, here, row, anchor=anchor)

    def _has_column(self, base: str, name: str) -> bool:
        """Whether a source has a column, declared or in its table; of an empty table all are possible."""
        rows = self.rows(base)
        if self._parent_has(self.model.sources[base], name):
            return True
        return name in self.model.sources[base].columns or not rows or name in rows[0].cells

    def home(self, node: tree.Expr) -> str | None:
        """The source or entity on which an expression stands; None if it names nothing but `time`."""
        heads = [
            thing.name
            for path in paths(node)
            if len(path.parts) > 1 and (thing := self.model.thing(path.parts[0].text)) is not None
        ]
        return self.links.common_base(heads) if heads else None

    def heads(self, nodes: Sequence[tree.Expr]) -> list[str]:
        """The sources that the dotted names of some expressions begin with."""
        return [
            thing.name
            for node in nodes
            for path in paths(node)
            if len(path.parts) > 1 and isinstance(thing := self.model.thing(path.parts[0].text), Source)
        ]


def _watermark(source: Source, calendar: LocalCalendar, as_of: Mark) -> Mark:
    mark = as_of
    if "watermark" in source.properties:
        mark = min(as_of, read_instant(calendar, word(source.properties["watermark"])))
    if "late" in source.properties:
        amount, unit = duration(source.properties["late"])
        mark = calendar.moved(mark, -amount, unit)
    return mark
