"""Names of tables to files: a file, a name without its ending, a glob, a folder, or a list of these."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from glob import has_magic
from pathlib import Path

from kpi_engine.builtin.connectors.formats_by_name import ENDINGS, check_format, format_of, is_hidden, one_format, stem
from kpi_engine.builtin.connectors.partition_names import partitions_of
from kpi_engine.builtin.connectors.stored_file import LocalFile, StoredFile
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean

_MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class Located:
    """The files of one table, in the order in which they are read, their format, and what was passed over.

    `pruned` is the number of files that were left out because no wanted row can be in them.
    """

    files: tuple[StoredFile, ...]
    format: str
    notes: tuple[str, ...] = field(default=())
    pruned: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was learnt while files were looked for: notes on what is not read, and paths known to be no links."""

    notes: list[str] = field(default_factory=list)
    plain: set[str] = field(default_factory=set)


def locate(root: Path, names: Sequence[str], format: str | None, allowed: Sequence[Path] = ()) -> Located:
    """The files of a table. KpiError E601 (none), E602 (several tables of one name), E603 (format), E604 (empty or
    too many), E617 (outside of `root` and of the `allowed` folders).

    Names are relative to `root`. Files of a folder or glob are sorted by path; hidden ones and files that are no
    data are passed over, with a note.
    """
    check_format(format, ", ".join(names))
    found: dict[str, Path] = {}
    seen = _Seen()
    for name in names:
        for file in _named(root, name, format, seen):
            found.setdefault(str(file), file)
    if len(found) > _MOST_FILES:
        message = f"the table has {len(found)} files, and at most {_MOST_FILES} are read"
        raise data_error("E604", ", ".join(names), message, "put several days or hours into one file")
    _check_inside(root, found, (root, *allowed), seen.plain)
    stored = tuple(_stored(root, file) for file in found.values())
    return Located(stored, format or one_format(file.shown for file in stored), tuple(seen.notes))


def _stored(root: Path, file: Path) -> LocalFile:
    name = shown(root, file)
    return LocalFile(file, name, partitions_of(Path(name).parts[:-1]) if "=" in name else ())


def _check_inside(root: Path, files: Mapping[str, Path], allowed: Sequence[Path], plain: Collection[str]) -> None:
    """Whether all files truly lie, links followed, in a folder that the connection may read; `plain` are no links."""
    homes = [Path(os.path.realpath(folder)) for folder in allowed]
    folders: dict[str, bool] = {}
    for text, file in files.items():
        folder = text.rpartition(os.sep)[0]
        if folder not in folders:
            folders[folder] = any(Path(os.path.realpath(file.parent)).is_relative_to(home) for home in homes)
        real = Path(os.path.realpath(file)) if text not in plain and file.is_symlink() else None
        inside = folders[folder] if real is None else any(real.is_relative_to(home) for home in homes)
        if not inside:
            target = real or Path(os.path.realpath(file))
            message = f"the file lies outside of the connection's folder `{root}`: it is {target}"
            help = (
                f'in kpi.toml add `allow = ["{target.parent}"]` to the connection, or let its `path` be a folder above'
            )
            raise data_error("E617", shown(root, file), message, help)


def tables(root: Path) -> tuple[str, ...]:
    """Names that tables in a folder answer to: files without their ending, and folders that hold data files."""
    if not root.is_dir():
        return ()
    found = set()
    for entry in root.iterdir():
        if is_hidden(entry.name):
            continue
        if entry.is_file() and format_of(entry.name) is not None:
            found.add(stem(entry.name))
        elif entry.is_dir() and _holds_data(entry):
            found.add(entry.name)
    return tuple(sorted(found))


def _holds_data(folder: Path) -> bool:
    """Whether data files lie directly in a folder; one that cannot be read holds none."""
    try:
        return any(format_of(file.name) is not None for file in folder.iterdir())
    except OSError:
        return False


def shown(root: Path, file: Path) -> str:
    """A file's path as messages show it: relative to the connection's folder where it lies inside."""
    inside, text = f"{root}{os.sep}", str(file)
    if text.startswith(inside):  # nearly always, and ten times as fast
        return text.removeprefix(inside)
    return str(file.relative_to(root)) if file.is_relative_to(root) else text


