"""The command as a process of its own: what it imports, pipes, and real terminals."""

from __future__ import annotations

import datetime
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pyarrow", "pydantic", "numpy", "pandas", "polars", "duckdb")

RUN = "import sys; from kpi_engine.cli import main; code = main(sys.argv[1:])"
MODULES = f"{RUN}; sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules)); sys.exit(code)"

STAND_IN = """
import datetime, sys
from decimal import Decimal
from types import SimpleNamespace
import pyarrow as pa
import kpi_engine
from kpi_engine.cli import main
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.types import Display

rows = int(sys.argv.pop(1))
names = ["revenue", "average_order_value", "order_count", "conversion_rate", "order_fulfilment_time"]
money = Display("currency", "CNY")
displays = [money, money, Display("count"), Display("percent"), Display("duration", "hour")]
months = [datetime.date(2026, 1 + n % 12, 1) for n in range(rows)]
arrays = [
    pa.array([Decimal("1234567.50")] * rows, pa.decimal128(12, 2)),
    pa.array([Decimal("199.95")] * rows, pa.decimal128(12, 2)),
    pa.array([6174] * rows),
    pa.array([None] + [0.0237] * (rows - 1)),
    pa.array([100_000_000_000] * rows, pa.duration("us")),
]
arrays = [pa.array(months, pa.date32()), pa.array(["app"] * rows), *arrays]
table = pa.table(arrays, names=["period", "channel", *names])
columns = [ResultColumn("period", "period", grain="month"), ResultColumn("channel", "dimension")]
columns += [ResultColumn(name, "metric", display) for name, display in zip(names, displays)]
answer = SimpleNamespace(table=table, columns=columns, stats=RunStats(as_of="2026-03-01 00:00"))
project = SimpleNamespace(config=SimpleNamespace(plugins=()), eval=lambda *a, **k: answer)
vars(kpi_engine)["open"] = lambda *a, **k: project
sys.exit(main(sys.argv[1:]))
"""


