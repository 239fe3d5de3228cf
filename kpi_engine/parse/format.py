"""Canonical text: `kpi fmt`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field

from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.parse import limits, split
from kpi_engine.parse.layout import Layout, needs_space
from kpi_engine.parse.lexer import Tokens, tokenize
from kpi_engine.parse.parser import Parsed, parse_declarations
from kpi_engine.parse.show import show_tree

_BODY_AFTER = {"MAP": "TO", "KEY": "COLON"}
_WITH_VALUE = frozenset(["NAME", "OVERRIDE", "SOURCE", "DIMENSION", "COLUMN"])


@dataclass(slots=True)
class _Block:
    """Lines that belong together, and the lines of the source, from 1, in which they began and ended."""

    first: int
    last: int
    lines: list[str]


@dataclass(slots=True)
class _Comments:
    """The comments of a declaration, by the token that they stand at; `below` follow its last token."""

    before: dict[int, list[Span]] = field(default_factory=dict)
    after: dict[int, Span] = field(default_factory=dict)
    below: list[Span] = field(default_factory=list)


def format_file(source: SourceText) -> str:
    """The canonical text of a definitions file, with every comment in its place; raises KpiError if it does not parse.

    The same text for the same declarations, however they were spaced; formatting it again changes nothing.

    >>> format_file(SourceText("a.kpi", "x=count( orders )/count(distinct visitors)\\n unit :percent # share"))
    'x = count(orders) / count(distinct visitors)\\n  unit: percent  # share\\n'
    """
    if problems := limits.file_size(source):
        raise KpiError(problems)
    parts = parse_declarations(source)
    if problems := [problem for part in parts for problem in part.problems]:
        raise KpiError(problems)
    blocks = [*_head(source, parts)]
    for part in parts:
        blocks += _declaration(part)
    text = "".join(f"{line}\n" for line in _join(blocks, 2))
    _expect_same(source, parts, text)
    return text


def _expect_same(source: SourceText, before: list[Parsed], text: str) -> None:
    """Refuse a text that means something else or has lost a comment."""
    written = SourceText(source.name, text)
    after = parse_declarations(written)
    problems = limits.file_size(written) or [problem for part in after for problem in part.problems]
    if problems and all(problem.exit_code is ExitCode.LIMIT for problem in problems):
        raise KpiError(problems)
    same_trees = not problems and [_shown(part) for part in before] == [_shown(part) for part in after]
    if not same_trees or _comment_texts(source) != _comment_texts(written):
        what = "the formatter would change what this file says; it is left as it is"
        problem = Diagnostic("E198", what, Span(source, 0, 0), "please report it with this file", (), ExitCode.INTERNAL)
        raise KpiError(problem)


def _shown(part: Parsed) -> str:
    return show_tree(part.node) if part.node is not None else ""


def _comment_texts(source: SourceText) -> list[str]:
    tokens = tokenize(source, split.text_start(source), len(source.text))
    return [source.text[start:end] for start, end in tokens.comments]


def _join(blocks: list[_Block], most: int) -> Iterator[str]:
    """The lines of blocks, with as many blank lines between two as the source had, but no more than `most`."""
    for index, block in enumerate(blocks):
        if index:
            yield from [""] * min(most, max(0, block.first - blocks[index - 1].last - 1))
        yield from block.lines


def _head(source: SourceText, parts: list[Parsed]) -> Iterator[_Block]:
    """The comments above the first declaration."""
    start = split.text_start(source)
    end = parts[0].tokens.start if parts else len(source.text)
    for comment in tokenize(source, start, end).comments:
        yield _comment_block(Span(source, *comment), "")


def _comment_block(comment: Span, indent: str) -> _Block:
    return _Block(comment.line, comment.line, [indent + comment.text])


def _declaration(part: Parsed) -> Iterator[_Block]:
    """A declaration as one block, and the comments of column 1 behind it, each as its own."""
    tokens = part.tokens
    comments = _attach(tokens)
    starts = _items(part.node)
    bounds = [bisect_left(tokens.starts, start) for start in starts]
    blocks: list[_Block] = []
    for first, end in zip(bounds, [*bounds[1:], len(tokens.types)], strict=True):
        indent = "" if first == 0 else "  "
        blocks += [_comment_block(comment, indent) for comment in comments.before.get(first, [])]
        last = comments.after[end - 1] if end - 1 in comments.after else tokens.span(end - 1)
        blocks.append(_Block(tokens.span(first).line, last.line, _item_lines(tokens, comments, first, end)))
    outside = next((i for i, comment in enumerate(comments.below) if comment.column == 1), len(comments.below))
    blocks += [_comment_block(comment, "  ") for comment in comments.below[:outside]]
    lines = list(_join(blocks, 1))
    if sum(len(line.encode("utf-8", "surrogatepass")) + 1 for line in lines) > limits.MAX_DECLARATION_BYTES:
        lines = _as_written(blocks[0].first, blocks[-1].last, tokens.source)
    yield _Block(blocks[0].first, blocks[-1].last, lines)
    for comment in comments.below[outside:]:
        yield _comment_block(comment, "")


def _as_written(first: int, last: int, source: SourceText) -> list[str]:
    """The lines of a declaration that would break the limit of size if it were formatted."""
    return [source.line(number).rstrip() for number in range(first, last + 1)]


def _attach(tokens: Tokens) -> _Comments:
    """Where each comment belongs: behind a token of its line, or before the next one."""
    comments = _Comments()
    for start, end in tokens.comments:
        comment = Span(tokens.source, start, end)
        following = bisect_left(tokens.starts, start)
        line_start = tokens.source.text.rfind("\n", 0, start) + 1
        if following and tokens.starts[following - 1] >= line_start:
            comments.after[following - 1] = comment
        elif following < len(tokens.types):
            comments.before.setdefault(following, []).append(comment)
        else:
            comments.below.append(comment)
    return comments


def _items(node: tree.AnyDeclaration | None) -> list[int]:
    """The offsets at which the head, the properties, the columns and the other lines of a declaration begin."""
    assert node is not None
    parts: list[tree.Node] = [node, *node.properties]
    parts += getattr(node, "columns", ())
    parts += getattr(node, "assignments", ())
    if isinstance(node, tree.Goal):
        parts.append(node.aim)
    return sorted(part.span.start for part in parts)


def _item_lines(tokens: Tokens, comments: _Comments, first: int, end: int) -> list[str]:
    """The lines of one head, property or column."""
    types = tokens.types[first:end]
    texts = [_text(tokens, index) for index in range(first, end)]
    forced = [
        index > first and (index in comments.before or index - 1 in comments.after) for index in range(first, end)
    ]
    layout = Layout(types, texts, forced)
    indent = 0 if first == 0 else 2
    body = _body(types, is_head=first == 0)
    column = indent + layout.width(0, body) + (1 if 0 < body < len(types) else 0)
    layout.plan(body, len(types), column)
    lines: list[str] = []
    line, margin = " " * indent, " " * (indent + 4)
    for index, text in enumerate(texts):
        if forced[index] or index in layout.breaks:
            margin = " " * layout.breaks[index] if index in layout.breaks else margin
            lines.append(_with_comment(line, comments.after.get(first + index - 1)))
            lines += [margin + comment.text for comment in comments.before.get(first + index, [])]
            line = margin
        elif index and needs_space(types, index):
            line += " "
        line += text
    lines.append(_with_comment(line, comments.after.get(end - 1)))
    return lines


def _text(tokens: Tokens, index: int) -> str:
    """A token as it is written; operators and durations of several words have one space between them."""
    text = tokens.text(index)
    return text if tokens.types[index] in ("STRING", "NAME", "KEY") else " ".join(text.split())


def _with_comment(line: str, comment: Span | None) -> str:
    return line if comment is None else f"{line}  {comment.text}"


def _body(types: list[str], *, is_head: bool) -> int:
    """The first token of the expression that an item holds; lines after the first are aligned with it."""
    sign = _BODY_AFTER.get(types[0]) or ("EQ" if types[0] in _WITH_VALUE else "")
    return types.index(sign) + 1 if sign in types else 0