def _named(root: Path, name: str, format: str | None, seen: _Seen) -> list[Path]:
    if not name or "\0" in name:
        raise data_error("E601", name, "the name of the table is empty", 'write `table: "orders.parquet"`')
    path = root / name
    if path.is_file():
        return [path]
    if path.is_dir():
        return _in_folder(root, path, format, seen)
    if has_magic(name):
        return _matching(root, name, format, seen)
    candidates = _with_any_ending(path)
    if len(candidates) > 1:
        listed = ", ".join(candidate.name for candidate in candidates)
        message = f"`{name}` could be any of {listed}"
        raise data_error("E602", name, message, f'write which one, as `table: "{candidates[0].name}"`')
    if candidates:
        return candidates
    raise _missing(root, name, path)


def _with_any_ending(path: Path) -> list[Path]:
    if not path.parent.is_dir() or not path.name:
        return []
    return sorted(
        entry
        for entry in path.parent.iterdir()
        if entry.is_file() and not is_hidden(entry.name) and format_of(entry.name) and stem(entry.name) == path.name
    )


def _in_folder(root: Path, folder: Path, format: str | None, seen: _Seen) -> list[Path]:
    entries = _in_order(entry for entry in folder.rglob("*") if entry.is_file())
    files = _data_files(root, folder, entries, format, seen.notes)
    if not files:
        name = shown(root, folder)
        message = f"the folder `{name}` holds no data files"
        raise data_error("E604", name, message, f"it should hold files ending in {', '.join(ENDINGS)}")
    return files


def _matching(root: Path, name: str, format: str | None, seen: _Seen) -> list[Path]:
    pattern = Path(name)
    start = Path(pattern.anchor) if pattern.is_absolute() else root
    relative = pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern
    (*above, last) = relative.parts
    if last == "**" or any(map(has_magic, above)):
        entries = _in_order(entry for entry in start.glob(str(relative)) if entry.is_file())
    else:
        entries = _matching_in(start.joinpath(*above), last, seen.plain)
    files = _data_files(root, start, entries, format, seen.notes)
    if not files:
        fixed = start
        for part in relative.parts:
            if has_magic(part):
                break
            fixed = fixed / part
        where = "" if fixed.is_dir() else f": there is no folder `{shown(root, fixed)}`"
        raise data_error("E601", name, f"no file matches `{name}`{where}", _near(fixed, pattern.name))
    return files


def _matching_in(folder: Path, pattern: str, plain: set[str]) -> list[Path]:
    """The files directly in a folder whose names match, as `Path.glob` finds them, but the folder is read once and no
    file looked at; those that are no links are added to `plain`."""
    try:
        with os.scandir(folder) as listed:
            entries = {entry.name: entry for entry in listed}
    except OSError:  # there is no such folder, or it may not be read
        return []
    files = []
    for name in sorted(fnmatch.filter(entries, pattern)):
        file = folder / name
        if entries[name].is_file(follow_symlinks=False):
            plain.add(str(file))
        elif not file.is_file():
            continue
        files.append(file)
    return files


def _in_order(entries: Iterable[Path]) -> list[Path]:
    """Sorted part by part, as paths compare themselves, but each is taken apart once."""
    return sorted(entries, key=lambda entry: entry.parts)


def _data_files(root: Path, start: Path, entries: Sequence[Path], format: str | None, notes: list[str]) -> list[Path]:
    files = []
    above = len(start.parts)
    for entry in entries:
        text = str(entry)
        may_be_hidden = f"{os.sep}." in text or f"{os.sep}_" in text
        if may_be_hidden and any(part.startswith((".", "_")) for part in entry.parts[above:]):
            notes.append(f"{shown(root, entry)} is hidden, because its name begins with . or _; not read")
        elif format is None and format_of(entry.name) is None:
            notes.append(f"{shown(root, entry)} is no data file by its ending; not read")
        else:
            files.append(entry)
    return files


def _missing(root: Path, name: str, path: Path) -> Exception:
    if not root.is_dir():
        return data_error("E601", name, f"there is no folder `{root}`", "`--data` or kpi.toml names the folder")
    if not path.parent.is_dir():
        folder = shown(root, path.parent)
        return data_error("E601", name, f"there is no table `{name}`: there is no folder `{folder}`", "")
    where = "" if path.parent == root else f" in `{shown(root, path.parent)}`"
    return data_error("E601", name, f"there is no table `{name}`{where}", _near(path.parent, path.name))


def _near(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return ""
    entries = [entry.name for entry in folder.iterdir() if not is_hidden(entry.name)]
    known = sorted({*entries, *tables(folder)})
    proposal = did_you_mean(name, known)
    if proposal:
        return proposal
    listed = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    return f"the folder `{folder}` holds: {listed}" if known else f"the folder `{folder}` is empty"
