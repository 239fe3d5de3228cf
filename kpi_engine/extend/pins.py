"""Pins: the version of a distribution and the hash of its list of files, so that a project loads what it reviewed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.digest import sha256_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution, PackagePath


@dataclass(frozen=True, slots=True)
class Pin:
    """A distribution as it was frozen; `sha256` is that of its RECORD, empty where it has none."""

    version: str
    sha256: str = ""


def pin_of(name: str) -> Pin:
    """The pin of an installed distribution as it is now. PackageNotFoundError if there is none.

    >>> pin_of("pytest").version != ""
    True
    """
    from importlib.metadata import distribution

    found = distribution(name)
    record = found.read_text("RECORD")
    return Pin(found.version, "" if record is None else sha256_of(record.encode()).hexdigest())


def broken_pin(name: str, pin: Pin) -> str:
    """How an installed distribution differs from its pin, in words that follow its name; empty if it does not.

    With a hash, every file that the RECORD lists is compared with the hash it has there.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        now = pin_of(name)
    except PackageNotFoundError:
        return "is pinned and not installed"
    if now.version != pin.version:
        return f"is pinned to version {pin.version}, and {now.version} is installed"
    if not pin.sha256:
        return ""
    if now.sha256 != pin.sha256:
        return "is not the one that was pinned: its list of files is another one"
    changed = next(_changed(distribution(name)), None)
    return "" if changed is None else f"is not the one that was pinned: {changed} was changed after it was installed"


def _changed(found: Distribution) -> Iterator[str]:
    for file in found.files or ():
        if file.hash is not None and file.hash.mode == "sha256" and _hash(file) != file.hash.value:
            yield str(file)


def _hash(file: PackagePath) -> str:
    path = Path(str(file.locate()))
    try:
        digest = sha256_of(path.read_bytes()).digest()
    except OSError:
        return ""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
