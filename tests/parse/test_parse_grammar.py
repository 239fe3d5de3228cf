"""The grammar has no conflicts, the shipped table is its table, and the driver reads what Lark reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from kpi_engine.ir.span import SourceText
from kpi_engine.parse import driver
from kpi_engine.parse.build import TreeBuilder
from kpi_engine.parse.compile_grammar import STARTS, TABLE, build, compile_table, dump
from kpi_engine.parse.lexer import tokenize
from kpi_engine.parse.split import declarations
from kpi_engine.testing.cases import read_cases

TESTS = Path(__file__).parent.parent
FILES = [TESTS / "data" / "all_kpis.kpi", TESTS / "data" / "team.kpi"]


@cache
def strict() -> Lark:
    return build(["file", *STARTS], strict=True)


def test_grammar_has_no_conflicts() -> None:
    assert strict().options.strict


def test_shipped_table_is_the_grammars() -> None:
    expected = dump(compile_table(build(STARTS, strict=False)))
    assert TABLE.read_text("utf-8") == expected, "run `python -m kpi_engine.parse.compile_grammar`"


def test_table_is_plain_data() -> None:
    assert set(json.loads(TABLE.read_text("utf-8"))) == {"keywords", "rules", "actions", "gotos", "starts"}


def test_every_action_of_the_grammar_has_a_method() -> None:
    names = {action for action, *_ in json.loads(TABLE.read_text("utf-8"))["rules"]} - {"", "+"}
    assert {name for name in names if not callable(getattr(TreeBuilder, name, None))} == set()


@pytest.mark.parametrize("module", ["lark", "pyarrow", "numpy"])
def test_parsing_does_not_import(module: str) -> None:
    code = f"import sys, kpi_engine.parse; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def lark_tokens(text: str, start: str) -> list[tuple[str, int, int]] | None:
    """Terminals with their places, as Lark's contextual lexer finds them; None if Lark refuses the text."""
    try:
        parsed = strict().parse(text, start=start)
    except UnexpectedInput:
        return None
    kept = parsed.scan_values(lambda value: isinstance(value, Token)) if isinstance(parsed, Tree) else [parsed]
    return sorted((token.type, token.start_pos, token.end_pos) for token in kept)


def own_tokens(text: str, start: str) -> list[tuple[str, int, int]] | None:
    """The same, by the product's lexer and driver."""
    source = SourceText("", text)
    tokens = tokenize(source, 0, len(text))
    if tokens.problems:
        return None
    try:
        driver.parse(tokens, start, TreeBuilder(tokens))
    except driver.StuckError:
        return None
    return sorted(zip(tokens.types, tokens.starts, tokens.ends, strict=True))


def expect_agreement(text: str, start: str) -> None:
    """Lark filters punctuation and keywords out of its tree; all that it keeps must be ours, and none of ours more."""
    found, own = lark_tokens(text, start), own_tokens(text, start)
    assert (found is None) == (own is None), text
    if found is not None and own is not None:
        assert set(found) <= set(own), text
        kinds = {"NAME", "KEY", "STRING", "NUMBER", "PERCENT", "DURATION", "PERIOD"}
        assert [token for token in own if token[0] in kinds] == [token for token in found if token[0] in kinds], text


def texts() -> list[str]:
    sources = [SourceText("", path.read_text("utf-8")) for path in FILES]
    return [source.text[start:end] for source in sources for start, end in declarations(source)]


def test_files_read_as_lark_reads_them() -> None:
    for path in FILES:
        whole = strict().parse(path.read_text("utf-8"), start="file")
        assert len(whole.children) == len(declarations(SourceText("", path.read_text("utf-8"))))


def test_declarations_read_as_lark_reads_them() -> None:
    for text in texts():
        expect_agreement(text, "declaration")


def test_broken_declarations_are_refused_as_lark_refuses_them() -> None:
    """Every token of every expression left out once: mostly wrong, sometimes right, and both must agree on which."""
    for text in texts()[60::7]:
        text = re.sub("#.*", "", text)
        for word in re.finditer(r"\w+|[^\w\s]", text):
            shorter = text[: word.start()] + " " + text[word.end() :]
            if re.match(r"[^\s#)\]]", shorter) and not shorter.lstrip().startswith((".", "-")) and ". " not in shorter:
                expect_agreement(shorter, "declaration")


def test_cases_without_errors_are_read_by_lark_too() -> None:
    for path in (TESTS / "cases" / "syntax").glob("*.kpitest"):
        for case in read_cases(path.read_text("utf-8")):
            good = [section for section in case.sections if section.kind == "errors" and not section.text]
            if good or any(section.kind == "formatted" for section in case.sections):
                strict().parse(case.section("definitions") + "\n", start="file")
