"""Which files of a folder are tables, and which are parts of one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kpi_engine.builtin.connectors.formats_by_name import format_of
from kpi_engine.inspect.draft.naming import snake, without_common_words
from kpi_engine.ir.dataclass import dataclass

_DIGITS = re.compile(r"[0-9]+(?:[-_.T]?[0-9]+)*")
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class FoundTable:
    """Files that seem to be one table: its name, what `table:` says, the files below the folder, their format."""

    name: str
    table: str
    files: tuple[Path, ...]
    format: str

    @property
    def several(self) -> bool:
        """Whether the table has more than one file."""
        return len(self.files) > 1


def find_tables(root: Path) -> tuple[FoundTable, ...]:
    """The tables in a folder, by name. Files whose names differ in digits only (days, months, parts) are one table."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for file in sorted(root.rglob("*"))[:_MOST_FILES]:
        inside = file.relative_to(root)
        if file.is_file() and format_of(file.name) is not None and not _is_hidden(inside):
            groups.setdefault((inside.parent, _pattern(file.name)), []).append(file)
    parts = [(folder, pattern, files) for (folder, pattern), files in groups.items()]
    tables = [_table(root, folder, pattern, files) for folder, pattern, files in parts]
    return _named(tables)


def table_of(file: Path) -> tuple[FoundTable, ...]:
    """The table that is one file; none if its ending says nothing."""
    if format_of(file.name) is None:
        return ()
    return _named([_table(file.parent, Path(), file.name, [file])])


def _table(root: Path, folder: Path, pattern: str, files: Sequence[Path]) -> FoundTable:
    words = pattern if len(files) > 1 else files[0].name
    stem = re.sub(r"\.[A-Za-z0-9.]+$", "", words).replace("*", "")
    name = snake(stem) or snake(folder.name) or "data"
    table = str(folder / pattern) if len(files) > 1 else str(files[0].relative_to(root))
    format = format_of(files[0].name)
    assert format is not None
    return FoundTable(name, table, tuple(files), format)


def _named(tables: Sequence[FoundTable]) -> tuple[FoundTable, ...]:
    """Tables with names of their own; of two with one name the later one is called by its folder too."""
    given: dict[str, FoundTable] = {}
    for table in tables:
        folder = snake(str(Path(table.table).parent)) if table.name in given else ""
        name = f"{folder}_{table.name}" if folder else table.name
        while name in given:
            name += "_2"
        given[name] = table
    shorter: Mapping[str, str] = without_common_words(given)
    names = {name: _identifier(short) for name, short in shorter.items()}
    found = [FoundTable(names[name], table.table, table.files, table.format) for name, table in given.items()]
    return tuple(sorted(found, key=lambda each: each.name))


def _identifier(name: str) -> str:
    return name if name[:1].isalpha() else f"table_{name}"


def _pattern(name: str) -> str:
    """A file's name with `*` for its digits: the same for the parts of one table."""
    stem, dot, endings = name.partition(".") if not name[:1].isdigit() else _split_end(name)
    return _DIGITS.sub("*", stem) + dot + endings


def _split_end(name: str) -> tuple[str, str, str]:
    stem, dot, ending = name.rpartition(".")
    return stem, dot, ending


def _is_hidden(inside: Path) -> bool:
    return any(part.startswith((".", "_")) for part in inside.parts)
