"""What an own process has late: functions of `pyarrow.compute`, the same ones, and NumPy's docstrings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}

LATE = """
import sys
from kpi_engine.cli import imports
imports.own_process()
imports.make_functions_late()
{before}
import pyarrow as pa
import pyarrow.compute as pc
"""


def said(after: str, before: str = "") -> list[str]:
    """The lines that a process of its own writes, whose functions are made late."""
    code = LATE.format(before=before) + after
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


SHOWN = """
import inspect
early = vars(pc).get("add")
names = sorted(set(pc.list_functions()) | {"and_", "or_", "cast", "nonsense", "_hidden", "count_all", "hash_sum"})
for name in names:
    found = getattr(pc, name, None)
    parts = (getattr(found, "__name__", ""), getattr(found, "__arrow_compute_function__", ""))
    print(name, found and inspect.signature(found), *parts)
print(early is None, vars(pc).get("add") is pc.add, "pydoc" in sys.modules)
"""


def test_functions_made_late_are_those_of_pyarrow() -> None:
    late, plain = said(SHOWN), said(SHOWN, "sys.meta_path.pop(0)")
    assert len(late) > 250
    assert late[:-1] == plain[:-1]
    assert (late[-1], plain[-1]) == ("True True False", "False True True")


COMPUTED = """
both = pa.array([True, None]), pa.array([False, True])
print(pc.and_(*both).to_pylist(), getattr(pc, "and")(*both).to_pylist(), pc.and_.__name__, pc.add(1, 2))
print(pc.round(pa.array([1.26]), ndigits=1)[0], pc.utf8_zfill(pa.array(["7"]), 3)[0], pa.array([3, 1]).sort()[0])
print(pc.__spec__.loader is pc.__loader__, type(pc.__loader__).__module__.startswith("kpi_engine"))
from pyarrow.compute import subtract
from pyarrow.vendored import docscrape
print(subtract(3, 1), bool(docscrape.__file__), pc.function_registry is pa._compute.function_registry)
"""


def test_functions_made_late_work() -> None:
    assert said(COMPUTED) == [
        "[False, None] [False, None] and_ 3",
        "1.3 007 1",
        "True False",
        "2 True True",
    ]


UNLIKE = (
    "import kpi_engine.cli.late_functions as late; late._AT_IMPORT = ()",
    "import kpi_engine.cli.late_functions as late; late._silent = lambda: None",
)
"""A pyarrow that looks at other functions while it is imported, or reads docstrings otherwise."""


@pytest.mark.parametrize("before", UNLIKE)
def test_another_pyarrow_is_imported_plainly(before: str) -> None:
    assert said('print(hasattr(pc, "__getattr__"), "add" in vars(pc), pc.add(1, 2))', before) == ["False True 3"]


def test_functions_are_late_in_own_processes_alone() -> None:
    late = "imports.make_functions_late(); "
    code = f"import sys; from kpi_engine.cli import imports; {late}print(len(sys.meta_path)); "
    code += f"imports.own_process(); {late}{late}print(len(sys.meta_path))"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after == before + 1


DOCUMENTED = """
import sys
from kpi_engine.cli import imports
{before}
imports.leave_out_documentation()
import numpy
print(numpy.ndarray.sum.__doc__ is None, numpy.int64.__doc__ is None, numpy.arange(3).sum())
imports.complete_documentation()
print(numpy.ndarray.sum.__doc__ is None, "signed integer" in numpy.int64.__doc__)
"""


@pytest.mark.parametrize(("before", "is_late"), [("imports.own_process()", True), ("", False)])
def test_docstrings_of_numpy_are_late_in_own_processes_alone(before: str, is_late: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DOCUMENTED.format(before=before)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert (first.split()[0], first.split()[-1], second) == (str(is_late), "3", "False True")


SESSION = """
import sys
from kpi_engine.cli import imports
from kpi_engine.cli.session import Session
imports.own_process()
Session({folder!r}).open()
import numpy
print(numpy.ndarray.sum.__doc__ is None, sum("Late" in type(finder).__name__ for finder in sys.meta_path))
"""


@pytest.mark.parametrize(("plugins", "expected"), [("", "True 2"), ('plugins = ["geo"]\n', "False 1")])
def test_a_project_with_plugins_has_all_of_it(tmp_path: Path, plugins: str, expected: str) -> None:
    (tmp_path / "kpi.toml").write_text(f'name = "shop"\n{plugins}definitions = ["a.kpi"]\n')
    (tmp_path / "a.kpi").write_text("source orders\n  column total: integer\n")
    done = subprocess.run(
        [sys.executable, "-c", SESSION.format(folder=str(tmp_path))],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [expected]
