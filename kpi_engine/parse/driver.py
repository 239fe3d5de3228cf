"""The loop that runs the LALR(1) table: tokens in, one tree out, with stacks of its own and no recursion."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from kpi_engine.ir.span import Span
from kpi_engine.parse.build import TreeBuilder
from kpi_engine.parse.lexer import Tokens
from kpi_engine.parse.table import BUILD, COLLECT, END, RENAME, Table, load_table


class StuckError(Exception):
    """No rule allows token number `index` (their count, at the end)."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def parse(tokens: Tokens, start: str, builder: TreeBuilder) -> Any:
    """The value of the start symbol; raises StuckError at the first token that cannot stand where it stands.

    A word that is a keyword only in places is read as a name where its keyword cannot stand; `tokens.types` then
    says NAME.
    """
    table = load_table()
    actions, rules, keywords = table.actions, table.rules, tokens.soft_keywords
    jumps, follow, calls = table.jumps, table.follow, _calls()
    state, last = table.starts[start]
    states, values, begins = [state], list[Any](), list[int]()
    source, types, token_starts, token_ends = tokens.source, tokens.types, tokens.starts, tokens.ends
    count = len(types)
    for index in range(count + 1):
        terminal = written = types[index] if index < count else END
        while True:
            action = actions[state].get(terminal)
            if action is None:
                if terminal not in keywords or (terminal == "COLUMN" and types[index + 1 : index + 2] == ["KEY"]):
                    if index < count:
                        types[index] = written
                    raise StuckError(index)
                terminal = types[index] = "NAME"
                continue
            if action >= 0:
                states.append(action)
                values.append(index)
                begins.append(token_starts[index])
                state = action
                break
            kind, size, left, take, spliced = rules[-1 - action]
            if size:
                parts = values[-size:]
                begin = begins[-size]
                del states[-size:], values[-size:], begins[-size:]
            else:
                parts = []
                begin = token_starts[index] if index < count else tokens.end
            if kind == COLLECT:
                values.append(_collect(parts, take, spliced))
            elif kind == RENAME:
                values.append(parts[take[0]])
            else:
                arguments = _spread(parts, take, spliced) if spliced else [parts[i] if i >= 0 else None for i in take]
                values.append(calls[-1 - action](builder, Span(source, begin, token_ends[index - 1]), *arguments))
            begins.append(begin)
            below = states[-1]
            state = jumps[below].get((left, terminal), -1)
            if state < 0:
                state = follow(below, left, terminal)
            states.append(state)
            if state == last and terminal == END:
                return values[-1]
    raise AssertionError("the table ends every parse at the end of the tokens")


@cache
def _calls() -> dict[int, Callable[..., Any]]:
    """For each rule that builds a node, the method of the builder that its action names."""
    table = load_table()
    return {
        number: getattr(TreeBuilder, name)
        for number, (rule, name) in enumerate(zip(table.rules, table.names, strict=True))
        if rule[0] == BUILD
    }


def accepted(tokens: Tokens, index: int, start: str) -> frozenset[str]:
    """The terminals that can stand in the place of token `index`, when all tokens before it can stand.

    A LALR row lists some that a later reduction refuses, and reductions forget what could have gone on; so each is
    tried on the stack as it was when the token before was taken.
    """
    table = load_table()
    states = [table.starts[start][0]]
    for terminal in tokens.types[:index]:
        _advance(table, states, terminal)
    return frozenset(terminal for terminal in table.actions[states[-1]] if _advance(table, states.copy(), terminal))


def _advance(table: Table, stack: list[int], terminal: str) -> bool:
    """Take one terminal: reduce what it ends, then shift it; False if it cannot stand here."""
    finals = {last for _, last in table.starts.values()}
    while (action := table.actions[stack[-1]].get(terminal)) is not None:
        if action >= 0:
            stack.append(action)
            return True
        _, size, left, _, _ = table.rules[-1 - action]
        if size:
            del stack[-size:]
        stack.append(table.gotos[stack[-1]][left])
        if terminal == END and len(stack) == 2 and stack[-1] in finals:
            return True
    return False


def _collect(parts: list[Any], take: tuple[int, ...], spliced: frozenset[int]) -> list[Any]:
    if not spliced:
        return [parts[take[0]]]
    items: list[Any] = parts[take[0]]
    items.append(parts[take[1]])
    return items


def _spread(parts: list[Any], take: tuple[int, ...], spliced: frozenset[int]) -> list[Any]:
    arguments: list[Any] = []
    for position in take:
        if position in spliced:
            arguments += parts[position]
        else:
            arguments.append(parts[position] if position >= 0 else None)
    return arguments
