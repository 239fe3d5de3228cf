"""What the shell proposes after Tab: names from the project's definitions, without resolving them or reading data."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kpi_engine.cli.command_line import arrange
from kpi_engine.cli.failures import usage_error
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError, did_you_mean

if TYPE_CHECKING:
    from kpi_engine.extend.formats import OutputFormat
    from kpi_engine.ir.span import SourceText
    from kpi_engine.project import ProjectConfig

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_KPI_COMPLETE"
"""Set by the shell's script: then `kpi` only prints proposals."""

Proposal = tuple[str, str]
"""A word and what it means."""

_DECLARATION = r"(?:(?P<kind>source|entity|dimension|grain|goal|alert)\s+)?(?P<name>[^\W\d]\w*|`[^`\n]+`)"
_DESCRIPTION = r'\s+description:\s*"(?P<text>(?:[^"\\]|\\.)*)"'
_USE = r"^use\s+(?P<pack>\w+)(?:\s+as\s+(?P<alias>\w+))?"
_GRAINS = ("hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")


@dataclass(frozen=True, slots=True)
class DeclaredName:
    """A name as a line in column 1 declares it, with the description below it."""

    kind: str
    name: str
    description: str = ""


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print the script that lets a shell complete names.

    \b
    Example:
      eval "$(kpi completion bash)"
    """
    if shell not in SHELLS:
        help = did_you_mean(shell, SHELLS) or f"there are {', '.join(SHELLS)}"
        raise usage_error("E733", f"names cannot be completed in `{shell}`", help)
    script = _typer().get_completion_script(prog_name="kpi", complete_var=VARIABLE, shell=shell)
    sys.stdout.write(f"{script}\n")


def declared_names(text: SourceText) -> Iterator[DeclaredName]:
    """Names that a text declares, told by its lines alone, so that broken definitions are completed as well.

    >>> from kpi_engine.ir.span import SourceText
    >>> text = 'source orders\\n  time: day\\n\\nrevenue = sum(orders.total)\\n  description: "What was paid"\\n'
    >>> [(each.kind, each.name, each.description) for each in declared_names(SourceText("a.kpi", text))]
    [('source', 'orders', ''), ('metric', 'revenue', 'What was paid')]
    """
    found: DeclaredName | None = None
    for line in text.text.splitlines():
        if found is not None and (described := re.match(_DESCRIPTION, line)):
            found = DeclaredName(found.kind, found.name, described["text"])
        if not line[:1].strip() or line.startswith("#"):
            continue
        if found is not None:
            yield found
        match = re.match(_DECLARATION, line)
        rest = line[match.end() :].lstrip() if match else ""
        is_metric = match is not None and match["kind"] is None and rest.startswith("=")
        found = None
        if match is not None and (is_metric or match["kind"]):
            found = DeclaredName(match["kind"] or "metric", match["name"].strip("`"))
    if found is not None:
        yield found


def metrics(context: typer.Context, incomplete: str) -> list[Proposal]:
    """Metrics, also the next one of a comma list."""
    return _in_list(incomplete, _named(context, "metric"))


def dimensions(context: typer.Context, incomplete: str) -> list[Proposal]:
    """Dimensions, also the next one of a comma list."""
    return _in_list(incomplete, _named(context, "dimension"))


def sources(context: typer.Context, incomplete: str) -> list[Proposal]:
    """Sources."""
    return _matching(incomplete, _named(context, "source"))


def anything(context: typer.Context, incomplete: str) -> list[Proposal]:
    """Whatever `kpi describe` knows."""
    return _matching(incomplete, _named(context, "metric", "dimension", "source", "entity", "grain"))


def grains(context: typer.Context, incomplete: str) -> list[Proposal]:
    """Grains of the calendar, and declared ones, also the next one of a comma list."""
    return _in_list(incomplete, [*((name, "") for name in _GRAINS), *_named(context, "grain")])


def one_of(*words: str) -> Callable[[str], list[Proposal]]:
    """A completer of fixed words."""

    def complete(incomplete: str) -> list[Proposal]:
        return _matching(incomplete, [(word, "") for word in words])

    return complete


def formats(incomplete: str) -> list[Proposal]:
    """Output formats, those of plugins that the project names included; no other plugin is imported."""
    from kpi_engine.builtin.formats import FORMATS

    found = {format.name: format for format in FORMATS}
    return _matching(incomplete, [(each.name, each.description) for each in (found | _added_formats()).values()])


def _added_formats() -> dict[str, OutputFormat]:
    """The formats that plugins of the project add; none of a plugin that is left out."""
    from kpi_engine.project import load_config

    try:
        config = load_config()
    except KpiError:
        return {}
    if not config.plugins:
        return {}
    from kpi_engine.hosting import formats_of

    return dict(formats_of(config)[0])


def prepare_completion() -> None:
    """Get ready to answer a shell: global options, which may stand anywhere, become environment variables.

    Does nothing in an ordinary call.
    """
    import shlex

    if not os.environ.get(VARIABLE, "").startswith("complete_"):
        return
    _typer().completion_init()
    if "COMP_WORDS" in os.environ:
        words = _words(os.environ["COMP_WORDS"])
        cursor = int(os.environ.get("COMP_CWORD", len(words)))
        incomplete = words[cursor] if cursor < len(words) else ""
        kept = _without_common(words[1:cursor])
        os.environ["COMP_WORDS"] = shlex.join(["kpi", *kept, incomplete])
        os.environ["COMP_CWORD"] = str(len(kept) + 1)
    elif (line := os.environ.get("_TYPER_COMPLETE_ARGS")) is not None:
        words = _words(line)
        incomplete = words.pop() if words and not line.endswith(" ") else ""
        kept = _without_common(words[1:])
        os.environ["_TYPER_COMPLETE_ARGS"] = f"{shlex.join(['kpi', *kept])} {incomplete}"


def _typer() -> Any:
    """Typer's own module of completion, which exports these functions in fact but not in name."""
    return import_module("typer.completion")


