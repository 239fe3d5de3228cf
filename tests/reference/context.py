"""What surrounds an expression: window, filter and group."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kpi_engine.ir import tree

from .local_time import Mark
from .windows import Window


@dataclass(frozen=True)
class Context:
    """Window, filter and group. `every_*` are those that no `total` has dropped; `empty` asks for no row at all.

    `dimensions` are those of the question, and the keys of `per` that surround the expression; `chosen` are conditions
    on these keys' own columns. `grain` is that of the periods, or of the buckets, around the expression. `uncut` is the
    window as no watermark cuts it, `running` where a question ends that has neither periods nor an end.
    """

    window: Window | None
    filters: tuple[tree.Expr, ...] = ()
    dimensions: tuple[str, ...] = ()
    every_filter: tuple[tree.Expr, ...] = ()
    every_dimension: tuple[str, ...] = ()
    chosen: tuple[tuple[str, tree.Expr], ...] = ()
    grain: str | None = None
    before: bool = False
    empty: bool = False
    uncut: Window | None = None
    running: Mark | None = None

    def filtered(self, found: tuple[tree.Expr, ...]) -> Context:
        """With further conditions."""
        return replace(self, filters=self.filters + found, every_filter=self.every_filter + found)

    def keyed(self, names: tuple[str, ...]) -> Context:
        """With further keys in the group."""
        dimensions, every = self.dimensions + names, self.every_dimension + names
        return replace(self, dimensions=dimensions, every_dimension=every)
