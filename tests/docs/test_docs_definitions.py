"""Definitions on the pages: formatted, without errors, and evaluated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kpi_engine import Project, SourceText, format_text
from kpi_engine.ir import tree
from kpi_engine.ir.render import render
from kpi_engine.parse import parse_file

from . import shop
from .pages import PAGES, Block, blocks, page_id

EXAMPLES = [(page, block) for page in PAGES for block in blocks(page.read_text("utf-8")) if block.language == "kpi"]


def source_of(page: Path, block: Block) -> SourceText:
    """A block with its place as its name."""
    return SourceText(block.file or f"{page_id(page)}:{block.line}", block.text)


def together(page: Path) -> list[SourceText]:
    """The blocks of a page that add to the demo shop."""
    found = [block for other, block in EXAMPLES if other == page and not shop.stands_alone(block.text)]
    return [source_of(page, block) for block in found]


def metrics_in(texts: list[SourceText]) -> list[str]:
    """Metrics that texts define, each once."""
    return list(dict.fromkeys(name for text in texts for kind, name, _ in shop.declared(text.text) if kind == "metric"))


@pytest.mark.parametrize(
    ("page", "block"), [pytest.param(page, block, id=f"{page_id(page)}:{block.line}") for page, block in EXAMPLES]
)
def test_block_is_formatted(page: Path, block: Block) -> None:
    assert format_text(source_of(page, block)) == block.text


def errors_of(project: Project) -> str:
    """All that is wrong."""
    return "\n".join(render(each) for each in project.check())


@pytest.mark.parametrize("page", [page for page in PAGES if together(page)], ids=page_id)
def test_blocks_bind_with_the_demo(page: Path, folder: Path) -> None:
    assert errors_of(shop.project(together(page), folder)) == ""


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=f"{page_id(page)}:{block.line}")
        for page, block in EXAMPLES
        if shop.stands_alone(block.text)
    ],
)
def test_block_alone_binds(page: Path, block: Block, folder: Path) -> None:
    assert errors_of(shop.project([source_of(page, block)], folder)) == ""


@pytest.mark.parametrize("page", [page for page in PAGES if together(page)], ids=page_id)
def test_metrics_have_answers(page: Path, folder: Path) -> None:
    texts = together(page)
    asked = metrics_in(texts)
    found = shop.project(texts, folder).eval(asked, grain="month", start="2026-09", end="2026-10").table
    empty = [name for name in asked if found.column(name).null_count == found.num_rows]
    assert empty == [], "an example without any value shows nothing"


def test_every_property_is_on_the_page() -> None:
    from kpi_engine.resolve import property_tables as tables

    page = next(page for page in PAGES if page.name == "language.md").read_text("utf-8")
    listed = (tables.METRIC, tables.SOURCE, tables.ENTITY, tables.DIMENSION, tables.CALENDAR, tables.GOAL, tables.ALERT)
    known = {name for each in (*listed, tables.GRAIN) for name in each}
    missing = {name for name in known if f"`{name}" not in page and f" {name}:" not in page}
    assert missing == set()


def test_declarations_are_told_apart() -> None:
    text = "# of the shop\nsource a\n  time: t\n\nx = count(a)\n  unit: count\ndimension d = a.b\n"
    assert [(kind, name) for kind, name, _ in shop.declared(text)] == [
        ("source", "a"),
        ("metric", "x"),
        ("dimension", "d"),
    ]
    assert shop.without(SourceText("t", text), {("value", "x")}).text == re.sub(r"x = .*\n  unit.*", "\n", text)
    file, _ = parse_file(SourceText("t", text))
    assert [type(each) for each in file.declarations] == [tree.Source, tree.Metric, tree.Dimension]
