"""Finding and reading packs. Nothing of a pack is ever imported: it is files in a folder.

A pack is looked for in kpi.toml (`[packs]`, a folder), among installed distributions (entry points of the group
`kpi_engine.packs`), and beside the engine, which brings some. A project that does not use a pack never reads it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kpi_engine._version import __version__
from kpi_engine.ir.diagnostic import Diagnostic, KpiError, did_you_mean
from kpi_engine.ir.packs import PackInfo, PackTexts
from kpi_engine.ir.span import NOWHERE, SourceText, Span
from kpi_engine.ir.versions import in_range, is_range, version_numbers
from kpi_engine.project.files import read_text, shown
from kpi_engine.project.settings import ProjectConfig
from kpi_engine.project.toml_places import place_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

MANIFEST = "pack.toml"
GROUP = "kpi_engine.packs"
API = 1
"""The version of the language and of the form of packs."""

_KEYS = ("name", "version", "description", "api", "requires", "uses")


def read_pack(name: str, config: ProjectConfig, place: Span = NOWHERE) -> PackTexts:
    """The pack of a name as this project sees it; `place` is where it is asked for.

    KpiError E790 (there is none), E793 (it is broken), E797 (two distributions have it), and those of reading files.
    """
    if name in config.packs:
        return pack_at(config.packs[name], name, "kpi.toml")
    installed = _installed(name, place)
    if installed is not None:
        return pack_at(installed[0], name, installed[1])
    if name in (found := bundled()):
        return pack_at(found[name], name, "bundled")
    known = pack_names(config)
    install = f"install what provides it: `pip install kpi-{name.replace('_', '-')}`, if that is its name"
    help = did_you_mean(name, known) or f'{install}; or name its folder in kpi.toml: [packs] {name} = "FOLDER"'
    raise KpiError(Diagnostic("E790", f"there is no pack `{name}`", place, help))


def pack_names(config: ProjectConfig) -> list[str]:
    """The names of all packs that this project could use, read from metadata alone."""
    from importlib.metadata import entry_points

    return sorted({*config.packs, *(each.name for each in entry_points(group=GROUP)), *bundled()})


def bundled() -> dict[str, Path]:
    """The packs that come with the engine: inside the package, or beside it in a checkout."""
    here = Path(__file__).resolve().parents[1]
    inside = {folder.name: folder for folder in sorted((here / "bundled_packs").glob("*")) if folder.is_dir()}
    if inside:
        return inside
    beside = (here.parent / "plugins").glob(f"kpi-*/kpi_pack_*/{MANIFEST}")
    return {each.parent.name.removeprefix("kpi_pack_"): each.parent for each in sorted(beside)}


def _installed(name: str, place: Span) -> tuple[Path, str] | None:
    from importlib.metadata import entry_points

    found = {_distribution(each): each for each in entry_points(group=GROUP) if each.name == name}
    if len(found) > 1:
        message = f"{len(found)} distributions have a pack `{name}`: {', '.join(sorted(found))}"
        help = f'uninstall all but one, or choose its folder in kpi.toml: [packs] {name} = "FOLDER"'
        raise KpiError(Diagnostic("E797", message, place, help))
    for distribution, entry in found.items():
        return _folder(entry, distribution, place), distribution
    return None


def _distribution(entry: EntryPoint) -> str:
    return "an unnamed distribution" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _folder(entry: EntryPoint, distribution: str, place: Span) -> Path:
    """The folder of a package that holds a pack. A dotted name is refused: to look for it would import its parent."""
    spec = find_spec(entry.value) if re.fullmatch(r"\w+", entry.value) else None
    for each in spec.submodule_search_locations or () if spec is not None else ():
        if (Path(each) / MANIFEST).is_file():
            return Path(each)
    message = f"the pack `{entry.name}` of {distribution} is no package with a {MANIFEST}"
    raise KpiError(Diagnostic("E793", message, place, f"install {distribution.partition(' ')[0]} again"))


def pack_info(folder: Path, name: str = "", origin: str = "") -> PackInfo:
    """What pack.toml in a folder says; with a `name`, it must have it. KpiError E793 with every problem of it."""
    if not (folder / MANIFEST).is_file():
        message = f"there is no {MANIFEST} in {shown(folder)}"
        raise KpiError(Diagnostic("E793", message, help="a pack is a folder with pack.toml and definitions/*.kpi"))
    info = _manifest(read_text(folder / MANIFEST), folder, origin)
    if name and info.name != name:
        message = f"the pack in {shown(folder)} is called `{info.name}`, not `{name}`"
        raise KpiError(Diagnostic("E793", message, info.place, f"write `use {info.name}`"))
    return info


def pack_at(folder: Path, name: str = "", origin: str = "") -> PackTexts:
    """The pack in a folder; with a `name`, it must have it. KpiError E793 with every problem of its pack.toml."""
    info = pack_info(folder, name, origin)
    files = sorted((folder / "definitions").glob("**/*.kpi"))
    if not files:
        help = "put its metrics into definitions/*.kpi"
        raise KpiError(Diagnostic("E793", f"the pack `{info.name}` has no definitions", info.place, help))
    local = origin in ("", "kpi.toml")
    return PackTexts(info, tuple(read_text(file, None if local else f"{info.name}/{file.name}") for file in files))


def _manifest(source: SourceText, folder: Path, origin: str) -> PackInfo:
    try:
        content = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        help = "pack.toml is written in TOML: `key = value` lines, texts in double quotes"
        raise KpiError(Diagnostic("E793", f"this is no TOML: {error}", Span(source, 0, 0), help)) from None
    problems = list(_problems(source, content))
    if problems:
        raise KpiError(problems)
    return PackInfo(
        content["name"],
        content["version"],
        content.get("description", ""),
        content.get("requires", ""),
        dict(content.get("uses", {})),
        folder,
        origin,
        place_of(source, ("name",)),
    )


def _problems(source: SourceText, content: Mapping[str, object]) -> Iterable[Diagnostic]:
    def problem(key: str, message: str, help: str) -> Diagnostic:
        return Diagnostic("E793", message, place_of(source, (key,)), help)

    for key in content:
        if key not in _KEYS:
            help = did_you_mean(key, _KEYS) or f"its settings are {', '.join(_KEYS)}"
            yield problem(key, f"pack.toml has no setting `{key}`", help)
    name, version = content.get("name"), content.get("version")
    if not isinstance(name, str) or not name.isidentifier():
        yield problem("name", "a pack's `name` is one word", 'write name = "sales"')
    if not isinstance(version, str) or version_numbers(version) is None:
        yield problem("version", "a pack's `version` is numbers joined by dots", 'write version = "1.0.0"')
    if content.get("api") != API:
        message = f"this pack is written for api {content.get('api')}, and this engine reads api {API}"
        yield problem("api", message, f"write api = {API}" if "api" not in content else "install another version of it")
    if not isinstance(content.get("description", ""), str):
        yield problem("description", "`description` must be a text", 'write description = "..."')
    yield from _requirements(content, problem_at=problem)


def _requirements(
    content: Mapping[str, object], problem_at: Callable[[str, str, str], Diagnostic]
) -> Iterable[Diagnostic]:
    requires, uses = content.get("requires", ""), content.get("uses", {})
    if not isinstance(requires, str) or (requires and not is_range(requires)):
        yield problem_at("requires", "`requires` is a range of versions", 'write requires = ">=0.1, <2"')
    elif not in_range(__version__, requires):
        message = f"this pack needs kpi-engine {requires}, and this is {__version__}"
        yield problem_at("requires", message, "install a version of the pack or of kpi-engine that fits")
    if not isinstance(uses, dict) or not all(isinstance(each, str) and is_range(each) for each in uses.values()):
        yield problem_at("uses", "`uses` gives a range of versions for each pack", 'write [uses] sales = ">=1.0"')
