"""New packages for `kpi plugins new`: templates with the name filled in. They pass their own tests as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from kpi_engine._version import __version__
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError

KINDS = ("connector", "functions", "pack")
"""What there are templates for."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SUFFIX = ".txt"
"""Templates end so: they are no Python before their names are filled in."""


def new_package(kind: str, name: str, where: Path) -> list[Path]:
    """Write the package `kpi-NAME` into a new folder in `where`; the files written, in the order of their paths.

    KpiError E753 for a name that is none or the engine's own, and for a folder that exists.
    """
    if not _NAME.fullmatch(name):
        help = "write one word of small letters, digits and _, as kpi.toml will name it"
        raise _refused(f"`{name}` cannot be the name of a package", help)
    if name == "engine":
        raise _refused("kpi-engine is the engine itself", "choose another name, such as `my_engine`")
    folder = where / f"kpi-{name.replace('_', '-')}"
    if folder.exists():
        raise _refused(f"{folder} exists already", "choose another name, or another folder with --in")
    words = {
        "@name@": name,
        "@dist@": folder.name,
        "@module@": f"kpi_pack_{name}" if kind == "pack" else f"kpi_{name}",
        "@Class@": "".join(part.capitalize() for part in name.split("_")),
        "@version@": __version__,
    }
    written = []
    for path, text in sorted(_templates(files(__name__).joinpath("templates", kind))):
        target = folder / _filled(path, words)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(text, words), encoding="utf-8")
        written.append(target)
    return written


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Paths and texts of the templates below a folder."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _templates(each, f"{prefix}{each.name}/")
        elif each.name.endswith(_SUFFIX):
            yield prefix + each.name.removesuffix(_SUFFIX), each.read_text(encoding="utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _refused(message: str, help: str) -> KpiError:
    return KpiError(Diagnostic("E753", message, help=help, exit_code=ExitCode.USAGE))
