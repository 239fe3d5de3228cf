"""What a project has no data for: logical sources without a table, columns that tables lack, and what they disable.

Such sources and columns are bound like all others, by their declared types, so that a mistake in a pack shows whatever
is mapped; what reads them is marked and cannot be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog, Metric, TableColumn, TableSchema
from kpi_engine.ir.diagnostic import Diagnostic, KpiError, Note
from kpi_engine.ir.expression import MetricReference
from kpi_engine.ir.fingerprint import Meaning, Meanings
from kpi_engine.ir.question import BoundQuestion
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.ir.types import NULL
from kpi_engine.resolve.columns import snake_case
from kpi_engine.resolve.packs import Linked
from kpi_engine.resolve.problems import listed

Missing = Mapping[str, frozenset[str]]


def with_missing_columns(
    linked: Linked, schemas: Mapping[str, TableSchema | None]
) -> tuple[dict[str, TableSchema | None], dict[str, frozenset[str]]]:
    """Schemas in which every column that a source may lack exists, and those that really are missing, by source."""
    found = dict(schemas)
    missing: dict[str, frozenset[str]] = {}
    for source in (each for file in linked.files for each in file.declarations if isinstance(each, tree.Source)):
        name = source.name.text
        schema, optional = found.get(name), linked.optional.get(name, frozenset())
        if schema is None or not optional:
            continue
        headers = {each.name for each in schema.columns}
        if any(each.key.text == "names" for each in source.properties):
            headers |= {snake_case(each) for each in headers}
        absent = {
            each.name.text: physical
            for each in source.columns
            if each.name.text in optional and (physical := _physical(each)) not in headers and "." not in physical
        }
        if absent:
            missing[name] = frozenset(absent)
            added = tuple(TableColumn(physical, NULL, "null") for physical in dict.fromkeys(absent.values()))
            found[name] = replace(schema, columns=(*schema.columns, *added))
    return found, missing


def _physical(column: tree.Column) -> str:
    return column.origin.name.value if isinstance(column.origin, tree.StoredAs) else column.name.text


def marked(catalog: Catalog, linked: Linked, unmapped: Iterable[str], missing: Missing) -> Catalog:
    """The catalogue with the packs of sources and metrics, and what each metric lacks."""
    without = frozenset(unmapped)
    sources = {
        name: replace(
            source,
            pack=linked.sources.get(name, ""),
            unmapped=name in without,
            missing=frozenset(source.columns) if name in without else missing.get(name, frozenset()),
        )
        for name, source in catalog.sources.items()
    }
    known = replace(catalog, sources=sources, packs=linked.packs)
    reads = Reads(known) if without or missing else None
    metrics: dict[str, Metric] = {}
    for name, metric in catalog.metrics.items():
        read = reads.of(name) if reads is not None else ()
        metrics[name] = replace(
            metric, pack=linked.owners.get(name, ""), lacks=_lacking(known, read), needs=_needs(known, read)
        )
    return replace(known, metrics=metrics)


def _lacking(catalog: Catalog, read: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    found: set[str] = set()
    for name, column in read:
        source = catalog.sources.get(name)
        if source is None:
            continue
        if source.unmapped and source.derived is None:
            found.add(name)
        elif column in source.missing:
            found.add(f"{name}.{column}")
    return tuple(sorted(found))


def _needs(catalog: Catalog, read: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Columns that are read and have nothing behind them; a source by itself where its rows alone are."""
    found: dict[str, set[str]] = {}
    for name, column in read:
        source = catalog.sources.get(name)
        if source is None or source.derived is not None or not (source.unmapped or column in source.missing):
            continue
        columns = found.setdefault(name, set())
        if column and source.columns[column].computed is None:
            columns.add(f"{name}.{column}")
    return tuple(sorted(each for name, columns in found.items() for each in columns or {name}))


def lacking_dimensions(catalog: Catalog, question: BoundQuestion) -> tuple[str, ...]:
    """What a question's dimensions need that nothing is mapped to."""
    if not any(source.missing for source in catalog.sources.values()):
        return ()
    reads = Reads(catalog)
    for dimension in question.dimensions:
        for source, value in dimension.by_source:
            reads.row(value, source)
    return _lacking(catalog, reads.found)


def with_data(catalog: Catalog, question: BoundQuestion) -> BoundQuestion:
    """A question for values of the sources that have them; KpiError E795 if nothing is mapped to any."""
    lacking: dict[str, tuple[str, ...]] = {}
    needs: set[str] = set()
    for source in question.sources:
        reads = Reads(catalog)
        reads.found.add((source, ""))
        for value in (
            *(each.on(source) for each in question.dimensions),
            *(each.on(source) for each in question.where),
        ):
            reads.row(value, source)
        lacking[source] = _lacking(catalog, reads.found)
        needs.update(_needs(catalog, reads.found))
    kept = tuple(source for source in question.sources if not lacking[source])
    if not kept:
        needed = sorted({each for found in lacking.values() for each in found})
        message = f"these values need {_needed(catalog, needed)}"
        raise KpiError(Diagnostic("E795", message, NOWHERE, _helps(catalog, sorted(needs))))
    return replace(question, sources=kept)


