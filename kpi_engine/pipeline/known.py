"""Definitions that this process has read before: their trees and catalogues, which only rest on the texts and schemas.

A program may open a project for each question that it is asked. Nothing here knows of data: tables are looked at anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file
from kpi_engine.resolve import resolve

_MOST_CHARACTERS = 1 << 18
"""Texts are kept up to so many characters together; with their trees and catalogues they take some ten megabytes."""

_MOST_CATALOGS = 4

Problems = tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Resolved:
    files: tuple[tree.File, ...]
    schemas: Mapping[str, TableSchema | None]
    functions: FunctionRegistry
    found: tuple[Catalog, Problems]

    def fits(
        self, files: Sequence[tree.File], schemas: Mapping[str, TableSchema | None], functions: FunctionRegistry
    ) -> bool:
        """Whether it was made of the same. Places are not compared by what they say: the files are the same objects."""
        return (
            self.functions is functions
            and len(self.files) == len(files)
            and all(mine is other for mine, other in zip(self.files, files, strict=True))
            and self.schemas == schemas
        )


# Both are replaced as a whole and never changed, so that threads need no lock; the last used comes first.
_parsed: tuple[tuple[tree.File, Problems], ...] = ()
_resolved: tuple[_Resolved, ...] = ()


def parsed(text: SourceText) -> tuple[tree.File, Problems]:
    """`parse_file`; for a text that was parsed before the same tree, whose places lie in the text of then.

    >>> text = "revenue = sum(orders.total)\\n"
    >>> parsed(SourceText("a.kpi", text))[0] is parsed(SourceText("a.kpi", text))[0]
    True
    """
    global _parsed
    known = _parsed
    found = next((each for each in known if _is_of(each[0], text)), None) or parse_file(text)
    kept, characters = [found], len(text.text)
    for each in known:
        if each is not found:
            characters += len(each[0].source.text)
            if characters <= _MOST_CHARACTERS:
                kept.append(each)
    if len(text.text) <= _MOST_CHARACTERS:
        _parsed = tuple(kept)
    return found


def _is_of(file: tree.File, text: SourceText) -> bool:
    return file.source.name == text.name and file.source.text == text.text


def resolved(
    files: Sequence[tree.File], schemas: Mapping[str, TableSchema | None], functions: FunctionRegistry
) -> tuple[Catalog, Problems]:
    """`resolve`; of the same trees, schemas and functions it is done once."""
    global _resolved
    known = _resolved
    entry = next((each for each in known if each.fits(files, schemas, functions)), None)
    if entry is None:
        entry = _Resolved(tuple(files), dict(schemas), functions, resolve(files, schemas, functions))
    if sum(len(file.source.text) for file in files) <= _MOST_CHARACTERS:
        _resolved = (entry, *(each for each in known if each is not entry))[:_MOST_CATALOGS]
    return entry.found
