"""Folders that are named after a value of all rows below them: `year=2026/month=01`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from kpi_engine.builtin.connectors.stored_file import Partition, StoredFile
from kpi_engine.extend.rows import data_error

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def partitions_of(folders: Sequence[str]) -> tuple[Partition, ...]:
    """The columns that folders give, in their order; other folders give none.

    >>> partitions_of(["orders", "year=2026", "city=S%C3%A3o%20Paulo", "shop=__HIVE_DEFAULT_PARTITION__"])
    (('year', '2026'), ('city', 'São Paulo'), ('shop', None))
    """
    found = []
    for folder in folders:
        name, equals, value = folder.partition("=")
        if equals and name:
            found.append((unquote(name), None if value == _NO_VALUE else unquote(value)))
    return tuple(found)


def partition_names(files: Sequence[StoredFile]) -> tuple[str, ...]:
    """The names of the partition columns that all files have; KpiError E618 if some file lacks one, or has it twice."""
    if not any(file.partitions for file in files):
        return ()
    first = files[0]
    names = tuple(name for name, _ in first.partitions)
    for file in files:
        own = tuple(name for name, _ in file.partitions)
        repeated = next((name for name in own if own.count(name) > 1), None)
        if repeated is not None:
            message = f"two folders on the way to the file give the column `{repeated}`"
            raise data_error("E618", file.shown, message, "name each column once in the path")
        odd = set(own) ^ set(names)
        if odd:
            holder, other = (first, file) if min(odd) in names else (file, first)
            message = f"the folders of {holder.shown} give the column `{min(odd)}`, those of {other.shown} do not"
            raise data_error("E618", file.shown, message, "put all files of one table below folders of one pattern")
    return names
