"""What the endings of file names say: the format, and the compression around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kpi_engine.builtin.connectors.stored_file import COMPRESSIONS
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.diagnostic import did_you_mean

ENDINGS: Mapping[str, str] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".orc": "orc",
    ".xlsx": "xlsx",
}
"""The format that a file's ending stands for."""

FORMATS = ("parquet", "csv", "arrow", "json", "orc", "xlsx")
"""What `format:` may say."""

_COMPRESSED = ("csv", "json")


def format_of(name: str) -> str | None:
    """The format that a file's ending stands for; None if it is none of those that can be read.

    >>> format_of("orders.csv.gz"), format_of("notes.docx"), format_of("orders.parquet.gz")
    ('csv', None, None)
    """
    before, dot, last = name.lower().rpartition(".")
    ending = dot + last if dot else ""
    if ending not in COMPRESSIONS:
        return ENDINGS.get(ending)
    _, dot, last = before.rpartition(".")
    known = ENDINGS.get(dot + last) if dot else None
    return known if known in _COMPRESSED else None


def stem(name: str) -> str:
    """A file's name without the endings that say its format.

    >>> stem("orders.csv.gz"), stem("orders.2026.parquet")
    ('orders', 'orders.2026')
    """
    for ending in (*COMPRESSIONS, *ENDINGS):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def is_hidden(name: str) -> bool:
    """Whether a file or folder is not meant to be data: its name begins with . or _."""
    return name.startswith((".", "_"))


def check_format(format: str | None, place: str) -> None:
    """KpiError E603 unless `format:` names one that can be read."""
    if format is not None and format not in FORMATS:
        help = did_you_mean(format, FORMATS) or f"write one of {', '.join(FORMATS)}"
        raise data_error("E603", place, f"`{format}` is not a format that can be read", help)


def one_format(shown: Iterable[str]) -> str:
    """The one format of all files, as their endings say it; KpiError E603 if there is none, or several."""
    by_format: dict[str, str] = {}
    for file in shown:
        known = format_of(file.rpartition("/")[2])
        if known is None:
            help = f"write `format:` with one of {', '.join(FORMATS)}"
            raise data_error("E603", file, "the file's ending does not say its format", help)
        by_format.setdefault(known, file)
    if len(by_format) > 1:
        listed = ", ".join(f"{file} ({known})" for known, file in by_format.items())
        help = "name the files of one format by a glob, as `orders/*.parquet`"
        raise data_error("E603", next(iter(by_format.values())), f"one table mixes formats: {listed}", help)
    return next(iter(by_format))
