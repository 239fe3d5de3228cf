"""The LALR(1) table of `kpi.lark`, as `compile_grammar` wrote it, in the form that the driver runs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from kpi_engine.ir.dataclass import dataclass

END = "$END"
"""The terminal that stands for the end of what is parsed."""

RENAME, COLLECT, BUILD = range(3)
"""What a reduction does: hand a value on, gather values in a list, call the tree builder."""


Rule = tuple[int, int, str, tuple[int, ...], frozenset[int]]
"""One rule of the grammar: kind, number of symbols, left side, take, spliced.

`take` says which of its symbols make the arguments: a position, or -1 for an optional part that is absent; where
`spliced` holds a position, the list that stands there is spread out.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`actions[state][terminal]`: a state to go to, or -1 - rule to reduce; `gotos[state][symbol]`: where then.

    `names[rule]` is the method of the tree builder. `jumps` remembers what `follow` found.
    """

    keywords: dict[str, str]
    rules: tuple[Rule, ...]
    names: tuple[str, ...]
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    starts: dict[str, tuple[int, int]]
    jumps: tuple[dict[tuple[str, str], int], ...]

    def follow(self, below: int, symbol: str, terminal: str) -> int:
        """The state after `symbol` on top of state `below`, and after every renaming that `terminal` then asks for.

        An operand has a name for each level of precedence; going through them one by one is half of a parser's work.
        """
        state = self.gotos[below][symbol]
        while (action := self.actions[state].get(terminal, 0)) < 0 and self._renames(action):
            state = self.gotos[below][self.rules[-1 - action][2]]
        self.jumps[below][symbol, terminal] = state
        return state

    def _renames(self, action: int) -> bool:
        kind, size, *_ = self.rules[-1 - action]
        return kind == RENAME and size == 1


@cache
def load_table() -> Table:
    """The table, read once a process (about 3 ms)."""
    data = json.loads(Path(__file__).with_name("table.json").read_text("utf-8"))
    return Table(
        keywords=data["keywords"],
        rules=tuple(_rule(*row) for row in data["rules"]),
        names=tuple(name for name, *_ in data["rules"]),
        actions=tuple(data["actions"]),
        gotos=tuple(data["gotos"]),
        starts={start: (first, last) for start, (first, last) in data["starts"].items()},
        jumps=tuple({} for _ in data["gotos"]),
    )


def _rule(action: str, left: str, size: int, take: list[str]) -> Rule:
    kind = {"": RENAME, "+": COLLECT}.get(action, BUILD)
    positions = tuple(-1 if part == "-" else int(part.lstrip("*")) for part in take)
    spliced = frozenset(int(part[1:]) for part in take if part[0] == "*")
    return kind, size, left, positions, spliced
