"""Checks of a pack before it is published: definitions without errors, and what its users rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from kpi_engine.ask.cases import CaseAsker
from kpi_engine.inspect.pack_pages import BEGIN, with_catalogue
from kpi_engine.inspect.packs import USER, OpenPack, open_pack
from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic, KpiError, Severity
from kpi_engine.ir.packs import PackTexts
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.project import ProjectConfig, read_text
from kpi_engine.project.files import shown
from kpi_engine.project.packs import pack_at, read_pack
from kpi_engine.testing.running import Outcome, run_text

_WORD = re.compile(r"\w+")


def check_pack(folder: Path, beside: Mapping[str, Path] | None = None) -> list[Diagnostic]:
    """What is wrong with a pack, and what its users will miss (W793): meanings, types, cases, a page.

    Cases are run: one that does not hold is an error (E732). An empty list is a pack that can be published. `beside`
    are folders of packs that it may use, by name; others are looked for where those of projects are.
    """
    try:
        pack = open_pack(folder, beside)
    except KpiError as error:
        return list(error.diagnostics)
    found = [each for each in pack.loaded.diagnostics if each.severity is not Severity.NOTE]
    if any(each.severity is Severity.ERROR for each in found):
        return found
    return [*found, *_metrics(pack), *_sources(pack), *_uses(pack), *_cases(pack, beside), *_page(pack)]


def pack_verdict(name: str, folders: Mapping[str, Path]) -> tuple[bool, str]:
    """Whether a pack works as a project finds it that names these folders, and what to say of it in a line.

    What its users miss is said, too; it works all the same.
    """
    try:
        found = check_pack(read_pack(name, ProjectConfig(Path(), packs=folders)).info.folder, folders)
    except KpiError as error:
        found = list(error.diagnostics)
    errors = [each for each in found if each.severity is Severity.ERROR]
    told = errors or found
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    return not errors, f"{told[0].location}: {told[0].message}{more}" if told else ""


def pack_outcomes(folder: Path, beside: Mapping[str, Path] | None = None) -> list[Outcome]:
    """The cases of a pack, run over the pack itself and those that it uses. KpiError if it cannot be read."""
    info = pack_at(folder, origin="a folder").info
    config = ProjectConfig(folder, packs={**(beside or {}), info.name: folder})

    def reader(name: str, place: Span) -> PackTexts:
        return read_pack(name, config, place)

    asker = CaseAsker((SourceText("project", USER.format(info.name)),), reader)
    files = sorted((folder / "tests").glob("**/*.kpitest"))
    return [each for file in files for each in run_text(file, read_text(file).text, asker.answer, "")]


def asked_names(folder: Path) -> set[str]:
    """The words in the questions of a pack's cases, which are metrics and what surrounds them."""
    lines = [
        line
        for file in (folder / "tests").glob("**/*.kpitest")
        for line in read_text(file).text.splitlines()
        if line.startswith("---- query ")
    ]
    return {word for line in lines for word in _WORD.findall(line.removeprefix("---- query "))}


def _lack(message: str, place: Span, help: str) -> Diagnostic:
    return Diagnostic("W793", message, place, help)


def _metrics(pack: OpenPack) -> Iterator[Diagnostic]:
    asked = asked_names(pack.info.folder)
    for name in pack.metrics:
        metric = pack.loaded.catalog.metrics[name]
        word = name.rpartition(".")[2]
        if not metric.description:
            help = f'say in a line what a reader of a report should know: `description: "..."` under {word}'
            yield _lack(f"`{word}` has no description", metric.span, help)
        given = {each.key.text for each in metric.declaration.properties} if metric.declaration is not None else ()
        if metric.better is None:
            help = f"write `better: higher`, `lower`, or `neither` under {word}"
            yield _lack(f"`{word}` does not say which way is better", metric.span, help)
        if "unit" not in given and metric.display.form in ("ratio", "number"):
            help = f"write `unit: percent`, `points`, `ratio`, `number` or `count` under {word}"
            yield _lack(f"`{word}` is a {metric.display}, and has no unit", metric.span, help)
        if word not in asked:
            yield _lack(f"no case asks for `{word}`", metric.span, f"add `---- query {word}` to a file in tests/")


def _sources(pack: OpenPack) -> Iterator[Diagnostic]:
    declared = [each for file in pack.loaded.files for each in file.declarations if isinstance(each, tree.Source)]
    for source in declared:
        if source.name.text not in pack.sources:
            continue
        properties = {each.key.text: each for each in source.properties}
        if "description" not in properties:
            help = 'say what one row is: `description: "One row per order"`'
            yield _lack(f"`{source.name.text}` has no description", source.name.span, help)
        for key in ("table", "connection"):
            if key in properties:
                help = "leave the line out: a project says it with `map`"
                yield _lack(f"`{source.name.text}` says where its rows are", properties[key].span, help)
        for column in source.columns:
            stored = column.origin is None or isinstance(column.origin, tree.StoredAs)
            if stored and column.type is None:
                help = f"write `column {column.name.text}: text`, or another type"
                yield _lack(f"the column `{column.name.text}` has no type", column.name.span, help)


def _uses(pack: OpenPack) -> Iterator[Diagnostic]:
    linked = pack.loaded.linked
    assert linked.scopes is not None
    used = {each.pack for each in linked.scopes.units[pack.info.name].uses.values()}
    for name in sorted(used ^ set(pack.info.uses)):
        said = "is used, and pack.toml does not say which versions" if name in used else "stands in pack.toml only"
        yield _lack(f"the pack `{name}` {said}", pack.info.place, f'write {name} = ">=1.0, <2" under [uses]')


def _cases(pack: OpenPack, beside: Mapping[str, Path] | None) -> Iterator[Diagnostic]:
    for each in pack_outcomes(pack.info.folder, beside):
        if not each.passed:
            place = Span(SourceText(shown(each.path), ""), 0, 0)
            yield Diagnostic("E732", f"line {each.line}: the case {each.title!r} does not hold", place)


def _page(pack: OpenPack) -> Iterator[Diagnostic]:
    """A page beside pack.toml or beside pyproject.toml; a catalogue in it is that of the definitions."""
    pages = [folder / "README.md" for folder in (pack.info.folder, pack.info.folder.parent)]
    page = next((each for each in pages if each.is_file()), None)
    if page is None:
        yield _lack("the pack has no README.md", pack.info.place, "`kpi plugins page FOLDER` writes one")
    elif BEGIN in (text := page.read_text("utf-8")) and with_catalogue(text, pack) != text:
        help = "`kpi plugins page FOLDER` brings it up to date"
        yield _lack("the catalogue in README.md is not that of the definitions", pack.info.place, help)
