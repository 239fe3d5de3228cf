"""Which answers are as expected, and how a difference is shown."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.testing.accepting import Acceptance, accepted
from kpi_engine.testing.case_tables import guessed_types, read_table, write_answer
from kpi_engine.testing.cases import CaseError
from kpi_engine.testing.comparing import CaseAnswer, difference, is_as_written
from kpi_engine.testing.showing import difference_lines


@pytest.mark.parametrize(
    ("value", "cell", "same"),
    [
        (None, None, True),
        (None, "0", False),
        (0, None, False),
        (3, "3", True),
        (3, "3.0", True),
        (3, "4", False),
        (Decimal("12.50"), "12.5", True),
        (Decimal("12.50"), "12.51", False),
        (1 / 3, "0.333333333333", True),
        (1 / 3, "0.33333", False),
        (1 / 3, "~0.33333", True),
        (0.335, "~0.33", False),
        (0.375, "37.5%", True),
        (0.3751, "37.5%", False),
        (0.3751, "~37.5%", True),
        (math.nan, "1", False),
        (1.0, "NaN", False),
        (1.0, "one", False),
        (True, "true", True),
        (True, "1", False),
        ("1", "1", True),
        ("a", "b", False),
        (date(2026, 3, 1), "2026-03-01", True),
        (date(2026, 3, 1), "2026-03", False),
        (datetime(2026, 3, 1, 8, tzinfo=UTC), "2026-03-01T16:00+08:00", True),
        (datetime(2026, 3, 1, 8, tzinfo=UTC), "2026-03-01T08:00", False),
        (timedelta(hours=26, seconds=1.5), "26:00:01.5", True),
        (timedelta(hours=-1), "-1:00:00", True),
        (timedelta(hours=1), "1 hour", False),
    ],
)
def test_cells(value: Any, cell: str | None, same: bool) -> None:
    assert is_as_written(value, cell) is same


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9), st.integers(0, 3)
)
def test_about_is_half_of_the_last_digit(value: Decimal, digits: int) -> None:
    written = round(value, digits)
    assert is_as_written(value, f"~{written:f}")
    beyond = written + Decimal(1).scaleb(-digits)
    assert is_as_written(value, f"~{beyond:f}") == (
        abs(Fraction(value) - Fraction(beyond)) <= Fraction(1, 2 * 10**digits)
    )


def _answer(*rows: tuple[str | None, int]) -> CaseAnswer:
    return CaseAnswer(("channel", "n"), ("channel",), tuple({"channel": name, "n": number} for name, number in rows))


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.sampled_from(["web", "north west", "", "null", "a"])), st.integers(-9, 9))
    )
)
def test_an_answer_is_as_its_own_text(rows: list[tuple[str | None, int]]) -> None:
    answer = _answer(*rows)
    if not any(name in ("", "null") for name, _ in rows):  # a null and the text "null" are told apart by quotes alone
        assert difference(write_answer(answer.names, answer.rows), answer) is None


def _shown(expected: str, answer: CaseAnswer, width: int = 100) -> str:
    found = difference(expected, answer)
    assert found is not None
    return "\n".join(difference_lines(found, width))


def test_missing_and_extra_rows() -> None:
    text = "channel  n\napp  1\nweb  2\nshop  3"
    assert _shown(text, _answer(("web", 2), ("radio", 7), ("shop", 4))) == (
        "  channel  n\n- app      1\n  web      2\n+ radio    7\n- shop     3\n+ shop     4\n           ^"
    )


def test_another_order_is_a_difference() -> None:
    assert difference("channel n\na 1\nb 2", _answer(("b", 2), ("a", 1))) is not None


def test_other_columns_show_both_tables() -> None:
    assert _shown("channel  m\na  1", _answer(("a", 1))) == (
        "- channel  m\n- a        1\n+ channel  n\n           ^\n+ a        1"
    )


def test_rows_far_from_a_difference_are_counted() -> None:
    rows = [(f"c{number:02}", number) for number in range(20)]
    text = write_answer(("channel", "n"), [{"channel": name, "n": 99 if name == "c10" else n} for name, n in rows])
    lines = _shown(text, _answer(*rows)).splitlines()
    assert lines[1] == "  (8 rows as expected)" and lines[-1] == "  (7 rows as expected)"
    assert [line.split()[0] for line in lines[2:-1]] == ["c08", "c09", "-", "+", "^^", "c11", "c12"]


def test_columns_as_expected_are_left_out_where_a_line_is_too_long() -> None:
    names = ("channel", *(f"metric_{number}" for number in range(9)))
    row: dict[str, Any] = {"channel": "a", **dict.fromkeys(names[1:], 1)}
    expected = write_answer(names, [{**row, "metric_4": 2}])
    shown = _shown(expected, CaseAnswer(names, ("channel",), (row,)), width=60)
    assert shown.splitlines()[0] == "  channel  metric_4" and shown.endswith("  (8 columns as expected)")


def test_cells_cannot_command_a_terminal() -> None:
    found = difference("channel  n\n\x1b[31ma  1", _answer(("a", 1)))
    assert found is not None
    assert "\x1b" not in "\n".join(difference_lines(found))


def test_results_of_another_form() -> None:
    for text in ("", "channel n\na 1 2"):
        with pytest.raises(CaseError):
            difference(text, _answer(("a", 1)))


def test_acceptance_keeps_line_ends_and_everything_else() -> None:
    text = "# one\r\n---- query n\r\n---- result\r\nn\r\n# why\r\n1\r\n\r\n====\r\n# two\r\n---- query m"
    new = accepted(text, [Acceptance(3, 7, "n\n2"), Acceptance(10, 10, "m\n3", with_mark=True)])
    assert new == (
        "# one\r\n---- query n\r\n---- result\r\nn\r\n# why\r\n2\r\n\r\n====\r\n# two\r\n---- query m\r\n"
        "---- result\r\nm\r\n3\r\n"
    )


def test_types_are_guessed_where_none_is_written() -> None:
    text = "id, code, n, total, at, on, ok, long, empty\n1, 007, 2, 1.5, 2026-03-01 10:00, 2026-03-01, true, 1:30:00,\n"
    assert list(guessed_types(text).values()) == [
        "integer", "text", "integer", "decimal", "timestamp", "date", "boolean", "duration", "text",
    ]  # fmt: skip
    assert read_table(text, guessed_types(text)).rows[0]["code"] == "007"
