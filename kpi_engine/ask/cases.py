"""A project asked over the small tables of a case: its definitions as they are, its data never touched.

A case gives only the columns that its question reads. All others that the definitions name exist and are unknown: they
fit every type, and reading one is an error that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, TypeGuard

from kpi_engine import pipeline
from kpi_engine.builtin.connectors.memory import MemoryConnector, MemoryScan
from kpi_engine.extend.rows import Connector, ScanRequest, TableRequest, data_error
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog, TableColumn, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError, Severity, did_you_mean
from kpi_engine.ir.packs import PackTexts
from kpi_engine.ir.question import Question
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.ir.types import NULL
from kpi_engine.pack_files import PackReader
from kpi_engine.parse import parse_file
from kpi_engine.resolve import Linked
from kpi_engine.testing.case_tables import CaseQuestion, CaseTable, guessed_types, read_table
from kpi_engine.testing.cases import Case, CaseError, Section
from kpi_engine.testing.comparing import CaseAnswer
from kpi_engine.testing.packs import packs_of

_WORD = re.compile(r"\w+")
_QUESTION = "query"


class CaseAsker:
    """Answers the questions of cases with the definitions of a project, or with those that a case has itself.

    Raises `KpiError` with every problem in the text of the project's definitions.

    >>> from kpi_engine.testing.cases import read_cases
    >>> from kpi_engine.testing.case_tables import read_question
    >>> asker = CaseAsker([SourceText("shop.kpi", "source orders\\n  time: day\\n\\nrevenue = sum(orders.total)\\n")])
    >>> case, = read_cases("# one\\n---- data orders\\nday, total\\n2026-03-01, 5\\n")
    >>> asker.answer(case, read_question("revenue")).rows
    ({'revenue': 5},)
    """

    def __init__(self, texts: Sequence[SourceText], read_pack: PackReader | None = None) -> None:
        self._texts = tuple(texts)
        self._read_pack = read_pack or _no_pack
        self._known: dict[tuple[str, ...], _Definitions] = {}
        self._definitions(self._texts, {})

    def answer(self, case: Case, question: CaseQuestion) -> CaseAnswer:
        """What a question answers over the tables of its case.

        KpiError where there is no answer, also for a table or a column that the case should give (E731); CaseError for
        data of a wrong form.
        """
        sections = case.inputs()
        own = tuple(SourceText("definitions", each.text + "\n") for each in sections if each.kind == "definitions")
        definitions = self._definitions(own or self._texts, packs_of(sections))
        tables = {each.options: definitions.read_table(each) for each in sections if each.kind == "data"}
        return definitions.answer(tables, question)

    def _definitions(self, texts: tuple[SourceText, ...], packs: Mapping[str, PackTexts]) -> _Definitions:
        def read(name: str, place: Span) -> PackTexts:
            return packs[name] if name in packs else self._read_pack(name, place)

        given = [text for pack in packs.values() for text in pack.texts]
        key = tuple(each.text for each in (*texts, *given))
        if key not in self._known:
            self._known[key] = _Definitions.read(texts, read)
        return self._known[key]


def _no_pack(name: str, place: Span) -> NoReturn:
    raise KpiError(Diagnostic("E790", f"there is no pack `{name}`", place, "give it as `---- pack NAME` in the case"))


@dataclass(frozen=True, slots=True)
class _Definitions:
    """Definitions that are parsed once, with the columns that they name of each source.

    `loaded` are those bound to tables of certain columns: cases in one file mostly have tables of the same columns.
    """

    texts: tuple[SourceText, ...]
    linked: Linked
    named: Catalog
    loaded: dict[object, pipeline.Loaded]

    @classmethod
    def read(cls, texts: tuple[SourceText, ...], read_pack: PackReader) -> _Definitions:
        """Parse definitions and the packs that they use; KpiError with every problem of their text."""
        parsed = [parse_file(text) for text in texts]
        linked, broken = pipeline.linked_files([file for file, _ in parsed], read_pack)
        problems = [problem for _, found in parsed for problem in found] + broken
        problems += [each for each in linked.problems if each.severity is Severity.ERROR]
        if problems:
            raise KpiError(problems)
        linked = replace(linked, unmapped=frozenset(), optional={})  # a case gives the tables itself
        return cls(texts, linked, pipeline.load_parsed(texts, linked, (), _NoTables(), {}).catalog, {})

    def read_table(self, section: Section) -> CaseTable:
        """The table of a `data` section; a column without a type has the declared one, or a guess."""
        source = self.named.sources.get(section.options)
        if source is None and section.options in self.named.grains:
            return _read(section, guessed_types(section.text))
        if source is None or source.derived is not None:
            what = "is made from other rows" if source is not None else "is no source"
            help = did_you_mean(section.options, self.named.sources)
            message = f"`{section.options}` {what}" + (f"; {help}" if help and source is None else "")
            raise CaseError(message, section.line)
        declared = {
            column.name.text: column.type.name.text
            for file in self.linked.files
            for each in file.declarations
            if isinstance(each, tree.Source) and each.name.text == section.options
            for column in each.columns
            if column.type is not None
        }
        guessed = guessed_types(section.text)
        # A column without a cell does not show that it holds times.
        times = [name for name in (source.time, *(source.lifetime or ()), *(source.versions or ())) if name]
        instants = {name: "timestamp" for name in times if guessed.get(name) == "text"}
        return _read(section, {**guessed, **instants, **declared})

    def answer(self, tables: Mapping[str, CaseTable], question: CaseQuestion) -> CaseAnswer:
        question = replace(question, metrics=tuple(map(self.linked.metric_name, question.metrics)))
        loaded = self._load(tables, question)
        asked = Question(question.metrics, **question.arguments)
        declared = {each.name.text for file in loaded.files for each in file.declarations if _is_metric(each)}
        broken = declared.intersection(asked.metrics) - loaded.catalog.metrics.keys()
        errors = [each for each in loaded.errors if not each.code.startswith(("E60", "E61", "E62", "E73"))]
        if broken and errors:
            raise KpiError(errors)
        prepared = pipeline.prepare(loaded, asked, "data")
        table = pipeline.run(prepared)
        labels = tuple(column.name for column in pipeline.result_columns(prepared) if column.role != "metric")
        return CaseAnswer(tuple(table.column_names), labels, tuple(table.to_pylist()))

    def _load(self, tables: Mapping[str, CaseTable], question: CaseQuestion) -> pipeline.Loaded:
        added, problems = parse_file(SourceText(_QUESTION, question.definitions))
        if problems:
            raise KpiError(problems)
        added = self.linked.project_file(added)
        files = (*_needed((*self.linked.files, added), question), added)
        bound: dict[str, Connector] = {name: self._connector(name, table) for name, table in tables.items()}
        metrics = frozenset(each.name.text for file in files for each in file.declarations if _is_metric(each))
        shapes = tuple(sorted((name, tuple(table.types.items())) for name, table in tables.items()))
        key = (question.definitions, metrics, shapes)
        if key not in self.loaded:
            linked = replace(self.linked, files=files)
            self.loaded[key] = pipeline.load_parsed(self.texts, linked, (), _NoTables(), bound)
        return replace(self.loaded[key], bound=bound)

    def _connector(self, name: str, table: CaseTable) -> Connector:
        source = self.named.sources.get(name)
        columns = source.columns.values() if source is not None else ()
        named = [column.physical or column.name for column in columns if not column.computed]
        return CaseTableConnector(name, table, [each for each in named if each not in table.types])


def _read(section: Section, types: Mapping[str, str]) -> CaseTable:
    try:
        return read_table(section.text, types)
    except CaseError as error:
        raise CaseError(f"data {section.options}: {error.message}", section.line) from error


def _needed(files: Sequence[tree.File], question: CaseQuestion) -> tuple[tree.File, ...]:
    """The files (but the last) without goals, alerts and metrics that the question does not lead to.

    What a metric leads to is told by the words in its text, so that rather too much is kept than too little.
    """
    metrics = {each.name.text: each for file in files for each in file.declarations if isinstance(each, tree.Metric)}
    others = [each for file in files for each in file.declarations if not isinstance(each, tree.Metric | _Rules)]
    if not set(question.metrics) <= metrics.keys():
        # There is no such metric: the message should know all names that there are.
        return tuple(_with_metrics(file, set(metrics)) for file in files[:-1])
    waiting = [*question.metrics, *_WORD.findall(str(question.arguments)), *_WORD.findall(question.definitions)]
    waiting += [word for each in others for word in _WORD.findall(each.span.text)]
    by_word: dict[str, set[str]] = {}
    for name in metrics:
        for part in (name, *name.split(".")):
            by_word.setdefault(part, set()).add(name)
    kept: set[str] = set()
    while waiting:
        for name in by_word.get(waiting.pop(), set()) - kept:
            kept.add(name)
            waiting.extend(_WORD.findall(metrics[name].span.text))
    return tuple(_with_metrics(file, kept) for file in files[:-1])


def _with_metrics(file: tree.File, kept: set[str]) -> tree.File:
    return replace(file, declarations=tuple(each for each in file.declarations if _is_kept(each, kept)))


_Rules = tree.Goal | tree.Alert


def _is_kept(declaration: tree.AnyDeclaration, metrics: set[str]) -> bool:
    if isinstance(declaration, tree.Metric):
        return declaration.name.text in metrics
    return not isinstance(declaration, _Rules)


def _is_metric(declaration: tree.AnyDeclaration) -> TypeGuard[tree.Metric]:
    return isinstance(declaration, tree.Metric)


class CaseTableConnector(MemoryConnector):
    """A table of a case. `missing` are columns that the definitions name and the case does not give."""

    def __init__(self, name: str, table: CaseTable, missing: Sequence[str]) -> None:
        super().__init__(name, table.to_arrow())
        self._source = name
        self._missing = tuple(missing)

    def schema(self, table: TableRequest) -> TableSchema:
        """The columns given, then those missing, which fit every type."""
        given = super().schema(table)
        return TableSchema((*given.columns, *(TableColumn(name, NULL, "null") for name in self._missing)))

    def scan(self, request: ScanRequest) -> MemoryScan:
        """The rows; KpiError E731 if a missing column is read."""
        read = [column.physical for column in request.columns if column.physical in self._missing]
        if read:
            names = " and ".join(f"`{name}`" for name in read)
            message = f"{names} of {self._source} is read, and the case does not give it"
            raise data_error("E731", self._source, message, f"add it to `---- data {self._source}`")
        return super().scan(request)


class _NoTable:
    """The connector of every source that a case has no table for."""

    def schema(self, table: TableRequest) -> NoReturn:
        """KpiError E731."""
        raise _no_table(table)

    def scan(self, request: ScanRequest) -> NoReturn:
        """KpiError E731."""
        raise _no_table(request.table)


class _NoTables(Mapping[str, Connector]):
    """Connections by name: all exist, and none has a table."""

    def __getitem__(self, name: str) -> Any:
        return _NoTable()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _no_table(table: TableRequest) -> KpiError:
    message = f"rows of {table.source} are read, and the case has none"
    return data_error("E731", table.source, message, f"add `---- data {table.source}` with its header, at least")
