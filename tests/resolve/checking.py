"""What resolving a case gives: the problems of its definitions, or why its question is refused.

---- definitions
source orders
  time: ordered_at
n = count(orders)
---- schemas
orders: order_id text, ordered_at timestamp, total float
---- problems
---- ask n by channel grain month
---- refusal
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from kpi_engine.builtin.connectors.memory import MemoryConnector, MemoryScan
from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.extend.rows import ScanRequest, TableRequest
from kpi_engine.ir.catalog import CalendarSettings, Catalog, TableColumn, TableSchema
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.packs import PackTexts
from kpi_engine.ir.question import BoundQuestion, Question
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.ir.types import (
    BOOLEAN,
    DATE,
    DECIMAL,
    DURATION,
    FLOAT,
    INTEGER,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
)
from kpi_engine.parse import parse_expression, parse_file
from kpi_engine.pipeline import Loaded, linked_files, load_parsed, prepare, without_follow_ups
from kpi_engine.resolve import bind_question, resolve
from kpi_engine.testing.case_tables import read_question
from kpi_engine.testing.cases import Case
from kpi_engine.testing.packs import packs_of

REGISTRY = FunctionRegistry(FUNCTIONS)
TYPES: Mapping[str, Type | None] = {
    "text": TEXT,
    "integer": INTEGER,
    "decimal": DECIMAL,
    "float": FLOAT,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
    "struct": None,
}


def schemas_of(text: str) -> dict[str, TableSchema | None]:
    """Table schemas, a line each: `orders: id text, day date`; `orders (text): id, day` for a text file."""
    found: dict[str, TableSchema | None] = {}
    for line in text.splitlines():
        head, _, columns = line.partition(":")
        name, _, kind = head.strip().partition(" ")
        read = [column.strip() for column in columns.split(",") if column.strip()]
        if kind == "(text)":
            table = [TableColumn(column.rpartition(" ")[2], TEXT, "text") for column in read]
        else:
            table = [_column(column) for column in read]
        found[name] = TableSchema(tuple(table), kind == "(text)")
    return found


def _column(text: str) -> TableColumn:
    """`total decimal`, or nested: `device struct(os text; at date)`, `items list(sku text)`, `tags list(text)`,
    `labels map(text; integer)`."""
    nested = re.fullmatch(r"(\w+) (struct|list|map)\((.*)\)", text)
    if nested is None:
        header, _, last = text.rpartition(" ")
        return TableColumn(header.strip(), TYPES[last], last)
    name, form, inside = nested.groups()
    parts = [part.strip() for part in re.split(r";(?![^(]*\))", inside)]
    columns = tuple(_column(part if " " in part else f"value {part}") for part in parts)
    if form == "list" and " " in inside:
        columns = (TableColumn("value", None, f"struct({inside})", "struct", columns),)
    if form == "map":
        columns = (replace(columns[0], name="key"), columns[1])
    return TableColumn(name, None, text.partition(" ")[2], form, columns)


def bound(
    text: str,
    schemas: str = "",
    *,
    defaults: CalendarSettings | None = None,
    name: str = "definitions",
) -> tuple[Catalog, tuple[Diagnostic, ...]]:
    """Definitions resolved; they must parse."""
    file, problems = parse_file(SourceText(name, text))
    assert problems == (), [render(problem) for problem in problems]
    return resolve([file], schemas_of(schemas), REGISTRY, defaults=defaults)


def catalog_of(text: str, schemas: str = "") -> Catalog:
    """The catalogue of definitions without any error."""
    catalog, diagnostics = bound(text, schemas)
    wrong = [render(each) for each in diagnostics if each.code.startswith("E")]
    assert wrong == [], "\n".join(wrong)
    return catalog


def asked(catalog: Catalog, question: Question) -> BoundQuestion:
    """A question bound to a catalogue."""
    where = None if question.where is None else parse_expression(SourceText("--where", question.where))
    return bind_question(catalog, question, where, REGISTRY)


def problems(case: Case) -> str:
    """Everything wrong with the definitions of a case and of its packs, whose texts must parse."""
    packs = packs_of(case.inputs())
    if packs:
        return "\n".join(render(each) for each in loaded_with_packs(case).diagnostics)
    _, diagnostics = bound(case.section("definitions") + "\n", _schemas(case))
    return "\n".join(render(each) for each in diagnostics)


ARROW = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.DECIMAL: pa.decimal128(12, 2),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
    Kind.BOOLEAN: pa.bool_(),
}


class SchemaConnector:
    """Every table that the `schemas` of a case describe, without rows."""

    def __init__(self, schemas: Mapping[str, TableSchema | None]) -> None:
        self.schemas = schemas

    def schema(self, table: TableRequest) -> TableSchema:
        return self._table(table).schema(table)

    def scan(self, request: ScanRequest) -> MemoryScan:
        return self._table(request.table).scan(request)

    def _table(self, request: TableRequest) -> MemoryConnector:
        found = self.schemas[request.names[0]]
        assert found is not None
        types = {each.name: ARROW[each.type.kind] for each in found.columns if each.type is not None}
        return MemoryConnector(request.source, pa.schema(types).empty_table())


def loaded_with_packs(case: Case) -> Loaded:
    """The definitions of a case with its packs; tables are those under `schemas`, by the names in `table:`."""
    packs = packs_of(case.inputs())
    text = SourceText("definitions", case.section("definitions") + "\n")
    file, wrong = parse_file(text)
    assert wrong == (), [render(problem) for problem in wrong]

    def read(name: str, place: Span) -> PackTexts:
        if name not in packs:
            raise KpiError(Diagnostic("E790", f"there is no pack `{name}`", place))
        return packs[name]

    linked, broken = linked_files([file], read)
    connectors = {"default": SchemaConnector(schemas_of(_schemas(case)))}
    loaded = load_parsed((text,), linked, (), connectors, {})
    return replace(loaded, diagnostics=without_follow_ups(broken, loaded.diagnostics)) if broken else loaded


def refusal(case: Case) -> str:
    """Why the question of a case is refused."""
    options = next(section.options for section in case.sections if section.kind == "ask")
    question = read_question(options)
    if packs_of(case.inputs()):
        try:
            prepare(loaded_with_packs(case), Question(question.metrics, **question.arguments), "2027-01-01")
        except KpiError as error:
            return "\n".join(render(each) for each in error.diagnostics)
        return ""
    catalog = catalog_of(case.section("definitions") + "\n", _schemas(case))
    try:
        asked(catalog, Question(question.metrics, **question.arguments))
    except KpiError as error:
        return "\n".join(render(each) for each in error.diagnostics)
    return ""


def _schemas(case: Case) -> str:
    inputs = (
        *case.sections,
        *(section for section in case.inputs() if section not in case.sections),
    )
    return next((section.text for section in inputs if section.kind == "schemas"), "")