def environment(**more: str) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("KPI_") and key not in ("NO_COLOR", "COLUMNS")
    }
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def modules(folder: Path, *words: str) -> str:
    """The heavy modules that a command line imports."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.splitlines()[-1] if done.stderr and not done.stderr.endswith("\n") else ""


def test_help_version_and_fmt_import_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.kpi").write_text("x = count(orders)\n")
    assert modules(tmp_path, "--version") == ""
    assert modules(tmp_path, "--help") == ""
    assert modules(tmp_path, "eval", "--help") == ""
    assert modules(tmp_path, "init", "shop") == ""
    assert modules(tmp_path, "fmt", "a.kpi") == ""


SELDOM = (
    "shlex",
    "tempfile",
    "pydoc",
    "pluggy",
    "_hashlib",
    "kpi_engine.project.packs",
    "kpi_engine.project.case_files",
    "kpi_engine.project.toml_places",
    "kpi_engine.project.writing",
    "kpi_engine.parse.characters",
    "kpi_engine.resolve.arithmetic",
    "kpi_engine.resolve.comparisons",
    "kpi_engine.resolve.computed",
    "kpi_engine.resolve.derived",
    "kpi_engine.resolve.events",
    "kpi_engine.resolve.filters",
    "kpi_engine.resolve.keyed",
    "kpi_engine.resolve.packs_linking",
    "kpi_engine.resolve.packs_maps",
    "kpi_engine.resolve.packs_names",
    "kpi_engine.resolve.packs_kept",
    "kpi_engine.resolve.periods",
    "kpi_engine.resolve.rules",
    "kpi_engine.resolve.unnest",
    "kpi_engine.resolve.values",
    "kpi_engine.resolve.windows",
    "kpi_engine.plan.coarse",
    "kpi_engine.plan.detail",
    "kpi_engine.plan.show",
    "kpi_engine.plan.snapshots",
    "kpi_engine.plan.values",
    "kpi_engine.execute.detail",
    "kpi_engine.execute.elsewhere",
    "kpi_engine.execute.grain_table",
    "kpi_engine.execute.nested",
    "kpi_engine.execute.operations",
    "kpi_engine.execute.settled",
    "kpi_engine.execute.slices",
    "kpi_engine.execute.snapshots",
    "kpi_engine.execute.unnest",
    "kpi_engine.connect.advice",
    "kpi_engine.kernels.arith",
    "kpi_engine.kernels.cell_sets",
    "kpi_engine.kernels.compare",
    "kpi_engine.kernels.counted",
    "kpi_engine.kernels.cover",
    "kpi_engine.kernels.derive",
    "kpi_engine.kernels.division",
    "kpi_engine.kernels.events",
    "kpi_engine.kernels.extremes",
    "kpi_engine.kernels.float_sums",
    "kpi_engine.kernels.item_sets",
    "kpi_engine.kernels.lifetimes",
    "kpi_engine.kernels.logic",
    "kpi_engine.kernels.lookup",
    "kpi_engine.kernels.ordering",
    "kpi_engine.kernels.partition",
    "kpi_engine.kernels.picking",
    "kpi_engine.kernels.presence",
    "kpi_engine.kernels.promote",
    "kpi_engine.kernels.quantile",
    "kpi_engine.kernels.ranges",
    "kpi_engine.kernels.short_formats",
    "kpi_engine.kernels.sketches_hash",
    "kpi_engine.kernels.sketches_hll",
    "kpi_engine.kernels.sketches_kll",
    "kpi_engine.kernels.slicing",
    "kpi_engine.kernels.squares",
    "kpi_engine.kernels.state_tables",
    "kpi_engine.kernels.temporal",
    "kpi_engine.kernels.window_values",
    "kpi_engine.extend.hookspecs",
    "kpi_engine.extend.measures",
    "kpi_engine.extend.own_state",
    "kpi_engine.builtin.connectors.arrow_types",
    "kpi_engine.builtin.connectors.encodings",
    "kpi_engine.builtin.connectors.nested_types",
    "kpi_engine.builtin.connectors.object_store",
    "kpi_engine.builtin.connectors.pruning",
    "kpi_engine.builtin.connectors.python_values",
    "kpi_engine.present.money",
    "kpi_engine.present.profile",
)
"""What only some questions, projects, files or mistakes need."""

OF_PARQUET = ("kpi_engine.builtin.connectors.arrow_types", "kpi_engine.builtin.connectors.pruning")

UNUSED = {
    "--help": ("pyarrow", "numpy", "kpi_engine.parse", "kpi_engine.pipeline", "kpi_engine.kernels", "rich.table"),
    "fmt a.kpi": ("pyarrow", "numpy", "kpi_engine.resolve", "kpi_engine.plan", "kpi_engine.execute", "lark", "tomli"),
    "check": ("pandas", "kpi_engine.execute.run", "kpi_engine.kernels.frames", "kpi_engine.plan", "lark", "polars"),
    "eval n --grain month": ("pandas", "lark", "polars", "duckdb", "kpi_engine.inspect", "kpi_engine.demo", *SELDOM),
    "eval total --no-store": ("pandas", "lark", "numpy.ma", *SELDOM),
    "eval paid --no-store": ("pandas", "numpy.ma", *(each for each in SELDOM if each not in OF_PARQUET)),
}
"""For each command line what it must not import."""

OWN_PROCESS = "import sys; from kpi_engine.cli import main; sys.argv[1:] = {words!r}; code = main()"


def unused_but_imported(folder: Path, words: str) -> str:
    """What a process of its own imported of all that it must not."""
    listed = f"sys.stderr.write('\\n' + ' '.join(m for m in {UNUSED[words]!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{OWN_PROCESS.format(words=words.split())}; {listed}; sys.exit(code)"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stderr.splitlines()[-1] if done.stderr and not done.stderr.endswith("\n") else ""


@pytest.mark.parametrize("words", UNUSED)
def test_a_command_imports_what_it_needs(tmp_path: Path, words: str) -> None:
    (tmp_path / "kpi.toml").write_text('name = "shop"\ndefinitions = ["a.kpi"]\n[connections.default]\npath = "data"\n')
    (tmp_path / "a.kpi").write_text(
        'source orders\n  table: "orders.csv"\n  time: day\n  column day: date\n  column total: integer\n\n'
        "n = count(orders)\n\ntotal = sum(orders.total)\n\n"
        'source payments\n  table: "payments.parquet"\n  time: day\n\npaid = sum(payments.total)\n'
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "orders.csv").write_text("day,total\n2026-01-03,5\n2026-02-03,7\n")
    payments = pa.table({"day": [datetime.date(2026, 1, 3), datetime.date(2026, 2, 3)], "total": [5, 7]})
    pq.write_table(payments, tmp_path / "data" / "payments.parquet")
    assert unused_but_imported(tmp_path, words) == ""


def test_only_an_own_process_ends_without_looking_for_garbage() -> None:
    for call, frozen in (("main()", True), ("main(['--help'])", False)):
        code = f"import gc, sys; sys.argv[1:] = ['--help']; from kpi_engine.cli import main; {call}; "
        done = subprocess.run(
            [sys.executable, "-c", f"{code}print(gc.get_freeze_count() > 0)"],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == str(frozen)


ENDS = """
import atexit, os, sys, threading

class Left:
    def __del__(self, write=os.write):
        write(1, b"taken apart, ")

