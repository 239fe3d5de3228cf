"""Diagnostics as people see them, against texts written out by hand."""

from __future__ import annotations

import pytest

from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.render import display_width, render
from kpi_engine.ir.span import SourceText, Span


def at(text: str, found: str) -> Span:
    start = text.index(found)
    return Span(SourceText("sales.kpi", text), start, start + len(found))


def lines(text: str) -> list[str]:
    return text.split("\n")


def test_the_form_that_the_language_promises() -> None:
    text = "conversion = count(ordres)/count(distinct visitors)\n"
    help_text = "did you mean `orders`? (pack sales)"
    found = render(Diagnostic("E201", "no source or entity named `ordres`", at(text, "ordres"), help_text))
    assert lines(found) == [
        "sales.kpi:1:20: error[E201]: no source or entity named `ordres`",
        "     1 | conversion = count(ordres)/count(distinct visitors)",
        "       |                    ^^^^^^",
        "       = help: did you mean `orders`? (pack sales)",
    ]


def test_concise_is_one_line() -> None:
    problem = Diagnostic("W201", "names\ncould not be verified", at("x = a", "a"), "help")
    assert render(problem, "concise") == "sales.kpi:1:5: warning[W201]: names could not be verified"


def test_notes_name_their_places() -> None:
    text = "x = a\ny = x + x\n"
    source = SourceText("s.kpi", text)
    notes = (Note("x is money", Span(source, 0, 1)), Note("nothing to point at"))
    assert lines(render(Diagnostic("E320", "cannot add", Span(source, 12, 13), "", notes))) == [
        "s.kpi:2:7: error[E320]: cannot add",
        "     2 | y = x + x",
        "       |       ^",
        "       = note: s.kpi:1:1: x is money",
        "       = note: nothing to point at",
    ]


def test_help_of_several_lines_is_aligned() -> None:
    problem = Diagnostic(
        "E501", "roas cannot be split", Span(SourceText("query", ""), 0, 0), "add a column\nor use total"
    )
    assert lines(render(problem)) == [
        "query: error[E501]: roas cannot be split",
        "       = help: add a column",
        "               or use total",
    ]


def test_what_has_no_place_has_no_line() -> None:
    assert render(Diagnostic("N201", "left out")) == "note[N201]: left out"


@pytest.mark.parametrize(
    ("text", "found", "shown", "carets"),
    [
        ("\u9500\u552e\u989d = \u8ba2\u5355", "\u8ba2\u5355", "\u9500\u552e\u989d = \u8ba2\u5355", " " * 9 + "^^^^"),
        ("x\t= a\tb", "b", "x    = a    b", " " * 12 + "^"),
        ("cafe\u0301 = ab", "ab", "cafe\u0301 = ab", " " * 7 + "^^"),
        ("x = a\x1b[31m b", "b", "x = a\ufffd[31m b", " " * 11 + "^"),
        ("x = a\u202e b", "b", "x = a\ufffd b", " " * 7 + "^"),
        ("x = \u200bb", "b", "x = \ufffdb", " " * 5 + "^"),
        ("x = ab\r\ny = c", "ab", "x = ab", " " * 4 + "^^"),
        ("x = (\n  a)", "(\n  a)", "x = (", " " * 4 + "^"),
    ],
)
def test_carets_stand_below_their_words(text: str, found: str, shown: str, carets: str) -> None:
    result = lines(render(Diagnostic("E199", "here", at(text, found))))
    assert result[1:] == [f"     1 | {shown}", f"       | {carets}"]


def test_a_place_behind_the_text_has_a_caret_too() -> None:
    source = SourceText("s.kpi", "x =")
    assert lines(render(Diagnostic("E134", "nothing", Span(source, 3, 3))))[1:] == ["     1 | x =", "       |    ^"]


def test_long_lines_are_cut_around_the_place() -> None:
    text = "x = " + "a + " * 200 + "HERE" + " + b" * 200
    result = lines(render(Diagnostic("E199", "here", at(text, "HERE"))))
    assert all(len(line) < 180 for line in result)
    column = result[2].index("^")
    assert result[1][column : column + 4] == "HERE" and result[2].count("^") == 4


def test_line_numbers_of_any_length() -> None:
    source = SourceText("s.kpi", "\n" * 1_234_566 + "x")
    result = lines(render(Diagnostic("E199", "here", Span(source, 1_234_566, 1_234_567))))
    assert result[1] == "1234567 | x"
    assert result[2].index("^") == result[1].index("x")


def test_messages_do_not_steer_the_terminal() -> None:
    assert "\x1b" not in render(Diagnostic("E199", "no \x1b[2J here", at("a", "a"), "\x1b", (Note("\x1b"),)))


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("\u9500a", 3), ("\uff08", 2), ("e\u0301", 1), ("\t", 4)]
)
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width
