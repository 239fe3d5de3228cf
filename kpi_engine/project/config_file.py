"""kpi.toml: its keys, their kinds, and what is said when they are wrong."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from kpi_engine.extend.pins import Pin
from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError, did_you_mean
from kpi_engine.ir.sizes import size_of
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.project.secrets import SECRETS, is_reference, masked, may_be_secret
from kpi_engine.project.settings import DEFAULT_DEFINITIONS, STORE_FOLDER, ProjectConfig, StoreSettings

AS_OF_HELP = 'write "now", "data", or a date such as "2027-03-31"'

KEYS = ("name", "definitions", "as_of", "plugins", "connections", "packs", "pins", "store")
STORE_KEYS = ("enabled", "folder", "size")
FILE_OPTIONS = (
    "format",
    "delimiter",
    "encoding",
    "quote",
    "decimal",
    "thousands",
    "header",
    "skip",
    "null_values",
    "trim",
    "names",
    "sheet",
    "missing_columns",
    "date_format",
    "timestamp_format",
    "timezone",
)
"""Options that every table of a `files` connection takes; a source's own property wins."""
STORE_SETTINGS = ("endpoint", "region", "access_key", "secret_key", "session_token", "anonymous")
"""Where the object store of a `files` connection is, and references to the keys to it."""

_SYNTAX_PLACE = r" ?\(at (?:line (\d+), column (\d+)|end of document)\)$"


def is_as_of(text: str) -> bool:
    """Whether a text can be an as-of: a word, a date, an hour or an instant.

    >>> [is_as_of(text) for text in ("data", "2027-03-31", "2027-03-31T13", "soon")]
    [True, True, True, False]
    """
    if text in ("now", "data"):
        return True
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_config(source: SourceText, file: Path) -> ProjectConfig:
    """The configuration in the text of kpi.toml; KpiError with every problem found (E702, E703, E704)."""
    content = _toml(source)
    reading = _Reading(masked(source))
    reading.check_keys(content, KEYS, (), "kpi.toml")
    config = ProjectConfig(
        folder=file.parent.resolve(),
        name=reading.text(content, ("name",), ""),
        definitions=reading.texts(content, ("definitions",), DEFAULT_DEFINITIONS),
        as_of=reading.as_of(content),
        plugins=reading.texts(content, ("plugins",), ()),
        connections=reading.connections(content, file.parent.resolve()),
        packs=reading.packs(content, file.parent.resolve()),
        pins=reading.pins(content),
        file=file,
        store=reading.store(content, file.parent.resolve()),
    )
    if reading.problems:
        raise KpiError(reading.problems)
    return config


def _toml(source: SourceText) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        source = masked(source)
        message = str(error)
        place = Span(source, len(source.text), len(source.text))
        found = re.search(_SYNTAX_PLACE, message)
        if found and found[1]:
            start = source.line_starts[int(found[1]) - 1] + int(found[2]) - 1
            place = Span(source, start, min(start + 1, len(source.text)))
        reason = re.sub(_SYNTAX_PLACE, "", message)
        help = "kpi.toml is written in TOML: `key = value` lines, texts in double quotes"
        raise KpiError(Diagnostic("E702", reason[:1].lower() + reason[1:], place, help)) from None
    except RecursionError:
        raise KpiError(Diagnostic("E702", "values are nested too deeply", Span(masked(source), 0, 0))) from None


