"""What every command pays: start-up of `kpi`, ten rows, five hundred metrics, and how fast text is parsed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from measure import Cost, interleaved, own_process
from questions import HERE
from records import Key, Record, Results

METRICS: Final = 500
HELP, HELP_BASE = "kpi --help", "import typer, rich"
ROWS, ROWS_BASE = "kpi eval on ten rows", "import pyarrow.parquet, numpy, typer"
CHECK, CHECK_BASE = f"kpi check on {METRICS} metrics", "kpi check on one metric"
PARSE: Final = "parse"


def run(rounds: int, results: Results) -> None:
    """Measure all of them, each beside what it is held to, taking turns."""
    with tempfile.TemporaryDirectory() as folder:
        ten, one, many = Path(folder) / "ten", Path(folder) / "one", Path(folder) / "many"
        _write_rows(ten)
        _write_definitions(one, 1)
        lines = _write_definitions(many, METRICS)
        asked = ["eval", "revenue", "--project", str(ten)]
        commands: dict[str, Callable[[], Cost]] = {
            HELP: partial(_kpi, "--help"),
            HELP_BASE: partial(_python, HELP_BASE),
            ROWS: partial(_kpi, *asked),
            ROWS_BASE: partial(_python, ROWS_BASE),
            CHECK: partial(_kpi, "check", "--project", str(many)),
            CHECK_BASE: partial(_kpi, "check", "--project", str(one)),
            PARSE: partial(_parse, many / "shop.kpi"),
        }
        for name, costs in interleaved(commands, rounds).items():
            note = f"{lines} lines" if name == PARSE else _note(name)
            record = Record.of(Key("start", name, ""), costs, note)
            results.add([record])
            print(f"{name}: {record.wall_median:.3f} s, CPU {record.cpu_median:.3f} {record.note}", flush=True)


def _kpi(*arguments: str) -> Cost:
    return own_process([sys.executable, str(HERE / "without_pandas.py"), *arguments])


def _python(code: str) -> Cost:
    return own_process([sys.executable, "-c", code])


def _note(name: str) -> str:
    """Whether `kpi --help` imports what it does not need."""
    if name != HELP:
        return ""
    code = "import sys, kpi_engine.cli as cli\ntry:\n    cli.main()\nexcept SystemExit:\n    pass\n"
    code = f"import sys; sys.argv = ['kpi', '--help']\n{code}print('pyarrow' in sys.modules, 'numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return (
        "imports neither pyarrow nor NumPy" if said.split()[-2:] == ["False", "False"] else "imports pyarrow or NumPy"
    )


def _parse(path: Path) -> Cost:
    """The time of parsing alone, of a file parsed before."""
    done = subprocess.run(
        [sys.executable, str(HERE / "start.py"), str(path)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return Cost(found["wall"], found["cpu"], 0)


def _write_rows(folder: Path) -> None:
    folder.mkdir()
    (folder / "kpi.toml").write_text('definitions = ["*.kpi"]\n\n[connections.default]\nconnector = "files"\n', "utf-8")
    (folder / "shop.kpi").write_text(
        "source orders\n  time: day\n  column day: date\n  column total: decimal\n\nrevenue = sum(orders.total)\n",
        "utf-8",
    )
    rows = "".join(f"2026-01-{day:02},{day}.50\n" for day in range(1, 11))
    (folder / "orders.csv").write_text("day,total\n" + rows, "utf-8")


def _write_definitions(folder: Path, metrics: int) -> int:
    """A project of so many metrics, of the shapes that scorecards are made of; how many lines there are."""
    _write_rows(folder)
    blocks = [
        "source orders\n  key: order_id\n  time: day\n  column order_id: integer\n  column day: date\n"
        "  column total: decimal\n  column status: text\n  column customer_id -> customer\n"
        '  column is_valid: boolean = status not in ["cancelled", "test"]\n',
        "entity customer\n",
        "revenue = sum(orders.total where is_valid)\n",
    ]
    for number in range(1, metrics):
        blocks.append(_SHAPES[number % len(_SHAPES)].replace("NUMBER", str(number)))
    text = "\n".join(blocks)
    (folder / "shop.kpi").write_text(text, "utf-8")
    (folder / "orders.csv").write_text("order_id,day,total,status,customer_id\n1,2026-01-01,1.50,paid,7\n", "utf-8")
    return text.count("\n")


_SHAPES: Final = (
    'orders_NUMBER = count(orders where is_valid and total > NUMBER)\n  description: "Orders of more than NUMBER"\n',
    'revenue_NUMBER = sum(orders.total where is_valid and total > NUMBER)\n  owner: "sales"\n',
    "share_NUMBER = sum(orders.total where total > NUMBER) / revenue\n  unit: percent\n  better: higher\n",
    "buyers_NUMBER = count(distinct orders.customer_id where is_valid and total > NUMBER)\n  tags: [buyers, sales]\n",
    'growth_NUMBER = growth(rolling(revenue, NUMBER days), 1 year)\n  unit: percent\n  description: "By year"\n',
    "repeat_NUMBER = count(customer having count(orders where total > NUMBER) >= 2)\n",
)


def _time_parsing(path: Path) -> None:
    from kpi_engine.ir.span import SourceText
    from kpi_engine.parse import parse_file

    source = SourceText(str(path), path.read_text(encoding="utf-8"))
    parse_file(SourceText("first.kpi", "revenue = sum(orders.total)\n"))
    wall, cpu = time.perf_counter(), time.process_time()
    _, problems = parse_file(source)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if problems:
        raise SystemExit(str(problems[0]))
    print(json.dumps({"wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    _time_parsing(Path(sys.argv[1]))
