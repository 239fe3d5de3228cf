"""Plugins that touch what belongs to the process: answers stay whole, and what was changed is put back."""

from __future__ import annotations

import locale
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from kpi_engine.extend.loading import LoadFailure, watched
from kpi_engine.extend.own_state import own_output, put_back

from .conftest import Project
from .packages import ROOT
from .test_hostile import FUNCTION, HOOK

LOUD = f"""{HOOK}{FUNCTION}
import sys
print("hello from the import")

@hookimpl
def kpi_register_functions():
    print("hello from the hook")
    sys.stdout.write("and again\\n")
    sys.stdout.close()
    return [record("loud", "bad:compute", signature)]

def signature(arguments):
    print("hello from the signature")
    return INTEGER

def compute(arguments, context):
    print("hello from the lowering", file=sys.stdout)
    sys.stdout.buffer.write(b"bytes of the lowering\\n")
    return arguments[0]
"""
LOUD_CONNECTOR = """
import pyarrow as pa
from kpi_engine.extend.scans import stream_scan

SCHEMA = pa.schema([("day", pa.date32()), ("n", pa.int64())])

class Bad:
    def __init__(self, settings): print("hello from the connector")
    def tables(self): return ["t"]
    def schema(self, table): return SCHEMA
    def scan(self, request):
        print("hello from the scan")
        def batches():
            print("hello from the stream")
            yield pa.RecordBatch.from_pydict({"day": [20500], "n": [4]}, SCHEMA)
            print("goodbye from the stream")
        return stream_scan(request, SCHEMA, batches)
"""


def test_what_plugins_print_is_no_part_of_an_answer(project: Project) -> None:
    points = {"plugins": {"bad": "bad"}, "connectors": {"loud": "loud:Bad"}}
    project.provide("kpi-bad", points=points, modules={"bad.py": LOUD, "loud.py": LOUD_CONNECTOR})
    project.configure('plugins = ["bad"]\n[connections.other]\nconnector = "loud"\n')
    source = "source t\n  connection: other\n  time: day\n  column day: date\n  column n: integer\n\n"
    project.define(f"loud_total = sum(loud(orders.total))\n\n{source}n = sum(t.n)\n")
    code, out, err = project.kpi("eval", "loud_total", "n", "-f", "csv")
    assert (code, out) == (0, "loud_total,n\n12,4\n"), err
    for part in ("import", "hook", "signature", "lowering", "connector", "scan", "stream"):
        assert f"hello from the {part}\n" in err
    for line in ("and again\n", "bytes of the lowering\n", "goodbye from the stream\n"):
        assert line in err


CHANGES = {
    "the working folder": "import os; os.chdir('/')",
    "the locale": "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8' if X == 'C' else 'C')".replace(
        "X", "locale.setlocale(locale.LC_ALL)"
    ),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("where", ["import", "hook"])
def test_what_a_plugin_changes_is_put_back_and_told(project: Project, what: str, where: str) -> None:
    before = (Path.cwd(), locale.setlocale(locale.LC_ALL))
    at_import, in_hook = (CHANGES[what], "pass") if where == "import" else ("", CHANGES[what])
    text = f"{HOOK}{at_import}\n@hookimpl\ndef kpi_register_functions():\n    {in_hook}\n    return []\n"
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules={"bad.py": text})
    project.configure('plugins = ["bad"]\n')
    code, out, err = project.kpi("eval", "revenue")
    assert (code, out) == (0, "revenue\n12\n")
    assert (Path.cwd(), locale.setlocale(locale.LC_ALL)) == before
    told = f"the plugin `bad` (kpi-bad 1.0) changed {what}, and it was put back"
    assert told in err
    if where == "hook":  # an import happens once a process
        code, out, _ = project.kpi("check")
        assert code == 1
        assert f"warning[W752]: {told}" in out


def test_filters_of_warnings_are_put_back_without_a_word() -> None:
    before = list(warnings.filters)
    with put_back() as changed:
        warnings.simplefilter("ignore")
    assert (list(warnings.filters), changed) == (before, [])


def test_other_threads_keep_their_output(capsys: pytest.CaptureFixture[str]) -> None:
    inside, printed = threading.Event(), threading.Event()

    def foreign() -> None:
        with own_output():
            inside.set()
            printed.wait(5)
            sys.stdout.write("foreign\n")

    thread = threading.Thread(target=foreign)
    thread.start()
    inside.wait(5)
    sys.stdout.write("ours\n")
    printed.set()
    thread.join()
    sys.stdout.write("ours, too\n")
    assert capsys.readouterr() == ("ours\nours, too\n", "foreign\n")


def run(project: Project, text: str) -> subprocess.CompletedProcess[str]:
    """`kpi eval revenue` in a process of its own, with a plugin of this text."""
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules={"bad.py": text})
    project.configure('plugins = ["bad"]\n')
    path = os.pathsep.join([str(project.path), str(ROOT)])
    command = [sys.executable, "-m", "kpi_engine", "eval", "revenue"]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=60)


IDLE = f"{HOOK}@hookimpl\ndef kpi_register_functions():\n    return []\n"


@pytest.mark.parametrize(
    "how", ["sys.__stdout__.close()", "os.close(1); os.open('stolen.txt', os.O_RDWR | os.O_CREAT)"]
)
def test_a_standard_output_that_a_plugin_closes_is_opened_again(project: Project, how: str) -> None:
    done = run(project, f"import os, sys\n{how}\n{IDLE}")
    assert (done.returncode, done.stdout) == (0, "revenue\n12\n")
    assert "changed standard output, and it was put back" in done.stderr
    stolen = project.folder / "stolen.txt"
    assert not stolen.exists() or stolen.read_text() == ""


def test_a_thread_that_never_ends_does_not_hold_the_process(project: Project) -> None:
    started = time.monotonic()
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(50,), daemon=False).start()\n"
    done = run(project, thread + IDLE)
    assert (done.returncode, done.stdout) == (0, "revenue\n12\n"), done.stderr
    assert time.monotonic() - started < 40


def test_a_thread_that_ends_soon_may_finish(project: Project) -> None:
    late = project.folder / "late.txt"
    body = f"def work():\n    time.sleep(0.5)\n    open({str(late)!r}, 'w').write('done')\n"
    start = "threading.Thread(target=work, daemon=False).start()\n"
    run(project, f"import threading, time\n{body}{start}{IDLE}")
    assert late.read_text() == "done"


def test_code_that_is_left_behind_leaves_the_streams() -> None:
    before, go_on = (sys.stdout, sys.stderr), threading.Event()
    with pytest.raises(LoadFailure, match="the hook did not end within"):
        watched(lambda: go_on.wait(5), "in a hook", "the hook", longest=0.01)
    assert (sys.stdout, sys.stderr) == before
    go_on.set()


def test_a_stream_that_was_given_up_is_closed(tmp_path: Path) -> None:
    """`own_output` leaves the streams as it found them, whatever foreign code put in their place."""
    before = sys.stdout
    with own_output():
        sys.stdout = (tmp_path / "a").open("w")
        sys.stdout.close()
    assert sys.stdout is before
