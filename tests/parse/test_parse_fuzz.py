"""Whatever the text: a tree or diagnostics, never another exception, and a diagnostic that can be shown."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format_file, parse_expression, parse_file
from kpi_engine.parse.split import declarations

DATA = Path(__file__).parent.parent / "data"
SOURCES = [SourceText("data", (DATA / name).read_text("utf-8")) for name in ("all_kpis.kpi", "team.kpi")]
DECLARATIONS = [source.text[start:end] for source in SOURCES for start, end in declarations(source)]
PIECES = [
    *("(", ")", "[", "]", ",", "=", ".", ":", "->", "+", "-", "*", "/", "<", "==", "!", ";", "'", '"', "`", "#", "\\"),
    *(
        "where",
        "per",
        "having",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "case",
        "when",
        "then",
        "else",
        "end",
        "distinct",
    ),
    *(
        "column",
        "source",
        "goal",
        "map",
        "use",
        "as",
        "to",
        "from",
        "by",
        "during",
        "versus",
        "increase",
        "followed by",
    ),
    *(
        "within",
        "7 days",
        "7",
        "2.5%",
        "2027-Q1",
        "2027-W60",
        ".5",
        "1e5",
        "\n",
        "\n  ",
        "\t",
        "unit:",
        "a",
        "b.c",
        "x = ",
    ),
    *("\u00a0", "\uff08", "\u201c", "\u2013", "\u0301", "\ufeff", "\u202e", "\0", "\ud800", "\u2028", "\U0001f600"),
]


def check(text: str) -> None:
    source = SourceText("fuzz", text)
    file, problems = parse_file(source)
    for problem in problems:
        assert problem.span.source is source and 0 <= problem.span.start <= problem.span.end <= len(text)
        assert render(problem) and problem.help
        assert "\n" not in render(problem, "concise")
    try:
        result = format_file(source)
    except KpiError as error:
        assert error.diagnostics == problems
    else:
        assert problems == ()
        assert parse_file(SourceText("fuzz", result))[0] == file
        assert format_file(SourceText("fuzz", result)) == result
    try:
        parse_expression(source)
    except KpiError as error:
        assert error.diagnostics


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    check(text)


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    check(data.decode("utf-8", "replace"))
    check(data.decode("latin-1"))
    check(data.decode("utf-8", "surrogateescape"))


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["", " "]))
def test_pieces_of_the_language_in_any_order(pieces: list[str], space: str) -> None:
    check(space.join(pieces))
    check("x = " + space.join(pieces))


@given(
    st.sampled_from(DECLARATIONS),
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["delete", "double", "replace", "insert"]), st.sampled_from(PIECES)),
        max_size=3,
    ),
)
def test_declarations_with_changes(text: str, changes: list[tuple[float, str, str]]) -> None:
    tokens = re.findall(r"\s+|\w+|\"[^\"\n]*\"|.", text)
    for place, change, piece in changes:
        index = min(int(place * len(tokens)), len(tokens) - 1)
        if change == "delete" and len(tokens) > 1:
            del tokens[index]
        elif change == "double":
            tokens.insert(index, tokens[index])
        elif change == "replace":
            tokens[index] = piece
        else:
            tokens.insert(index, f" {piece} ")
    check("".join(tokens))


@given(st.sampled_from(DECLARATIONS), st.floats(0, 1))
def test_declarations_cut_short(text: str, place: float) -> None:
    check(text[: int(place * len(text))])
    check(text[int(place * len(text)) :])
