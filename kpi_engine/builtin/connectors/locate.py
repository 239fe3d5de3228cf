"""Names of tables to files: a file, a name without its ending, a glob, a folder, or a list of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path

from kpi_engine.extend.rows import data_error
from kpi_engine.ir.diagnostic import did_you_mean

ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
}
"""The format that a file's ending stands for."""

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
"""Endings that may follow that of a text file."""

FORMATS = ("parquet", "csv", "arrow")
"""What `format:` may say."""

_MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class Located:
    """The files of one table, in the order in which they are read, their format, and what was passed over."""

    files: tuple[Path, ...]
    format: str
    notes: tuple[str, ...] = field(default=())


def locate(root: Path, names: Sequence[str], format: str | None) -> Located:
    """The files of a table. KpiError E601 (none), E602 (several tables of one name), E603 (format), E604 (empty).

    Names are relative to `root`. Files of a folder or glob are sorted by path; hidden ones and files that are no
    data are passed over, with a note.
    """
    if format is not None and format not in FORMATS:
        help = did_you_mean(format, FORMATS) or f"write one of {', '.join(FORMATS)}"
        raise data_error("E603", ", ".join(names), f"`{format}` is not a format that can be read", help)
    files: list[Path] = []
    notes: list[str] = []
    for name in names:
        found = _named(root, name, format, notes)
        files.extend(file for file in found if file not in set(files))
    if len(files) > _MOST_FILES:
        message = f"the table has {len(files)} files, and at most {_MOST_FILES} are read"
        raise data_error("E604", ", ".join(names), message, "put several days or hours into one file")
    return Located(tuple(files), format or _one_format(root, files), tuple(notes))


def tables(root: Path) -> tuple[str, ...]:
    """Names that tables in a folder answer to: files without their ending, and folders that hold data files."""
    if not root.is_dir():
        return ()
    found = set()
    for entry in root.iterdir():
        if _is_hidden(entry):
            continue
        if entry.is_file() and format_of(entry) is not None:
            found.add(_stem(entry))
        elif entry.is_dir() and _holds_data(entry):
            found.add(entry.name)
    return tuple(sorted(found))


def _holds_data(folder: Path) -> bool:
    """Whether data files lie directly in a folder; one that cannot be read holds none."""
    try:
        return any(format_of(file) is not None for file in folder.iterdir())
    except OSError:
        return False


def format_of(file: Path) -> str | None:
    """The format that a file's ending stands for; None if it is none of those that can be read.

    >>> format_of(Path("orders.csv.gz")), format_of(Path("notes.docx"))
    ('csv', None)
    """
    endings = [ending.lower() for ending in file.suffixes[-2:]]
    if endings and endings[-1] in COMPRESSIONS:
        known = ENDINGS.get(endings[0]) if len(endings) == 2 else None
        return known if known == "csv" else None
    return ENDINGS.get(endings[-1]) if endings else None


def shown(root: Path, file: Path) -> str:
    """A file's path as messages show it: relative to the connection's folder where it lies inside."""
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def _named(root: Path, name: str, format: str | None, notes: list[str]) -> list[Path]:
    if not name or "\0" in name:
        raise data_error("E601", name, "the name of the table is empty", 'write `table: "orders.parquet"`')
    path = root / name
    if path.is_file():
        return [path]
    if path.is_dir():
        return _in_folder(root, path, format, notes)
    if has_magic(name):
        return _matching(root, name, format, notes)
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
        if entry.is_file() and not _is_hidden(entry) and format_of(entry) and _stem(entry) == path.name
    )


def _in_folder(root: Path, folder: Path, format: str | None, notes: list[str]) -> list[Path]:
    entries = sorted(entry for entry in folder.rglob("*") if entry.is_file())
    files = _data_files(root, folder, entries, format, notes)
    if not files:
        name = shown(root, folder)
        message = f"the folder `{name}` holds no data files"
        raise data_error("E604", name, message, f"it should hold files ending in {', '.join(ENDINGS)}")
    return files


def _matching(root: Path, name: str, format: str | None, notes: list[str]) -> list[Path]:
    pattern = Path(name)
    start = Path(pattern.anchor) if pattern.is_absolute() else root
    relative = pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern
    entries = sorted(entry for entry in start.glob(str(relative)) if entry.is_file())
    files = _data_files(root, start, entries, format, notes)
    if not files:
        fixed = start
        for part in relative.parts:
            if has_magic(part):
                break
            fixed = fixed / part
        where = "" if fixed.is_dir() else f": there is no folder `{shown(root, fixed)}`"
        raise data_error("E601", name, f"no file matches `{name}`{where}", _near(fixed, pattern.name))
    return files


def _data_files(root: Path, start: Path, entries: Sequence[Path], format: str | None, notes: list[str]) -> list[Path]:
    files = []
    for entry in entries:
        if any(part.startswith((".", "_")) for part in entry.relative_to(start).parts):
            notes.append(f"{shown(root, entry)} is hidden, because its name begins with . or _; not read")
        elif format is None and format_of(entry) is None:
            notes.append(f"{shown(root, entry)} is no data file by its ending; not read")
        else:
            files.append(entry)
    return files


def _one_format(root: Path, files: Sequence[Path]) -> str:
    by_format: dict[str, Path] = {}
    for file in files:
        known = format_of(file)
        if known is None:
            help = f"write `format:` with one of {', '.join(FORMATS)}"
            raise data_error("E603", shown(root, file), "the file's ending does not say its format", help)
        by_format.setdefault(known, file)
    if len(by_format) > 1:
        listed = ", ".join(f"{shown(root, file)} ({known})" for known, file in by_format.items())
        help = "name the files of one format by a glob, as `orders/*.parquet`"
        raise data_error("E603", shown(root, files[0]), f"one table mixes formats: {listed}", help)
    return next(iter(by_format))


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
    entries = [entry.name for entry in folder.iterdir() if not _is_hidden(entry)]
    known = sorted({*entries, *tables(folder)})
    proposal = did_you_mean(name, known)
    if proposal:
        return proposal
    listed = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    return f"the folder `{folder}` holds: {listed}" if known else f"the folder `{folder}` is empty"


def _stem(file: Path) -> str:
    name = file.name
    for ending in (*COMPRESSIONS, *ENDINGS):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "_"))