@dataclass
class _Reading:
    """One pass over the parsed text that keeps every problem."""

    source: SourceText
    problems: list[Diagnostic] = field(default_factory=list)

    def problem(self, code: str, path: tuple[str, ...], message: str, help: str) -> None:
        """Keep a problem at the place of a key."""
        from kpi_engine.project.toml_places import place_of

        self.problems.append(Diagnostic(code, message, place_of(self.source, path), help))

    def check_keys(self, table: Mapping[str, object], known: Iterable[str], path: tuple[str, ...], owner: str) -> None:
        """A problem (E703) for every key that is not known."""
        known = tuple(known)
        for key in table:
            if key not in known:
                help = did_you_mean(key, known) or f"its settings are {', '.join(known)}"
                self.problem("E703", (*path, key), f"{owner} has no setting `{key}`", help)

    def text(self, table: Mapping[str, object], path: tuple[str, ...], default: str) -> str:
        """The text under the last key of the path."""
        value = table.get(path[-1], default)
        if isinstance(value, str):
            return value
        self.problem("E704", path, f"`{path[-1]}` must be a text", f'write {path[-1]} = "..."')
        return default

    def texts(self, table: Mapping[str, object], path: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        """The list of texts under the last key of the path."""
        value = table.get(path[-1], list(default))
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        help = f'write {path[-1]} = ["...", "..."]'
        self.problem("E704", path, f"`{path[-1]}` must be a list of texts", help)
        return default

    def as_of(self, table: Mapping[str, object]) -> str:
        """The as-of; dates may be written without quotes."""
        value = table.get("as_of", "now")
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, str) and is_as_of(value):
            return value
        self.problem("E704", ("as_of",), f"`as_of` cannot be {value!r}", AS_OF_HELP)
        return "now"

    def packs(self, table: Mapping[str, object], folder: Path) -> dict[str, Path]:
        """The folders of packs by name, from kpi.toml's own."""
        value = table.get("packs", {})
        if not isinstance(value, dict):
            self.problem("E704", ("packs",), "`packs` must be a table", 'write [packs], and sales = "FOLDER" below it')
            return {}
        found = {}
        for name, path in value.items():
            if isinstance(path, str):
                found[name] = (folder / path).resolve()
            else:
                help = f'write {name} = "../plugins/{name}"'
                self.problem("E704", ("packs", name), f"`{name}` must be the path of a folder", help)
        return found

    def pins(self, table: Mapping[str, object]) -> dict[str, Pin]:
        """The pins by distribution: `kpi-sql = { version = "1.2", sha256 = "..." }`."""
        value = table.get("pins", {})
        if not isinstance(value, dict):
            self.problem("E704", ("pins",), "`pins` must be a table", "`kpi plugins freeze` writes it")
            return {}
        found = {}
        for name, pin in value.items():
            texts = isinstance(pin, dict) and all(isinstance(each, str) for each in pin.values())
            if texts and "version" in pin and set(pin) <= {"version", "sha256"}:
                found[name] = Pin(pin["version"], pin.get("sha256", ""))
            else:
                help = f'write {name} = {{ version = "1.2", sha256 = "..." }}; `kpi plugins freeze` does'
                self.problem("E704", ("pins", name), f"the pin `{name}` must have a version", help)
        return found

    def store(self, table: Mapping[str, object], folder: Path) -> StoreSettings:
        """The state store: below kpi.toml's folder, unless it is somewhere else or off."""
        value = table.get("store", {})
        if not isinstance(value, dict):
            self.problem("E704", ("store",), "`store` must be a table", "write [store], and enabled = false below it")
            return StoreSettings()
        self.check_keys(value, STORE_KEYS, ("store",), "the table `store`")
        enabled = value.get("enabled", True)
        if not isinstance(enabled, bool):
            self.problem("E704", ("store", "enabled"), "`enabled` must be true or false", "write enabled = false")
        path = self.text(value, ("store", "folder"), str(STORE_FOLDER))
        if not path.strip():
            help = 'write folder = "FOLDER"; enabled = false turns the store off'
            self.problem("E704", ("store", "folder"), "`folder` must name a folder", help)
        size = None
        if "size" in value and (size := size_of(value["size"])) is None:
            help = 'write size = "2 GB"; enabled = false turns the store off'
            self.problem("E704", ("store", "size"), f"`size` cannot be {value['size']!r}", help)
        return StoreSettings((folder / path).absolute() if enabled is True else None, size)

    def connections(self, table: Mapping[str, object], folder: Path) -> dict[str, ConnectionSettings]:
        """All connections by name."""
        value = table.get("connections", {})
        if not isinstance(value, dict):
            help = "write a table for each: [connections.default]"
            self.problem("E704", ("connections",), "`connections` must be tables", help)
            return {}
        found = {}
        for name, settings in value.items():
            if isinstance(settings, dict):
                found[name] = self.connection(name, settings, folder)
            else:
                message = f"the connection `{name}` must be a table"
                help = f"write [connections.{name}], and its settings on the lines below"
                self.problem("E704", ("connections", name), message, help)
        return found

    def connection(self, name: str, settings: Mapping[str, object], folder: Path) -> ConnectionSettings:
        """One connection; what is not `connector` or `path` is an option."""
        path = ("connections", name)
        connector = self.text(settings, (*path, "connector"), "files")
        location = self.text(settings, (*path, "path"), ".")
        if connector == "files":
            known = ("connector", "path", "allow", *FILE_OPTIONS, *STORE_SETTINGS)
            self.check_keys(settings, known, path, f"the connection `{name}`")
            self.check_secrets(settings, path, SECRETS)
        else:
            self.check_secrets(settings, path, [key for key in settings if may_be_secret(key)])
        options = tuple((key, _frozen(value)) for key, value in settings.items() if key not in ("connector", "path"))
        start = location if "://" in location else str((folder / location).resolve())
        return ConnectionSettings(name, connector, options, start, home=str(folder))

    def check_secrets(self, settings: Mapping[str, object], path: tuple[str, ...], keys: Iterable[str]) -> None:
        """A problem for every key that is written out; the key is not shown."""
        for key in keys:
            value = settings.get(key)
            if value is not None and not is_reference(value):
                help = f'write {key} = "env:NAME" or {key} = "file:PATH", and keep the key out of kpi.toml'
                self.problem("E704", (*path, key), f"`{key}` must be a reference, not the key itself", help)


def _frozen(value: object) -> object:
    """Lists as tuples, tables as tuples of pairs: settings do not change after they are read."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, _frozen(item)) for key, item in value.items())
    return value
