"""Outcomes as JUnit XML, which continuous integration shows: a suite a file, a case a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from xml.etree import ElementTree

from kpi_engine.testing.running import Outcome

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(outcomes: Sequence[Outcome], explained: Callable[[Outcome], str]) -> bytes:
    """A JUnit report in UTF-8; `explained` gives the text of what went wrong.

    >>> from pathlib import Path
    >>> report = junit_xml([Outcome(Path("a.kpitest"), 7, "empty", "n", "failed")], lambda outcome: "row 1 differs")
    >>> b'<failure message="row 1 differs">row 1 differs</failure>' in report
    True
    """
    root = ElementTree.Element("testsuites", _counts(outcomes))
    for path, group in groupby(outcomes, key=lambda outcome: outcome.path):
        inside = list(group)
        suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(str(path)), **_counts(inside)})
        for outcome in inside:
            _add_case(suite, outcome, explained)
    ElementTree.indent(root)
    found: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _add_case(suite: ElementTree.Element, outcome: Outcome, explained: Callable[[Outcome], str]) -> None:
    attributes = {
        "name": _clean(outcome.title or outcome.path.name),
        "classname": _clean(outcome.path.stem),
        "file": _clean(str(outcome.path)),
        "line": str(outcome.line),
        "time": f"{outcome.seconds:.6f}",
    }
    case = ElementTree.SubElement(suite, "testcase", attributes)
    if outcome.passed:
        return
    text = _clean(explained(outcome))
    first = text.strip().partition("\n")[0]
    kind = "failure" if outcome.status == "failed" else "error"
    ElementTree.SubElement(case, kind, {"message": first}).text = text


def _counts(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {
        "tests": str(len(outcomes)),
        "failures": str(sum(outcome.status == "failed" for outcome in outcomes)),
        "errors": str(sum(outcome.status == "broken" for outcome in outcomes)),
        "time": f"{sum(outcome.seconds for outcome in outcomes):.6f}",
    }


def _clean(text: str) -> str:
    """Without characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
