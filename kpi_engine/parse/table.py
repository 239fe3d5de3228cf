"""The LALR(1) table of `kpi.lark`, as `compile_grammar` wrote it, in the form that the driver runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

END = "$END"
"""The terminal that stands for the end of what is parsed."""

RENAME, COLLECT, BUILD = range(3)
"""What a reduction does: hand a value on, gather values in a list, call the tree builder."""


class Rule(NamedTuple):
    """One rule of the grammar.

    `take` says which of its symbols make the arguments: a position, or -1 for an optional part that is absent; where
    `spliced` holds a position, the list that stands there is spread out. `action` names the method of the builder.
    """

    kind: int
    size: int
    left: str
    action: str
    take: tuple[int, ...]
    spliced: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`actions[state][terminal]`: a state to go to, or -1 - rule to reduce; `gotos[state][symbol]`: where then."""

    keywords: dict[str, str]
    rules: tuple[Rule, ...]
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    starts: dict[str, tuple[int, int]]


@cache
def load_table() -> Table:
    """The table, read once a process (about 3 ms)."""
    data = json.loads(files(__package__).joinpath("table.json").read_text("utf-8"))
    return Table(
        keywords=data["keywords"],
        rules=tuple(_rule(*row) for row in data["rules"]),
        actions=tuple(data["actions"]),
        gotos=tuple(data["gotos"]),
        starts={start: (first, last) for start, (first, last) in data["starts"].items()},
    )


def _rule(action: str, left: str, size: int, take: list[str]) -> Rule:
    kind = {"": RENAME, "+": COLLECT}.get(action, BUILD)
    positions = tuple(-1 if part == "-" else int(part.lstrip("*")) for part in take)
    spliced = frozenset(int(part[1:]) for part in take if part[0] == "*")
    return Rule(kind, size, left, action, positions, spliced)