sys.left = Left()
atexit.register(os.write, 1, b"exit functions, ")
sys.argv[1:] = {words!r}
{before}
from kpi_engine.cli import command
command()
"""
AT_ONCE, AS_EVER = "exit functions, ", "exit functions, taken apart, "


def ended(before: str, *words: str) -> tuple[str, int]:
    """How a process of the command ended: what it wrote, and its exit code."""
    code = ENDS.format(before=before, words=list(words))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return done.stdout, done.returncode


def test_the_command_ends_without_taking_its_objects_apart() -> None:
    said, code = ended("", "--version")
    assert ("kpi_engine " in said, AT_ONCE in said, "taken apart" in said, code) == (True, True, False, 0)
    assert ended("", "nonsense") == (AT_ONCE, 2)


WATCHED = (
    "sys.setprofile(eval('lambda *_: None', {}))",
    "sys.settrace(eval('lambda *_: None', {}))",
    "sys.stderr = open(os.devnull, 'w')",
    "threading.Thread(target=threading.main_thread().join).start()",
    "import kpi_engine.extend.own_state",
)


@pytest.mark.parametrize("before", WATCHED)
def test_a_watched_command_ends_as_ever(before: str) -> None:
    assert ended(before, "nonsense") == (AS_EVER, 2)


OWN_THREADS = [("main()", {}, "1"), ("main()", {"OPENBLAS_NUM_THREADS": "2"}, "2"), ("main(['--version'])", {}, "")]


@pytest.mark.parametrize(("call", "given", "expected"), OWN_THREADS)
def test_only_an_own_process_has_no_threads_for_linear_algebra(call: str, given: dict[str, str], expected: str) -> None:
    code = f"import os, sys; sys.argv[1:] = ['--version']; from kpi_engine.cli import main\n{call}\n"
    own = {key: value for key, value in environment(**given).items() if key != "OPENBLAS_NUM_THREADS" or given}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print('=', os.environ.get('OPENBLAS_NUM_THREADS', ''))"],
        env=own,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == f"= {expected}"


def test_pandas_is_left_out_of_own_processes_alone(tmp_path: Path) -> None:
    code = "from kpi_engine.cli import imports; imports.leave_out_pandas(); import sys; print(len(sys.meta_path)); "
    code += "imports.own_process(); imports.leave_out_pandas(); imports.leave_out_pandas(); print(len(sys.meta_path))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after == before + 1


def test_the_check_of_imports_can_fail() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import numpy; {MODULES}", "--version"],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.stderr == "numpy"


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STAND_IN, "200000", "eval", "revenue", "-f", "csv"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"period,")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


WAITS = """
import time
import kpi_engine
vars(kpi_engine)["open"] = lambda *a, **k: (print("on", flush=True), time.sleep(30))
"""


def test_an_interrupt_ends_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"{WAITS}{RUN}; sys.exit(code)", "eval", "revenue"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    assert process.returncode == 130 and b"Traceback" not in error


def in_terminal(folder: Path, width: int, *words: str, **more: str) -> str:
    """What a terminal of this width shows."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", STAND_IN, *words]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(TERM="xterm", COLUMNS=str(width), **more),
        stdout=follower,
        stderr=follower,
        stdin=follower,
    )
    os.close(follower)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([leader], [], [], 1)
        try:
            piece = os.read(leader, 65536) if ready else b""
        except OSError:
            break
        shown += piece
        if not piece and process.poll() is not None:
            break
    os.close(leader)
    assert process.wait(10) == 0
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [80, 50])
def test_a_terminal_shows_a_table_that_fits(tmp_path: Path, width: int) -> None:
    shown = in_terminal(tmp_path, width, "3", "eval", "revenue", NO_COLOR="1")
    assert "\x1b" not in shown
    text = shown.replace("\u202f", " ").replace("\u00a0", " ")
    for cell in ("2026-02", "¥1 234 567.50", "¥199.95", "6 174", "2.4%", "27.8 h", "\N{EN DASH}"):
        assert cell in text
    assert max(map(len, text.splitlines())) <= width
    assert text.rstrip().endswith("as of 2026-03-01 00:00")


def test_colours_only_where_they_are_welcome(tmp_path: Path) -> None:
    assert "\x1b[" in in_terminal(tmp_path, 80, "2", "eval", "revenue")
    assert "\x1b[" not in in_terminal(tmp_path, 80, "2", "eval", "revenue", NO_COLOR="1")


def test_other_formats_go_to_a_terminal_when_asked(tmp_path: Path) -> None:
    assert in_terminal(tmp_path, 80, "2", "eval", "revenue", "-f", "csv", NO_COLOR="1").startswith(
        "period,channel,revenue"
    )


def test_an_output_that_is_closed_or_full_is_no_bug(tmp_path: Path) -> None:
    for words, redirect, code in (
        ("--help", ">&-", 0),
        ("--help", "> /dev/full", 4),
        ("--version", "> /dev/full", 4),
        ("--version", "| true", 0),
        ("eval nothing", "2> /dev/full", 3),
        ("eval nothing --errors json", "2> /dev/full", 3),
    ):
        command = f"set -o pipefail; {sys.executable} -m kpi_engine {words} {redirect}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (command, done.stderr)


def test_formatting_standard_input_can_be_checked(tmp_path: Path) -> None:
    for text, code in (("m=1\n", 1), ("m = 1\n", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "kpi_engine", "fmt", "--check", "-"],
            input=text,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
