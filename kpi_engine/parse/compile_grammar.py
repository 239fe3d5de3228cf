"""Development only: `python -m kpi_engine.parse.compile_grammar` writes `table.json` from `kpi.lark`.

Lark needs 0.7 s to import itself and to build this grammar, and then parses 9 000 lines a second; `kpi fmt` cannot
wait for the one, nor `kpi check` for the other. So Lark proves the grammar free of conflicts and computes the LALR(1)
table once, here, and the product runs that table with a driver of its own (`driver.py`). This is the only module that
imports Lark.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import Shift

GRAMMAR = Path(__file__).with_name("kpi.lark")
TABLE = Path(__file__).with_name("table.json")

STARTS = ["declaration", "expr", "details"]
"""What the product parses: one declaration, a bare expression, the indented lines of a broken declaration."""


def build(starts: list[str], *, strict: bool) -> Lark:
    """Lark's own parser of the grammar; with `strict`, any conflict of rules or of terminals is an error."""
    return Lark(GRAMMAR.read_text("utf-8"), parser="lalr", lexer="contextual", start=starts, strict=strict)


def compile_table(lark: Lark) -> dict[str, Any]:
    """The table as plain data; `table.py` says what each part means."""
    table = lark.parser.parser._parse_table
    rules = [_rule(rule) for rule in lark.rules]
    rule_numbers = {rule: number for number, rule in enumerate(lark.rules)}
    numbers = _state_numbers(table)
    actions: list[dict[str, int]] = [{} for _ in numbers]
    gotos: list[dict[str, int]] = [{} for _ in numbers]
    for state, number in numbers.items():
        for symbol, (kind, argument) in sorted(table.states[state].items()):
            if not _is_terminal(symbol):
                gotos[number][symbol] = numbers[argument]
            elif kind is Shift:
                actions[number][symbol] = numbers[argument]
            else:
                actions[number][symbol] = -1 - rule_numbers[argument]
    skip_unit_states(rules, actions, gotos)
    words = {t.pattern.value: t.name for t in lark.terminals if t.pattern.type == "str" and t.pattern.value.isalpha()}
    return {
        "keywords": dict(sorted(words.items())),
        "rules": rules,
        "actions": actions,
        "gotos": gotos,
        "starts": {s: [numbers[table.start_states[s]], numbers[table.end_states[s]]] for s in sorted(STARTS)},
    }


def _state_numbers(table: Any) -> dict[int, int]:
    """States in the order in which they are reached: Lark numbers them in the order of a set, which varies."""
    numbers: dict[int, int] = {}
    waiting = [table.start_states[start] for start in sorted(STARTS)]
    while waiting:
        state = waiting.pop(0)
        if state in numbers:
            continue
        numbers[state] = len(numbers)
        row = sorted(table.states[state].items())
        waiting += [target for _, (kind, target) in row if kind is Shift]
    return numbers


def skip_unit_states(rules: list[list[Any]], actions: list[dict[str, int]], gotos: list[dict[str, int]]) -> None:
    """Lead gotos past states that can do nothing but rename a value (`unary: atom`).

    Safe because such a state shifts nothing: what it would refuse, the state behind it refuses before any token is
    taken. It halves the reductions of an operand, which is wrapped in a name for every level of precedence.
    """
    renames = {number for number, (action, _, size, take) in enumerate(rules) if not action and size == len(take) == 1}
    only: dict[int, str] = {}
    for state, row in enumerate(actions):
        reductions = set(row.values())
        if len(reductions) == 1 and (rule := -1 - next(iter(reductions))) in renames:
            only[state] = rules[rule][1]
    for row in gotos:
        for symbol, target in row.items():
            while target in only and only[target] in row:
                target = row[only[target]]
            row[symbol] = target


def _is_terminal(symbol: str) -> bool:
    return symbol == "$END" or symbol.isupper()


def _rule(rule: Any) -> list[Any]:
    """`[action, left side, length, take]`: see `table.Rule`."""
    name = rule.origin.name
    gaps = "".join("-" if empty else "x" for empty in rule.options.empty_indices or [False] * len(rule.expansion))
    take: list[str] = []
    position = 0
    for gap in gaps:
        if gap == "-":
            take.append("-")
            continue
        symbol = rule.expansion[position]
        if not (symbol.is_term and symbol.filter_out):
            spliced = not symbol.is_term and symbol.name.startswith("_")
            take.append(f"*{position}" if spliced else str(position))
        position += 1
    if name.startswith("_"):
        action = "+"
    elif rule.alias:
        action = rule.alias
    else:
        action = "" if rule.options.expand1 and len(take) == 1 else name
    return [action, str(name), len(rule.expansion), take]


def dump(table: dict[str, Any]) -> str:
    """The table as text, one state or rule a line, so that a change of the grammar can be read in a diff."""

    def lines(rows: list[Any]) -> str:
        return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]"

    parts = [
        f'"{key}": {lines(value) if isinstance(value, list) else json.dumps(value)}' for key, value in table.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(dump(compile_table(build(STARTS, strict=True))), "utf-8")