class Reads(Meanings):
    """Which columns of which sources the metrics of a catalogue read; ("source", "") stands for its rows alone."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog, {})
        self._known: dict[str, frozenset[tuple[str, str]]] = {}
        self.found: set[tuple[str, str]] = set()

    def of(self, name: str) -> frozenset[tuple[str, str]]:
        """The (source, column) pairs that a metric reads, with those of the metrics that it is made of."""
        if name not in self._known:
            outer, self.found = self.found, set()
            self.group(self.catalog.metrics[name].body)
            self._known[name] = frozenset(self.found)
            self.found = outer
        return self._known[name]

    def reference(self, node: MetricReference) -> Meaning:
        """A metric that is used: what it reads is read."""
        self.found |= self.of(node.name)
        return ("metric", node.name)

    def dimension(self, name: str) -> Meaning:
        """A dimension that a total drops: nothing of it is read."""
        return ("dimension", name)

    def source(self, name: str) -> Meaning:
        """A source whose rows are read."""
        if (name, "") not in self.found:
            self.found.add((name, ""))
            super().source(name)
        return ("source", name)

    def column(self, source: str, name: str) -> Meaning:
        """A column that is read."""
        if (source, name) not in self.found:
            self.found.add((source, name))
            super().column(source, name)
        return ("column", source, name)


def missing_notes(catalog: Catalog, places: Mapping[str, Span]) -> list[Diagnostic]:
    """For each logical source the columns that its metrics lack, and which of them are disabled for it."""
    disabled: dict[str, dict[str, list[str]]] = {}
    for metric in catalog.metrics.values():
        for source, columns in columns_by_source(catalog, metric.needs).items():
            disabled.setdefault(source, {})[metric.name] = columns
    return [_note(catalog, source, metrics, places) for source, metrics in disabled.items()]


def _note(catalog: Catalog, name: str, disabled: Mapping[str, Sequence[str]], places: Mapping[str, Span]) -> Diagnostic:
    """What a source lacks; for one that is mapped also which metric wants what of it."""
    source, names = catalog.sources[name], list(disabled)
    columns = list(dict.fromkeys(column for wanted in disabled.values() for column in wanted))
    shown = shown_source(catalog, name)
    lacking = f"`{shown}` has no table" if source.unmapped else f"`{shown}` lacks {listed(columns, most=20)}"
    counted = "1 metric is" if len(names) == 1 else f"{len(names)} metrics are"
    message = f"{lacking}: {counted} disabled, {listed(names, most=5)}"
    notes = [
        Note(f"`{metric}` needs {listed(wanted)}", catalog.metrics[metric].span)
        for metric, wanted in disabled.items()
        if not source.unmapped and len(columns) > 1
    ]
    return Diagnostic("N791", message, places.get(name, NOWHERE), _help(catalog, name, columns), tuple(notes))


def shown_source(catalog: Catalog, name: str) -> str:
    """A source of a pack as a `map` names it."""
    pack = catalog.sources[name].pack
    return name if "." in name or not pack else f"{pack}.{name}"


def _help(catalog: Catalog, name: str, columns: Iterable[str]) -> str:
    source, shown = catalog.sources[name], shown_source(catalog, name)
    if source.unmapped:
        wanted = set(columns)
        read = [each.name for each in source.columns.values() if each.name in wanted]
        return f'write `map {shown} to "TABLE"`' + (f"; what is read of it is {listed(read, most=20)}" if read else "")
    return f"under `map {shown}` write {listed((f'{each} = ...' for each in columns), most=8)}"


def refuse_missing(catalog: Catalog, metrics: Iterable[str], read: Iterable[tuple[str, str]] = ()) -> list[Diagnostic]:
    """E795 for each metric asked that is disabled, else for the columns that the question itself reads."""
    found: list[Diagnostic] = []
    for name in metrics:
        metric = catalog.metrics.get(name)
        if metric is not None and metric.lacks:
            message = f"`{name}` needs {_needed(catalog, metric.lacks)}"
            found.append(Diagnostic("E795", message, metric.span, _helps(catalog, metric.needs)))
    columns = list(read)
    if not found and (lacking := _lacking(catalog, columns)):
        message = f"this question needs {_needed(catalog, lacking)}"
        found.append(Diagnostic("E795", message, NOWHERE, _helps(catalog, _needs(catalog, columns))))
    return found


def columns_by_source(catalog: Catalog, lacking: Iterable[str]) -> dict[str, list[str]]:
    """Names as `source.column`, or of sources alone, by source."""
    parts: dict[str, list[str]] = {}
    for each in lacking:
        source = each if each in catalog.sources else each.rpartition(".")[0]
        columns = parts.setdefault(source, [])
        if source != each:
            columns.append(each.removeprefix(source).removeprefix("."))
    return parts


def _needed(catalog: Catalog, lacking: Iterable[str]) -> str:
    phrases = [
        f"the table of `{shown_source(catalog, source)}`"
        if catalog.sources[source].unmapped
        else f"{listed(columns)} of `{shown_source(catalog, source)}`"
        for source, columns in columns_by_source(catalog, lacking).items()
    ]
    return f"{' and '.join(phrases)}, which {'is' if len(phrases) == 1 else 'are'} not mapped"


def _helps(catalog: Catalog, lacking: Iterable[str]) -> str:
    return "; ".join(_help(catalog, source, columns) for source, columns in columns_by_source(catalog, lacking).items())
