"""The text of the pages: links lead somewhere, codes exist, and set-up commands stand where CI looks for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kpi_engine.ir.codes import CODES

from .pages import PAGES, ROOT, anchors, blocks, links, page_id


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page.read_text("utf-8")):
        if link.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_codes_exist(page: Path) -> None:
    shown = set(re.findall(r"\b[EWN][1-9]\d\d\b", page.read_text("utf-8")))
    assert shown <= CODES.keys()


def test_set_up_blocks_of_the_readme() -> None:
    first, second = [block for block in blocks((ROOT / "README.md").read_text("utf-8")) if block.language == "sh"][:2]
    assert "kpi demo" in first.text
    assert "pytest" in second.text


def test_every_page_is_linked_from_the_readme_or_the_index() -> None:
    listed = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in (ROOT / "README.md", ROOT / "docs" / "README.md")
        for link in links(page.read_text("utf-8"))
        if "://" not in link
    }
    assert [page_id(page) for page in PAGES[1:] if page not in listed] == []


def test_blocks_of_a_page() -> None:
    text = "# One\n\nThis is `a.kpi`:\n\n```kpi\nx = 1\n```\n\n```text\nout\n```\n\nsay\n\n    kpi list\n"
    found = blocks(text)
    assert [(each.language, each.text, each.line) for each in found] == [
        ("kpi", "x = 1\n", 6),
        ("text", "out\n", 10),
        ("indented", "kpi list\n", 15),
    ]
    assert [(each.file, each.directly, each.heading) for each in found] == [
        ("a.kpi", False, "One"),
        ("", True, "One"),
        ("", False, "One"),
    ]
    assert anchors("## Groups: `per` and having\n") == {"groups-per-and-having"}
