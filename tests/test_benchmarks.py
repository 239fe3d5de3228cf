"""The benchmark works at its smallest size: kpi_engine, DuckDB and Polars give equal answers. Nothing is timed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
ORDERS = "20_000"

# One process for all questions: imports are most of the time.
EQUAL = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from compare import differences
from questions import QUESTIONS
from ways import duckdb_sql, engine, polars_lazy

data = Path(sys.argv[2])
for name in sys.argv[3:] or QUESTIONS:
    question = QUESTIONS[name]
    expected = duckdb_sql.answer(question, data)
    assert len(expected) > 30
    ours = engine.rows(question, engine.answer(question, data))
    for way, found in (("kpi_engine", ours), ("Polars", polars_lazy.answer(question, data))):
        for line in differences(question, expected, found)[:5]:
            print(name, way, line)
"""


def program(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def generate(data: Path, *more: str) -> None:
    program(str(BENCHMARKS / "generate.py"), "--data", str(data), *more)


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("benchmark") / "months"
    generate(data, "--orders", ORDERS)
    return data


def different(data: Path, *questions: str) -> str:
    return program("-c", EQUAL, str(BENCHMARKS), str(data), *questions)


def test_all_answers_are_equal(months: Path) -> None:
    assert different(months) == ""


@pytest.mark.parametrize(
    ("ids", "layout", "questions"),
    [("long", "one", ("visitors", "retention")), ("short", "csv", ("tickets",))],
)
def test_other_files_give_equal_answers(tmp_path: Path, ids: str, layout: str, questions: tuple[str, ...]) -> None:
    generate(tmp_path / "data", "--orders", ORDERS, "--ids", ids, "--layout", layout)
    assert different(tmp_path / "data", *questions) == ""


def test_a_wrong_answer_is_noticed(months: Path) -> None:
    code = EQUAL.replace("ours = engine.rows(question, engine.answer(question, data))", "ours = expected[1:]")
    wrong = "(*row[:-1], (row[-1] or 0) + 1)"
    code = code.replace("polars_lazy.answer(question, data)", f"[{wrong} for row in expected]")
    found = program("-c", code, str(BENCHMARKS), str(months))
    assert found.count("kpi_engine only one answer has the row") == 12
    assert found.count("Polars") >= 12


def test_the_appended_day_is_the_last_one(months: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    generate(data, "--hold-back-day-of", str(months))
    count = "import sys, pyarrow.dataset as d; print(d.dataset(sys.argv[1] + '/orders', format='parquet').count_rows())"
    before = int(program("-c", count, str(data)))
    generate(data, "--append-day")
    after = int(program("-c", count, str(data)))
    assert before < after == int(ORDERS)
