"""The page of a pack: what it needs and what it offers, made of its definitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from kpi_engine.inspect.packs import OpenPack, open_pack
from kpi_engine.ir.catalog import Column, Metric, Source
from kpi_engine.resolve.packs_missing import Reads

BEGIN, END = "<!-- catalogue: made from the definitions -->", "<!-- end of the catalogue -->"


def write_page(folder: Path) -> Path:
    """Bring the catalogue in a pack's README.md up to date, or write a first page. KpiError for a broken pack."""
    pack = open_pack(folder)
    page = folder / "README.md"
    text = page.read_text("utf-8") if page.is_file() else _first_page(pack)
    page.write_text(with_catalogue(text, pack), "utf-8", newline="\n")
    return page


def with_catalogue(text: str, pack: OpenPack) -> str:
    """A page with the catalogue between its two marks, or at its end if it has none."""
    made = f"{BEGIN}\n\n{catalogue(pack)}\n{END}"
    head, begin, rest = text.partition(BEGIN)
    if not begin:
        return f"{text.rstrip()}\n\n{made}\n"
    return head + made + rest.partition(END)[2]


def _first_page(pack: OpenPack) -> str:
    return f"# {pack.info.name}\n\n{pack.info.description}.\n"


def catalogue(pack: OpenPack) -> str:
    """Metrics with what they need, then tables with their columns, as Markdown."""
    reads = Reads(pack.loaded.catalog)
    return "\n".join([*_metrics(pack, reads), "", *_tables(pack, reads), ""])


def _metrics(pack: OpenPack, reads: Reads) -> Iterator[str]:
    yield f"## Metrics ({len(pack.metrics)})"
    yield ""
    yield "| metric | unit | better | meaning | reads |"
    yield "|---|---|---|---|---|"
    for name in pack.metrics:
        metric = pack.loaded.catalog.metrics[name]
        read = ", ".join(sorted({source for source, _ in reads.of(name) if _has_table(pack, source)}))
        meaning = metric.description.replace("|", "\\|")
        yield f"| `{name}` | {_unit(metric)} | {metric.better or ''} | {meaning}{_target(metric)} | {read} |"


def _has_table(pack: OpenPack, name: str) -> bool:
    source = pack.loaded.catalog.sources.get(name)
    return source is not None and source.derived is None


def _unit(metric: Metric) -> str:
    return str(metric.display).replace("currency(EUR)", "currency")


def _target(metric: Metric) -> str:
    from kpi_engine.present.values import metric_text

    if metric.target is None:
        return ""
    value = metric.target.value
    return f" (target: {metric_text(float(value) if isinstance(value, Fraction) else value, metric.display)})"


def _tables(pack: OpenPack, reads: Reads) -> Iterator[str]:
    yield "## Tables"
    yield ""
    yield "All tables and columns are optional. What a table lacks disables the metrics that read it, and nothing else."
    yield ""
    yield "| table | one row | columns | metrics that read it |"
    yield "|---|---|---|---|"
    read = {name: {source for source, _ in reads.of(name)} for name in pack.metrics}
    for name in pack.sources:
        source = pack.loaded.catalog.sources[name]
        stored = [each for each in source.columns.values() if each.computed is None]
        readers = sum(name in sources for sources in read.values())
        yield f"| `{pack.info.name}.{_bare(name)}` | {source.description} | {_columns(stored, source)} | {readers} |"


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _columns(columns: Iterable[Column], source: Source) -> str:
    def shown(column: Column) -> str:
        type = str(column.type).replace("currency(EUR)", "currency")
        reference = f" -> {column.reference.target}" if column.reference is not None else ""
        mark = " (key)" if column.name in source.key and len(source.key) == 1 else ""
        return f"`{column.name}` {type}{reference}{mark}"

    return ", ".join(map(shown, columns))
