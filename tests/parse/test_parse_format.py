"""Canonical text: equal trees, every comment, and nothing to do the second time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.render import display_width
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format as format_module
from kpi_engine.parse import format_file, parse_file

DATA = Path(__file__).parent.parent / "data"
FILES = [DATA / "all_kpis.kpi", DATA / "team.kpi"]


def formatted(text: str) -> str:
    return format_file(SourceText("text", text))


def comments(text: str) -> list[str]:
    """The comments of a text without # in its strings."""
    return [found.rstrip() for found in re.findall(r"#.*", re.sub(r'"(\\.|[^"\\\n])*"', '""', text))]


def expect_canonical(text: str) -> str:
    """The formatted text, when it is as it must be."""
    before, problems = parse_file(SourceText("text", text))
    assert problems == ()
    result = formatted(text)
    after, problems = parse_file(SourceText("text", result))
    assert problems == ()
    assert after == before
    assert comments(result) == comments(text)
    assert formatted(result) == result
    lines = result.split("\n")
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n\n" not in result and "\t" not in re.sub(r'"[^"\n]*"|#.*', "", result) and "\r" not in result
    assert result == "" or (result.endswith("\n") and not result.endswith("\n\n") and result[0] != "\n")
    return result


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files(path: Path) -> None:
    result = expect_canonical(path.read_text("utf-8"))
    assert max(display_width(line) for line in result.split("\n")) <= 110


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_result_does_not_depend_on_spaces_and_lines(path: Path) -> None:
    text = re.sub("#.*", "", path.read_text("utf-8"))
    squeezed = re.sub(r"(?<=[^\s:]) +(?=[-+*/=<>,()\[\]])(?!->)|(?<=[,(\[]) +", "", re.sub(r'"[^"\n]*"', '""', text))
    spread = re.sub(r"(?<=[(\[,])", "\n      ", re.sub(r'"[^"\n]*"', '""', text))
    expected = formatted(re.sub(r'"[^"\n]*"', '""', text))
    assert squeezed != spread
    assert formatted(squeezed) == expected
    assert formatted(spread) == expected
    assert formatted("\ufeff" + expected.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_comment_behind_any_token_stays_there(path: Path) -> None:
    """Puts a comment, and a line of comment, behind every third token of the file."""
    text = re.sub("#.*", "", path.read_text("utf-8"))
    tokens = list(re.finditer(r'"[^"\n]*"|[\w%]+|[^\w\s]', text))
    phrases = {"is", "not", "at", "dated", "followed", "null"}
    units = r"second|minute|hour|day|week|month|quarter|year"
    for first in range(3):
        parts, end, number = [], 0, 0
        for index, token in enumerate(tokens[:-1]):
            following = tokens[index + 1]
            joined = re.sub(r"\s+", " ", text[token.start() : following.end()])
            is_inside = token.end() == following.start() and not re.fullmatch(r"[(\[]", token[0])
            is_inside |= (
                token[0] in phrases
                or following[0] in (":", "by")
                or re.fullmatch(rf"\d+ ({units})s?", joined) is not None
            )
            if index % 3 == first and not is_inside and "\n" not in text[token.end() : following.start()]:
                number += 1
                parts += [text[end : token.end()], f" # behind {number}\n   # alone {number}\n    "]
                end = token.end()
        expect_canonical("".join([*parts, text[end:]]))
        assert number > 10


def test_comments_of_column_1_below_a_declaration_belong_to_the_next() -> None:
    text = "x = 1\n  # inside\n\n# above y\n  # still above y\ny = 2\n"
    assert expect_canonical(text) == "x = 1\n  # inside\n\n# above y\n# still above y\ny = 2\n"


@pytest.mark.parametrize(("blank", "kept"), [(0, 0), (1, 1), (2, 2), (3, 2), (9, 2)])
def test_blank_lines_between_declarations(blank: int, kept: int) -> None:
    assert formatted("a = 1\n" + "\n" * blank + "b = 2") == "a = 1\n" + "\n" * kept + "b = 2\n"


@pytest.mark.parametrize(("blank", "kept"), [(0, 0), (1, 1), (2, 1), (9, 1)])
def test_blank_lines_inside_a_declaration(blank: int, kept: int) -> None:
    expected = "a = 1\n  unit: percent\n" + "\n" * kept + "  better: higher\n"
    assert formatted("a = 1\n  unit: percent\n" + " \n" * blank + "  better: higher") == expected


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\ufeff"])
def test_files_of_nothing(text: str) -> None:
    assert formatted(text) == ""


def test_deep_nesting_does_not_drift_to_the_right() -> None:
    text = "x = " + "coalesce(first_value, other + " * 20 + "1" + ")" * 20
    lines = expect_canonical(text).split("\n")
    assert max(len(line) - len(line.lstrip()) for line in lines) == 60


def test_what_does_not_parse_is_not_formatted() -> None:
    with pytest.raises(KpiError) as caught:
        formatted("a = 1\nb = (\nc = 'x'\n")
    assert [problem.code for problem in caught.value.diagnostics] == ["E101", "E103"]


def test_a_declaration_that_would_grow_beyond_the_limit_is_left_as_it_is() -> None:
    """Each condition takes a line of its own in column 60: 71 000 bytes; as written it takes 11 000."""
    text = "x = " + "(" * 60 + " and ".join(["abcdef"] * 960) + ")" * 60 + "\n  unit:percent\ny=1\n"
    assert expect_canonical(text).endswith("\n  unit:percent\ny = 1\n")


def test_a_fault_of_the_formatter_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of defence: a layout that loses a space must not reach a file."""
    monkeypatch.setattr(format_module, "needs_space", lambda types, index: False)
    with pytest.raises(KpiError) as caught:
        formatted("x = count(distinct visitors)")
    assert caught.value.diagnostics[0].code == "E198"
    assert caught.value.exit_code is ExitCode.INTERNAL


# ------------------------------------------------------------------------------------------------- generated files

NAMES = st.sampled_from(["a", "revenue", "orders.total", "`when`", "\u9500\u552e\u989d", "end", "source", "x" * 30])
ATOMS = st.one_of(
    NAMES,
    st.sampled_from(
        ["1", "1_000.5", "2.5%", "7 days", "2027-Q1", '"text"', "true", "null", "2 points", '"\u00e9 \\" # x"']
    ),
)
CLAUSES = st.sampled_from(
    [
        " where a",
        " per day",
        " per all (a, b)",
        " at end",
        " dated by t.c",
        " followed by b on k where a within 1 day",
        " having a > 1",
    ]
)


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.tuples(inner, st.sampled_from([" + ", " - ", "*", "/", " and ", " or "]), inner).map("".join)
    return st.one_of(
        joined,
        joined.map("({})".format),
        inner.map("- {}".format),
        inner.map("(not {})".format),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} = {pair[1]})"),
        st.tuples(st.sampled_from(["", "distinct ", "approx "]), inner, CLAUSES).map(
            lambda p: f"f({p[0]}{p[1]}{p[2]})"
        ),
        st.lists(inner, max_size=4).map(lambda items: f"total({', '.join(items)})"),
        st.lists(inner, max_size=4).map(lambda items: f"(a not  in [{','.join(items)}])"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda arms: "case " + " ".join(f"when {arm} then 1" for arm in arms) + " else (a) end"
        ),
        inner.map("(b is\n  not null or {})".format),
    )


EXPRESSIONS = st.recursive(ATOMS, _extend, max_leaves=25)
LINE_ENDS = st.sampled_from(["\n", "  # note\n", "\n\n", "\n  # alone\n", "\r\n"])
PROPERTIES = st.tuples(st.just("  p{}: "), EXPRESSIONS, LINE_ENDS)
COLUMNS = st.tuples(st.just("  column c{}: currency(CNY) = "), EXPRESSIONS, LINE_ENDS)


@st.composite
def files(draw: st.DrawFn) -> str:
    parts = []
    for head, item in draw(
        st.lists(st.sampled_from([("m = {}", PROPERTIES), ("source s = ({})", COLUMNS)]), max_size=3)
    ):
        parts.append(head.format(draw(EXPRESSIONS)) + draw(LINE_ENDS))
        for number, (start, value, end) in enumerate(draw(st.lists(item, max_size=3))):
            parts.append(start.format(number) + value + end)
        parts.append(draw(st.sampled_from(["", "\n", "\n\n\n\n", "# above\n", "\t# indented\n"])))
    return "".join(parts)


@given(files())
def test_generated_files(text: str) -> None:
    expect_canonical(text)
