"""Packs that stand in a case file: `---- pack NAME VERSION`, and their definitions below."""

from __future__ import annotations

from collections.abc import Iterable

from kpi_engine.ir.packs import PackInfo, PackTexts
from kpi_engine.ir.span import SourceText
from kpi_engine.testing.cases import CaseError, Section


def packs_of(sections: Iterable[Section]) -> dict[str, PackTexts]:
    """The packs among the sections of a case, by name; a version that is not written is 1.0.

    >>> from kpi_engine.testing.cases import read_cases
    >>> case, = read_cases("# one\\n---- pack sales 1.2\\nn = count(orders)\\n---- definitions\\nuse sales\\n")
    >>> packs_of(case.inputs())["sales"].info.version
    '1.2'
    """
    found: dict[str, PackTexts] = {}
    for section in sections:
        if section.kind != "pack":
            continue
        name, _, version = section.options.partition(" ")
        if not name:
            raise CaseError("a pack is written `---- pack NAME VERSION`", section.line)
        info = PackInfo(name, version or "1.0", origin="this case")
        found[name] = PackTexts(info, (SourceText(name, section.text + "\n"),))
    return found
