"""What the examples of the pages stand on: the demo shop, a few tables beside it, and definitions joined to its own."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine import Project, SourceText
from kpi_engine.demo import definitions
from kpi_engine.project.config import load_config
from kpi_engine.project.packs import bundled

_DECLARATION = re.compile(r"(?:(source|entity|dimension|grain|goal|alert|calendar|use|map|override)\b)?\s*([^\s=:]*)")

BOOKINGS = """\
export of the day
Order No;Day;Total;Note
1001;01.10.2026;1.234,50;paid
1002;02.10.2026;?;to be paid
"""
_MONTHS = {"P07": ("2026-08-02", 4), "P08": ("2026-08-30", 4), "P09": ("2026-09-27", 5), "P10": ("2026-11-01", 4)}
"""The first day and the number of weeks of some months of a 4-4-5 calendar, the last of which ends on 2026-11-29."""
BUDGETS = "month,amount\n2026-09-01,5000000\n2026-10-01,6000000\n"


def write_tables(folder: Path) -> None:
    """Write the tables that pages name and the demo does not have into the demo's `data/`."""
    (folder / "bookings.csv").write_bytes(BOOKINGS.encode("latin-1"))
    for name, text in retail_tables().items():
        (folder / name).write_text(text, "utf-8")
    (folder / "budgets.csv").write_text(BUDGETS, "utf-8")
    day, price = dt.date, Decimal
    tables = {
        "tariffs.parquet": {
            "product_id": ["P284", "P284", "P214"],
            "valid_from": [day(2024, 1, 1), day(2026, 9, 15), day(2024, 1, 1)],
            "valid_to": [day(2026, 9, 15), None, None],
            "shipping": [price("4.90"), price("5.90"), price("2.00")],
        },
        "ticket_updates.parquet": {
            "ticket_id": ["T1", "T1", "T2"],
            "changed_at": [dt.datetime(2026, 9, d, 3, tzinfo=dt.UTC) for d in (1, 9, 10)],
            "status": ["open", "closed", "open"],
        },
        "sessions.parquet": {
            "started_at": [dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC)],
            "visitor_id": ["V1"],
            "device": [{"category": "mobile"}],
            "params": [[{"key": "page", "value": {"string_value": "/sale"}}]],
            "labels": pa.array([[("campaign", "autumn")]], pa.map_(pa.string(), pa.string())),
            "items": [[{"sku": "P001", "quantity": 2, "variant": {"color": "red"}}]],
        },
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / name)


def retail_tables() -> dict[str, str]:
    """The tables of a 4-4-5 calendar: weeks and months, each with a row that ends the last period."""
    weeks, months = ["starts_on,name"], ["starts_on,name"]
    for month, (first, length) in _MONTHS.items():
        months.append(f"{first},{month}")
        for number in range(length):
            weeks.append(f"{dt.date.fromisoformat(first) + dt.timedelta(weeks=number)},{month}-W{number + 1}")
    return {
        f"{name}.csv": "\n".join([*rows, "2026-11-29,"]) for name, rows in (("weeks", weeks), ("retail_months", months))
    }


def base_texts() -> list[SourceText]:
    """The demo's definitions."""
    return [SourceText(path.name, path.read_text("utf-8")) for path in sorted(definitions().glob("?*.kpi"))]


def pack_texts() -> list[str]:
    """The definitions of the packs that the demo uses."""
    return [path.read_text("utf-8") for folder in bundled().values() for path in sorted(folder.rglob("*.kpi"))]


def declared(text: str) -> list[tuple[str, str, str]]:
    """The declarations of a text: kind, name and the lines."""
    parts = re.split(r"^(?=[^\s#)\]])", text, flags=re.MULTILINE)
    found = []
    for part in parts[1:]:
        match = _DECLARATION.match(part)
        assert match is not None
        found.append((match[1] or "metric", match[2], part))
    return found


def names(text: str) -> set[tuple[str, str]]:
    """Kinds and names of all that a text declares; metrics and dimensions share their names."""
    return {("value" if kind in ("metric", "dimension") else kind, name) for kind, name, _ in declared(text)}


def without(text: SourceText, taken: Iterable[tuple[str, str]]) -> SourceText:
    """A text with blank lines in place of declarations whose names are taken; all others keep their lines."""
    taken = set(taken)
    head, *_ = re.split(r"^(?=[^\s#)\]])", text.text, maxsplit=1, flags=re.MULTILINE)
    parts = [head]
    for kind, name, part in declared(text.text):
        mine = ("value" if kind in ("metric", "dimension") else kind, name)
        parts.append("\n" * part.count("\n") if mine in taken else part)
    return SourceText(text.name, "".join(parts))


def stands_alone(text: str) -> bool:
    """Whether definitions are a project of their own: they declare a source that the demo has."""
    mine = {name for kind, name in names(text) if kind == "source"}
    return bool(mine & {name for base in pack_texts() for kind, name in names(base) if kind == "source"})


def project(texts: Sequence[SourceText], folder: Path) -> Project:
    """Definitions of a page together with the demo's; one of the same name replaces the demo's, or an earlier one."""
    if len(texts) == 1 and stands_alone(texts[0].text):
        kept = list(texts)
    else:
        kept, taken = [], set[tuple[str, str]]()
        for text in reversed([*base_texts(), *texts]):
            kept.insert(0, without(text, taken))
            taken |= names(text.text)
    data = folder / "kpi-demo" / "data"
    config = load_config(definitions=[text.name for text in kept], data=data, environment={})
    return Project(config, kept)
