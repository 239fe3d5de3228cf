"""Pages of Markdown as their blocks, commands and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^```(\w*)[ \t]*$")
_HEADING = re.compile(r"^#+ (.+)$")
_NAMED_FILE = re.compile(r"`([\w./-]+\.\w+)`:\s*$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, or lines that are indented by four (`indented`).

    `line` is that of its first line of text, `heading` the nearest one above, `file` a file that the line above ends
    with (`metrics.kpi`:), and `directly` tells that nothing stands between it and the block before.
    """

    language: str
    text: str
    line: int
    heading: str
    file: str
    directly: bool


def page_id(page: Path) -> str:
    """A page's path as people write it."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """All blocks of a page, in order."""
    return list(_blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[Block]:
    heading, above, directly, number = "", "", False, 0
    while number < len(lines):
        line = lines[number]
        fence = _FENCE.match(line)
        if fence is not None or (line.startswith(_INDENT) and not above):
            end = _end_of_fence(lines, number + 1) if fence is not None else _end_of_indent(lines, number)
            first = number + (fence is not None)
            inside = [each.removeprefix(_INDENT) if fence is None else each for each in lines[first:end]]
            name = fence[1] if fence is not None else "indented"
            file = _NAMED_FILE.search(_last_text(lines[:number]))
            yield Block(name, "\n".join(inside) + "\n", first + 1, heading, file[1] if file else "", directly)
            number, above, directly = end + (fence is not None), "", True
            continue
        found = _HEADING.match(line)
        heading = found[1] if found is not None else heading
        directly &= not line.strip()
        above = line.strip()
        number += 1


def _end_of_fence(lines: list[str], start: int) -> int:
    return next(number for number in range(start, len(lines)) if lines[number].startswith("```"))


def _end_of_indent(lines: list[str], start: int) -> int:
    end = start
    while end < len(lines) and lines[end].startswith(_INDENT):
        end += 1
    return end


def _last_text(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if line.strip()), "")


def links(text: str) -> list[str]:
    """The targets of all links outside fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return _LINK.findall(prose)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
