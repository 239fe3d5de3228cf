"""Files that are not as they should be, the question that is asked of them, and what the command line says."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from kpi_engine.cli import main

GOLDEN = Path(__file__).parent / "golden"
DEFINITIONS = """\
source orders
  table: "{table}"
  time: at
{options}{columns}
revenue = sum(orders.total)
order_count = count(orders)
"""
COLUMNS = "  column at: timestamp\n  column total: decimal\n  column id: text\n"
GOOD = "id,at,total\n1,2026-01-05 10:00,10.50\n2,2026-01-06 11:00,2.50\n"


@dataclass(frozen=True)
class Input:
    """A named input: its files, the table that reads them, options and columns of the source.

    `ask` are the words of the command line after `kpi eval`.
    """

    name: str
    files: Mapping[str, bytes | str]
    table: str = "orders.csv"
    options: str = ""
    columns: str = COLUMNS
    ask: str = "revenue order_count --as-of 2027-01-01 --format csv"


def csv(name: str, content: bytes | str, options: str = "", columns: str = COLUMNS) -> Input:
    """An input of one CSV file."""
    return Input(name, {"orders.csv": content}, options=options, columns=columns)


def write(one: Input, folder: Path) -> list[str]:
    """Write the files of an input, and give the command line that asks for them."""
    for name, content in one.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    options = "".join(f"  {line}\n" for line in one.options.splitlines())
    text = DEFINITIONS.format(table=one.table, options=options, columns=one.columns)
    (folder / "orders.kpi").write_text(text, "utf-8")
    return ["eval", *one.ask.split(), "--definitions", "orders.kpi", "--data", "."]


def outcome(one: Input, folder: Path) -> str:
    """What a run says, as the golden files keep it: exit code, then standard output, then standard error."""
    words = write(one, folder)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said = [_text(each) for each in (out, err)]
    assert "Traceback" not in said[1]
    assert code == 0 or said[0] == "", "an answer in part"
    assert code in (0, 3, 4, 5), said[1]
    return f"exit {code}\n" + "".join(said)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode().replace("\r\n", "\n")


def check(group: str, one: Input, folder: Path, *, accept: bool) -> None:
    """Compare what a run says with the golden file of its group; `accept` writes it there instead."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("KPI_")]:
            patch.delenv(name)
        found = outcome(one, folder).replace(str(folder), "FOLDER")
    known = golden(group)
    if accept:
        known[one.name] = found
        _write(group, known)
    assert known.get(one.name) == found


def golden(group: str) -> dict[str, str]:
    """The outcomes of a group by name."""
    path = GOLDEN / f"{group}.txt"
    if not path.exists():
        return {}
    parts = path.read_text("utf-8").split("==== ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].removesuffix("\n") for part in parts}


def _write(group: str, known: Mapping[str, str]) -> None:
    GOLDEN.mkdir(exist_ok=True)
    text = "".join(f"==== {name}\n{found}\n" for name, found in sorted(known.items()))
    (GOLDEN / f"{group}.txt").write_text(text, "utf-8")


def names(inputs: Iterable[Input]) -> list[str]:
    """Names for test ids; each once."""
    listed = [one.name for one in inputs]
    assert len(set(listed)) == len(listed)
    return listed
