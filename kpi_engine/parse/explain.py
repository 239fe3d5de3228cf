"""Why a parse stopped."""
from __future__ import annotations
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.parse import driver
from kpi_engine.parse.lexer import Tokens


def explain(tokens: Tokens, stuck: driver.StuckError, start: str) -> Diagnostic:
    """One diagnostic for the token at which the parse stopped."""
    brackets: list[int] = []
    for index in range(stuck.index):
        if tokens.types[index] in ("LPAR", "LSQB"):
            brackets.append(index)
        elif tokens.types[index] in ("RPAR", "RSQB") and brackets:
            brackets.pop()
    if brackets:
        return Diagnostic("E101", "this ( is never closed", tokens.span(brackets[-1]), "add a ) where the argument ends")
    return Diagnostic("E199", "this cannot stand here", tokens.span(stuck.index))
