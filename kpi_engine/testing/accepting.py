"""Results written into case files: only the lines of results that are not as answered change, all others stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.testing.cases import MARK


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a result becomes: the lines `first` to before `end` (from 0) are those of the section now, below its mark.

    Where `first` and `end` are equal and the line before is no result's mark, the mark is written too.
    """

    first: int
    end: int
    text: str
    with_mark: bool = False


def accepted(text: str, acceptances: Sequence[Acceptance]) -> str:
    """The text of a case file with results replaced. Remarks and empty lines in them stay where they were.

    >>> text = "# t\\n---- query n\\n---- result\\n# all\\nn\\n2\\n\\n====\\n"
    >>> print(accepted(text, [Acceptance(3, 7, "n\\n3")]), end="")
    # t
    ---- query n
    ---- result
    # all
    n
    3
    <BLANKLINE>
    ====
    """
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for change in sorted(acceptances, key=lambda each: each.first, reverse=True):
        if change.first and not lines[change.first - 1].endswith("\n"):
            lines[change.first - 1] += newline
        mark = [f"{MARK} result"] if change.with_mark else []
        body = _with_remarks(lines[change.first : change.end], change.text.splitlines())
        lines[change.first : change.end] = [f"{line}{newline}" for line in (*mark, *body)]
    return "".join(lines)


def _with_remarks(before: Sequence[str], answer: Sequence[str]) -> Iterator[str]:
    """The new lines with each remark before the line of the same number as until now."""
    remarks: dict[int, list[str]] = {}
    number = 0
    for line in (each.rstrip("\r\n") for each in before):
        if not line.strip() or line.startswith("# "):
            remarks.setdefault(number, []).append(line)
        else:
            number += 1
    last = number
    for number, line in enumerate(answer):
        if number < last:
            yield from remarks.get(number, ())
        yield line
    for place in sorted(remarks):
        if place >= min(last, len(answer)):
            yield from remarks[place]
