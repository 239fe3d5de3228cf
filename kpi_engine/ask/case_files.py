"""`Project.test`: the case files of a project run against its definitions."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from kpi_engine.ask.cases import CaseAsker
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.span import SourceText
from kpi_engine.project import ProjectConfig, read_text
from kpi_engine.project.case_files import case_files
from kpi_engine.project.packs import read_pack
from kpi_engine.project.writing import replacing
from kpi_engine.testing.running import Outcome, accept_text, run_text


def run_files(
    config: ProjectConfig, texts: Sequence[SourceText], paths: Sequence[Path], named: str, *, accept: bool
) -> tuple[Outcome, ...]:
    """The outcomes of all cases chosen, file by file; KpiError E730 if there is none."""
    for stage in ("plan", "optimize", "execute"):
        import_module(f"kpi_engine.{stage}")  # before any case begins, whose time this is not
    files = case_files(config, paths)
    asker = CaseAsker(texts, lambda name, place: read_pack(name, config, place))
    outcomes: list[Outcome] = []
    for file in files:
        text = read_text(file).text
        if not accept:
            outcomes.extend(run_text(file, text, asker.answer, named))
            continue
        found, changed = accept_text(file, text, asker.answer, named)
        outcomes.extend(found)
        if changed != text:
            _write(file, changed)
    if not outcomes:
        message = f"no case is named `{named}`" if named else "the case files hold no query"
        help = "a case is chosen by words in its title or its file's name" if named else "`---- query METRIC` asks one"
        raise KpiError(Diagnostic("E730", message, help=help, exit_code=ExitCode.USAGE))
    return tuple(outcomes)


def _write(file: Path, text: str) -> None:
    """The new text; a byte-order mark stays."""
    mark = codecs.BOM_UTF8 if file.read_bytes().startswith(codecs.BOM_UTF8) else b""
    with replacing(file) as sink:
        sink.write(mark + text.encode())
