"""Linking: a project and the packs that it uses become one set of declarations, with `use`, `map` and `override` done.

Everything after this sees plain sources, dimensions and metrics. Each place still is where the author wrote it, in the
project's files or in the pack's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.packs import Pack, PackInfo
from kpi_engine.ir.span import SourceText, Span

if TYPE_CHECKING:
    from kpi_engine.resolve.packs_names import Renamer
    from kpi_engine.resolve.packs_overrides import Replaced
    from kpi_engine.resolve.packs_scopes import Scopes

Anything = tree.Use | tree.Map | tree.Override


@dataclass(frozen=True, slots=True)
class Linked:
    """Declarations as one project.

    `owners` are the packs of metrics, `sources` those of sources, by the names known everywhere; `unmapped` are sources
    of packs without a table; `optional` the columns that a source may lack; `places` where a source is mapped, or the
    pack used; `replaced` the former definitions of overridden metrics.
    """

    files: tuple[tree.File, ...]
    problems: tuple[Diagnostic, ...] = ()
    packs: Mapping[str, PackInfo] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    unmapped: frozenset[str] = frozenset()
    optional: Mapping[str, frozenset[str]] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)
    scopes: Scopes | None = None
    functions: FunctionRegistry = field(default_factory=FunctionRegistry)
    replaced: Mapping[str, Replaced] = field(default_factory=dict)

    def metric_name(self, text: str) -> str:
        """A metric's or dimension's name in a question, as it is known: KpiError E792 if several packs have it."""
        if self.scopes is None:
            return text
        parts = tuple(tree.Name(part, span=Span(SourceText("query", ""), 0, 0)) for part in text.split("."))
        path = tree.Path(parts, span=parts[0].span)
        problems: list[Diagnostic] = []
        found = _renamer(self.scopes, FunctionRegistry(), problems).value(path)
        _refuse(problems)
        return found.text

    def expression(self, node: tree.Expr, functions: FunctionRegistry) -> tree.Expr:
        """A condition in a question, with the names that are known everywhere."""
        if self.scopes is None:
            return node
        problems: list[Diagnostic] = []
        found = _renamer(self.scopes, functions, problems).filter(node)
        _refuse(problems)
        return found

    def project_file(self, file: tree.File) -> tree.File:
        """Further definitions of the project, with the names that are known everywhere; KpiError E792."""
        if self.scopes is None:
            return file
        problems: list[Diagnostic] = []
        renamer = _renamer(self.scopes, self.functions, problems)
        declarations = tuple(renamer.declaration(each) for each in file.declarations)
        if problems:
            raise KpiError(problems)
        return replace(file, declarations=declarations)


def _renamer(scopes: Scopes, functions: FunctionRegistry, problems: list[Diagnostic]) -> Renamer:
    """What writes names of the project as they are known; a project without packs needs none."""
    from kpi_engine.resolve.packs_names import project_renamer

    return project_renamer(scopes, functions, problems)


def _refuse(problems: Sequence[Diagnostic]) -> None:
    """What is wrong with names in a question is wrong with the question."""
    if problems:
        raise KpiError(replace(each, exit_code=ExitCode.USAGE) for each in problems)


def link(files: Sequence[tree.File], packs: Mapping[str, Pack], functions: FunctionRegistry) -> Linked:
    """One set of declarations out of a project and all packs that it uses, directly or not.

    >>> link([], {}, FunctionRegistry()).files
    ()
    """
    if not packs and not any(isinstance(each, Anything) for file in files for each in file.declarations):
        return Linked(tuple(files))
    from kpi_engine.resolve.packs_linking import Linking

    return Linking(files, packs, functions).linked()
