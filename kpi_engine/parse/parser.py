"""From text to tree: split, read, check, build; every declaration on its own."""

from __future__ import annotations

from typing import cast

from kpi_engine.garbage import kept
from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.parse import driver, limits, split
from kpi_engine.parse.build import TreeBuilder
from kpi_engine.parse.lexer import Tokens, tokenize

MOST_PROBLEMS = 20
"""How many problems of one declaration are told."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of one declaration: its tokens, and its tree unless there are problems.

    `is_cut_short` says that the problem is its end, so that the line below may be the rest of it.
    """

    tokens: Tokens
    node: tree.AnyDeclaration | None
    problems: tuple[Diagnostic, ...]
    is_cut_short: bool = False


def parse_file(source: SourceText) -> tuple[tree.File, tuple[Diagnostic, ...]]:
    """The tree of a definitions file, and what is wrong with it.

    Declarations that do not parse are missing from the tree; each has at least one diagnostic. Never raises.

    >>> file, problems = parse_file(SourceText("a.kpi", "x = count(orders)\\ny = count(\\n"))
    >>> [declaration.name.text for declaration in file.declarations], [problem.code for problem in problems]
    (['x'], ['E101'])
    """
    if problems := limits.file_size(source):
        return _file(source, []), tuple(problems)
    with kept():
        parts = parse_declarations(source)
    return _file(source, parts), tuple([problem for part in parts for problem in part.problems])


def _file(source: SourceText, parts: list[Parsed]) -> tree.File:
    nodes = tuple([part.node for part in parts if part.node is not None])
    return tree.File(source, nodes, span=Span(source, 0, len(source.text)))


def parse_expression(source: SourceText) -> tree.Expr:
    """The tree of a bare expression, as an argument on the command line gives it; raises KpiError.

    >>> parse_expression(SourceText("--where", 'channel = "web"')).operator
    '='
    """
    problems = limits.declaration_size(source, 0, len(source.text))
    if not problems:
        start = split.text_start(source)
        tokens = tokenize(source, start, start + len(source.text[start:].rstrip()))
        if not tokens.types and not tokens.problems:
            raise KpiError(Diagnostic("E134", "nothing stands here", tokens.span(0), "write an expression"))
        parsed = _parse(tokens, "expr")
        if not parsed.problems:
            return cast(tree.Expr, parsed.node)
        problems = list(parsed.problems)
    raise KpiError(problems)


def parse_declarations(source: SourceText) -> list[Parsed]:
    """Every declaration of a file that is within the size limit, in its order."""
    parts: list[Parsed] = []
    for start, end in split.declarations(source):
        parsed = _parse_declaration(source, start, end)
        if parts and parsed.problems and parts[-1].is_cut_short:
            parts[-1], parsed = _blame_layout(parts[-1], parsed)
        parts.append(parsed)
    return parts


def _blame_layout(before: Parsed, parsed: Parsed) -> tuple[Parsed, Parsed]:
    """Both parts, with one diagnostic in place of two if the second only continues the first in column 1."""
    joined = _parse_declaration(parsed.tokens.source, before.tokens.start, parsed.tokens.end)
    if joined.problems:
        return before, parsed
    if parsed.problems[0].code != "E104":
        first = parsed.tokens.span(0)
        help_text = f"add two spaces before `{first.text}`"
        problem = Diagnostic("E130", "a continued line must be indented", first, help_text)
        parsed = Parsed(parsed.tokens, None, (problem,))
    return Parsed(before.tokens, None, ()), parsed


def _parse_declaration(source: SourceText, start: int, end: int) -> Parsed:
    if problems := limits.declaration_size(source, start, end):
        return Parsed(Tokens(source, start, end), None, tuple(problems))
    return _parse(tokenize(source, start, end), "declaration")


def _parse(tokens: Tokens, start: str) -> Parsed:
    problems = limits.structure(tokens) or tokens.problems
    if problems:
        return Parsed(tokens, None, tuple(problems[:MOST_PROBLEMS]))
    builder = TreeBuilder(tokens)
    try:
        node = driver.parse(tokens, start, builder)
    except driver.StuckError as stuck:
        problem = _explained(tokens, stuck.index, start)
        further = _further_problems(tokens, stuck.index, problem) if start == "declaration" else []
        return Parsed(tokens, None, (problem, *further), stuck.index == len(tokens.types))
    return Parsed(tokens, None if builder.problems else node, tuple(builder.problems))


def _explained(tokens: Tokens, index: int, start: str) -> Diagnostic:
    """Why the parse stopped; imported with the first mistake."""
    from kpi_engine.parse.explain import explain

    return explain(tokens, index, start)


def _further_problems(tokens: Tokens, index: int, problem: Diagnostic) -> list[Diagnostic]:
    """What is wrong in the properties and columns behind a problem that was found at token `index`."""
    found: list[Diagnostic] = []
    is_map = tokens.types[:1] == ["MAP"]
    while len(found) < MOST_PROBLEMS - 1:
        # A token that only showed that the line above is broken begins a line that may be sound.
        is_later = index < len(tokens.types) and problem.span.start < tokens.starts[index]
        index = _next_line(tokens, index if is_later else index + 1, is_map)
        if index >= len(tokens.types):
            break
        rest = tokens.behind(index)
        try:
            driver.parse(rest, "details", TreeBuilder(rest))
        except driver.StuckError as stuck:
            problem = _explained(rest, stuck.index, "details")
            found.append(problem)
            index += stuck.index
        else:
            break
    return found


def _next_line(tokens: Tokens, index: int, is_map: bool) -> int:
    """The next token that begins a property, a column or (under a map) an assignment."""
    while index < len(tokens.types):
        kind = tokens.types[index]
        begins = kind in ("KEY", "COLUMN") or (is_map and tokens.types[index + 1 : index + 2] == ["EQ"])
        if begins and tokens.starts_line(index):
            break
        index += 1
    return index