def _words(line: str) -> list[str]:
    """The words of a command line, whose last quote may still be open."""
    import shlex

    for ending in ("", '"', "'"):
        try:
            return shlex.split(line + ending)
        except ValueError:
            continue
    return line.split()


def _without_common(words: list[str]) -> tuple[str, ...]:
    line = arrange(words)
    for option, variable in (("--project", "KPI_PROJECT"), ("--data", "KPI_DATA")):
        if value := line.value(option):
            os.environ[variable] = value
    if "--no-plugins" in line.common:
        os.environ["KPI_PLUGINS"] = ""
    pairs = zip(line.common, line.common[1:], strict=False)
    if files := [value for option, value in pairs if option == "--definitions"]:
        os.environ["KPI_DEFINITIONS"] = os.pathsep.join(files)
    return line.rest


def _named(context: Any, *kinds: str) -> list[Proposal]:
    """Names of the project; none where there is no project."""
    from kpi_engine.project import load_config, read_definitions

    try:
        config = load_config()
        texts = read_definitions(config)
    except KpiError:
        return []
    found = [each for text in texts for each in declared_names(text) if each.kind in kinds]
    own = {each.name for each in found}
    found += [each for each in _pack_names(config, texts) if each.kind in kinds and each.name not in own]
    return [(each.name, each.description) for each in found]


def _pack_names(config: ProjectConfig, texts: Iterable[SourceText]) -> Iterator[DeclaredName]:
    """The names of the packs that definitions use; none of a pack that cannot be read."""
    from kpi_engine.project.packs import read_pack

    for found in (each for text in texts for each in re.finditer(_USE, text.text, re.MULTILINE)):
        try:
            pack = read_pack(found["pack"], config)
        except KpiError:
            continue
        lead = f"{found['alias']}." if found["alias"] else ""
        for text in pack.texts:
            for each in declared_names(text):
                yield replace(each, name=lead + each.name)


def _matching(incomplete: str, proposals: Iterable[Proposal]) -> list[Proposal]:
    return [(word, meaning) for word, meaning in proposals if word.startswith(incomplete)]


def _in_list(incomplete: str, proposals: Iterable[Proposal]) -> list[Proposal]:
    before, comma, last = incomplete.rpartition(",")
    named = before.split(",")
    return [(f"{before}{comma}{word}", said) for word, said in _matching(last, proposals) if word not in named]
