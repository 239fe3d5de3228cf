"""Mistakes in the first line of a declaration, and lines that began in the wrong column."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, nearest
from kpi_engine.parse.explain.failure import OPERATORS, Failure
from kpi_engine.parse.lexer import RESERVED
from kpi_engine.parse.split import BOM
from kpi_engine.parse.table import END
from kpi_engine.parse.words import DECLARATIONS, FORMER_KEYWORDS, METRIC_PROPERTIES, PROPERTIES, STATEMENTS

_KEYWORDS = frozenset(word.upper() for word in DECLARATIONS)
_WITHOUT_EQUALS = {
    "ENTITY": "give it columns: `column first_order: date = min(orders.ordered_at)`",
    "GRAIN": 'give it a table: `table: "retail_calendar.csv"`',
    "GOAL": "write the aim in the next line: `increase revenue by 10% during 2027-Q1`",
    "ALERT": "write the condition in the next line: `when: revenue < 1000`",
    "USE": "write `use sales as s` for another name",
    "MAP": 'write `map sales.orders to "erp.orders"`',
    "CALENDAR": 'write its properties in the next lines: `timezone: "Asia/Shanghai"`',
}


def orphan_line(failure: Failure) -> Diagnostic | None:
    """An indented line above the first declaration of the file."""
    first = failure.span(0)
    is_indented = first.column > 1 and first.source.text[: first.start] != BOM
    if failure.index or not is_indented or not failure.accepted & _KEYWORDS:
        return None
    return failure.error("E152", "this indented line belongs to no declaration", 0, "begin a declaration in column 1")


def continued_line(failure: Failure) -> Diagnostic | None:
    """A line in column 1 that only continues the one above."""
    first = failure.kind(0)
    if failure.index == 1 and _is_name_with_minus(failure):
        name = failure.span(0, 2)
        what = f"a name holds letters, digits and `_`, so `{name.text}` is a subtraction"
        return failure.error("E130", what, name, f"write `{name.text.replace('-', '_')} = ...`")
    if not failure.accepted & _KEYWORDS and failure.index != 1:
        return None
    begins_badly = failure.index == 0 and first not in ("RPAR", "RSQB", "KEY")
    if (begins_badly and "SOURCE" in failure.accepted) or (failure.index == 1 and _goes_on(failure)):
        place = failure.span(0)
        return failure.error(
            "E130", "a continued line must be indented", place, f"add two spaces before {failure.shown(0)}"
        )
    return None


def _is_name_with_minus(failure: Failure) -> bool:
    return [failure.kind(index) for index in range(4)] == ["NAME", "PLUSMINUS", "NAME", "EQ"] and failure.text(1) == "-"


def _goes_on(failure: Failure) -> bool:
    return failure.kind(0) == "NAME" and failure.kind(1) in OPERATORS - {"EQ", "IN"} and failure.kind(1) != "CMP"


def statement_of_sql(failure: Failure) -> Diagnostic | None:
    """`select ...` in column 1."""
    word = failure.word(0)
    if failure.index == 1 and word in STATEMENTS and failure.kind(0) == "NAME" and failure.current != "EQ":
        return failure.error("E149", f"`{failure.text(0)}` is SQL", 0, STATEMENTS[word])
    return None


def unindented_line(failure: Failure) -> Diagnostic | None:
    """A property, a column or an aim in column 1; or a metric written with a colon."""
    if failure.index == 0 and failure.current == "KEY" and "SOURCE" in failure.accepted:
        key = failure.text(0)
        if key in PROPERTIES:
            return failure.error("E104", _UNINDENTED.format("a property"), 0, f"add two spaces before `{key}:`")
        near = nearest(key, METRIC_PROPERTIES)
        help_text = f"write `{key} = ...`" + (f"; did you mean the property `  {near[0]}:`?" if near else "")
        return failure.error("E188", "a metric is written with `=`", 1, help_text)
    if failure.index < 2 and failure.kind(1) in ("KEY", "NAME") and not failure.starts_line(1):
        what = {"column": "a column", "increase": "an aim", "decrease": "an aim", "keep": "an aim"}.get(failure.text(0))
        if what and failure.kind(0) in ("NAME", "COLUMN"):
            return failure.error("E104", _UNINDENTED.format(what), 0, f"add two spaces before `{failure.text(0)}`")
    return None


_UNINDENTED = "{} must be indented under its declaration"


def needless_keyword(failure: Failure) -> Diagnostic | None:
    """`metric x = ...`."""
    if failure.index == 1 and failure.word(0) in FORMER_KEYWORDS and failure.current in ("NAME", "KEY"):
        what = f"a metric needs no `{failure.text(0)}`"
        return failure.error("E132", what, 0, f"write `{failure.text(1)} = ...`")
    return None


def qualified_metric(failure: Failure) -> Diagnostic | None:
    """`pack.revenue = ...` or `f(x) = ...`."""
    if failure.index != 1 or failure.kind(0) != "NAME":
        return None
    if failure.current == "DOT" and "EQ" in failure.tokens.types:
        path = "".join(failure.text(i) for i in range(failure.tokens.types.index("EQ")))
        help_text = f"write `override {path} = ...` to replace a pack's metric, or a name without a point"
        return failure.error("E153", "a metric's own name has no point", 1, help_text)
    if failure.current == "LPAR" and _equals_after_bracket(failure):
        what = "a metric has no parameters"
        return failure.error("E153", what, 1, f"write `{failure.text(0)} = ...`; a question brings filters and periods")
    return None


def _equals_after_bracket(failure: Failure) -> bool:
    types = failure.tokens.types
    return "RPAR" in types and types[types.index("RPAR") + 1 : types.index("RPAR") + 2] == ["EQ"]


def unknown_keyword(failure: Failure) -> Diagnostic | None:
    """`sorce orders`."""
    if failure.index == 1 and failure.kind(0) == "NAME" and failure.current in ("NAME", "KEY", END):
        near = nearest(failure.text(0), DECLARATIONS)
        if near and (failure.current != END or near[0] == "calendar"):
            what = f"no declaration begins with `{failure.text(0)}`"
            return failure.error(
                "E131", what, 0, f"did you mean `{near[0]}`? For a metric write `{failure.text(0)} = ...`"
            )
    return None


def keyword_as_name(failure: Failure) -> Diagnostic | None:
    """`source = count(...)`, `where = count(...)`."""
    word = failure.text(0)
    help_text = f"write `` `{word}` `` in backticks"
    if failure.index == 1 and failure.kind(0) in _KEYWORDS and failure.current == "EQ":
        return failure.error("E148", f"`{word}` begins a declaration and is no name", 0, help_text)
    if failure.index == 0 and failure.kind(1) == "EQ" and word in RESERVED:
        return failure.error("E148", f"`{word}` is a word of the language and no name", 0, help_text)
    return None


def missing_name(failure: Failure) -> Diagnostic | None:
    """`source` and nothing else."""
    if failure.index == 1 and failure.kind(0) in _KEYWORDS and "NAME" in failure.accepted and failure.ends_item(1):
        word = failure.text(0)
        return failure.error("E167", f"this {word} has no name", 0, f"write, for example, `{DECLARATIONS[word]}`")
    return None


def quoted_name(failure: Failure) -> Diagnostic | None:
    """`source "orders"`."""
    if (
        failure.index == 1
        and failure.kind(0) in _KEYWORDS
        and failure.current == "STRING"
        and "NAME" in failure.accepted
    ):
        inner = failure.text(1)[1:-1]
        help_text = (
            f"write `{failure.text(0)} {inner}`" if inner.isidentifier() else f"write `{DECLARATIONS[failure.text(0)]}`"
        )
        return failure.error("E168", "a name is written without quotes", 1, help_text)
    return None


def needless_name(failure: Failure) -> Diagnostic | None:
    """`calendar retail`."""
    if (
        failure.index == 1
        and failure.kind(0) == "CALENDAR"
        and not failure.starts_line(1)
        and failure.current == "NAME"
    ):
        return failure.error(
            "E184", "the calendar has no name: there is one for all", 1, "write `calendar` alone in its line"
        )
    return None


def needless_equals(failure: Failure) -> Diagnostic | None:
    """`alert drop = revenue < 10`."""
    kind = failure.kind(0)
    if (
        failure.current == "EQ"
        and kind in _WITHOUT_EQUALS
        and failure.item == 0
        and not failure.starts_line(failure.index - 1)
    ):
        word = failure.text(0)
        return failure.error("E169", f"`{word}` takes no `=`", failure.index, _WITHOUT_EQUALS[kind])
    return None


def missing_equals(failure: Failure) -> Diagnostic | None:
    """`conversion count(orders)`, `dimension channel orders.channel`."""
    if "EQ" not in failure.accepted or failure.wants_operator or failure.item:
        return None
    if failure.kind(0) == "NAME" and failure.index == 1:
        name = failure.text(0)
        call = failure.current == "LPAR"
        help_text = f"write `name = {name}(...)`, or indent the line if it continues the one above"
        return failure.error(
            "E133", f"`=` is missing after `{name}`", 0, help_text if call else f"write `{name} = ...`"
        )
    if (
        failure.kind(0) in ("DIMENSION", "OVERRIDE", "SOURCE")
        and failure.index > 1
        and not failure.starts_line(failure.index)
    ):
        head = f"{failure.text(0)} {failure.span(1, failure.index - 1).text}"
        what = f"`=` is missing before {failure.shown(failure.index)}"
        return failure.error("E133", what, failure.index, f"write `{head} = ...`")
    if failure.kind(0) in ("DIMENSION", "OVERRIDE") and failure.ends_item(failure.index):
        return failure.error(
            "E133",
            f"`=` is missing after {failure.shown(failure.index - 1)}",
            failure.index - 1,
            f"write `{DECLARATIONS[failure.text(0)]}`",
        )
    return None


def several_packs(failure: Failure) -> Diagnostic | None:
    """`use sales, marketing`."""
    if failure.kind(0) == "USE" and failure.current == "COMMA" and failure.item == 0:
        return failure.error("E170", "`use` names one pack", failure.index, "write a `use` line for each pack")
    return None


def map_without_target(failure: Failure) -> Diagnostic | None:
    """`map sales.orders "erp.orders"`."""
    if failure.kind(0) == "MAP" and "TO" in failure.accepted and failure.item == 0:
        place = failure.index if not failure.starts_line(failure.index) else failure.index - 1
        return failure.error("E171", "`map` does not say to what", place, f"write `{DECLARATIONS['map']}`")
    return None
