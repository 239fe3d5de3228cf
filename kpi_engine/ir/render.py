"""A diagnostic as text for people: the place, the line, a caret under the author's words, and the help."""

from __future__ import annotations

import unicodedata
from typing import Literal

from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.span import Span

TAB = "    "
"""What a tab is shown as: a fixed width keeps the caret under its token whatever the terminal does."""

_GUTTER = 6
_WIDEST = 160
_AROUND = 60


def render(diagnostic: Diagnostic, style: Literal["full", "concise"] = "full") -> str:
    """The text of a diagnostic, without a final line end: one line if concise, else with its source line and help.

    >>> from kpi_engine.ir.span import SourceText
    >>> source = SourceText("a.kpi", "x = count(ordres)")
    >>> print(render(Diagnostic("E201", "no source named `ordres`", Span(source, 10, 16), "did you mean `orders`?")))
    a.kpi:1:11: error[E201]: no source named `ordres`
         1 | x = count(ordres)
           |           ^^^^^^
           = help: did you mean `orders`?
    """
    location = f"{diagnostic.location}: " if diagnostic.location else ""
    head = f"{location}{diagnostic.severity.value}[{diagnostic.code}]: {diagnostic.message}"
    if style == "concise":
        return _shown(" ".join(head.split()))
    lines = [head]
    gutter = _GUTTER
    if diagnostic.span.source.text:
        gutter = max(_GUTTER, len(str(diagnostic.span.line)))
        lines += excerpt(diagnostic.span)
    if diagnostic.help:
        lines += _labelled("help", diagnostic.help, gutter)
    for note in diagnostic.notes:
        place = f"{note.span}: " if note.span.source.text else ""
        lines += _labelled("note", place + note.message, gutter)
    return "\n".join(_shown(line) for line in lines)


def excerpt(span: Span) -> list[str]:
    """The source line of a span behind its number, and the carets below it."""
    line = span.source.line(span.line)
    begin = span.column - 1
    end = max(begin + 1, min(begin + span.end - span.start, len(line)))
    head, text, tail = line[:begin], line[begin:end], line[end:]
    if display_width(line) > _WIDEST:
        head = "…" + head[-_AROUND:] if len(head) > _AROUND else head
        text = text[:_AROUND] + "…" if len(text) > _AROUND else text
        tail = tail[:_AROUND] + "…" if len(tail) > _AROUND else tail
    carets = " " * display_width(head) + "^" * max(1, display_width(text))
    number = f"{span.line:>{_GUTTER}}"
    return [f"{number} | {head}{text}{tail}".rstrip(), f"{'':{len(number)}} | {carets}"]


def display_width(text: str) -> int:
    """The columns of a terminal that a text takes: two for wide characters, none for combining ones.

    >>> display_width("销售"), display_width("e\\u0301"), display_width("\\t")
    (4, 1, 4)
    """
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if character == "\t":
        return len(TAB)
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _labelled(label: str, text: str, gutter: int) -> list[str]:
    first, *rest = text.split("\n")
    margin = " " * (gutter + 1)
    return [f"{margin}= {label}: {first}", *(f"{margin}{'':{len(label) + 4}}{line}" for line in rest)]


def _shown(line: str) -> str:
    """A line without characters that steer a terminal or turn the direction of text."""
    if line.isascii() and line.isprintable():
        return line
    return "".join(_shown_character(character) for character in line)


def _shown_character(character: str) -> str:
    if character == "\t":
        return TAB
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
