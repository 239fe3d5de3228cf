"""Plugins that misbehave: each is named with its cause, nothing else breaks, and what needs it says so again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kpi_engine.extend import loading

from .conftest import Project

HOOK = "from kpi_engine.extend.hookspecs import hookimpl\n"
FUNCTION = """
from kpi_engine.extend.functions import Example, Function, Parameter
from kpi_engine.ir.types import INTEGER

def record(name, lowering="bad:compute", result=lambda arguments: INTEGER, level="row"):
    return Function(name, level, (Parameter("x", "a number"),), result, "a number", "Something.", (), lowering)
"""


def plugin(body: str) -> str:
    """A module with one hook that registers functions."""
    return f"{HOOK}{FUNCTION}\n@hookimpl\ndef kpi_register_functions():\n    {body}\n"


HOSTILE = {
    "raises at import": ("raise RuntimeError('no licence')", "at import: RuntimeError: no licence"),
    "exits at import": ("raise SystemExit(3)", "it ends the process (exit code 3)"),
    "interrupts at import": ("raise KeyboardInterrupt", "at import: KeyboardInterrupt"),
    "lacks a package": (
        "import no_such_package_at_all",
        "ModuleNotFoundError: No module named 'no_such_package_at_all'",
    ),
    "is no Python": ("def (:", "SyntaxError"),
    "recurses at import": ("def f(): f()\nf()", "RecursionError"),
    "never ends its import": ("import time\ntime.sleep(60)", "its import did not end within 0.2 s"),
    "has no hook": ("x = 1", "it has no hook"),
    "has an unknown hook": (
        f"{HOOK}@hookimpl\ndef kpi_register_function(): return []",
        "there is no hook `kpi_register_func",
    ),
    "wants an unknown argument": (f"{HOOK}@hookimpl\ndef kpi_register_functions(registry): return []", "registry"),
    "raises in a hook": (plugin("raise ValueError('broken')"), "in kpi_register_functions: ValueError: broken"),
    "exits in a hook": (plugin("raise SystemExit(0)"), "it ends the process (exit code 0)"),
    "never ends a hook": (plugin("import time; time.sleep(60)"), "kpi_register_functions did not end within 0.2 s"),
    "returns nothing": (plugin("pass"), "kpi_register_functions returns NoneType"),
    "returns a text": (plugin("return 'abc'"), "kpi_register_functions returns str"),
    "returns other things": (plugin("return [1]"), "kpi_register_functions gives int, and not Function"),
    "yields and then fails": (plugin("yield record('f'); raise OSError('gone')"), "OSError: gone"),
    "names no lowering": (plugin("return [record('f', '')]"), "without a lowering"),
    "adds an aggregate": (plugin("return [record('f', level='aggregate')]"), "only row functions can be added"),
    "registers twice": (plugin("return [record('f'), record('f')]"), "two records of the name `f`"),
    "gives a list of connectors": (f"{HOOK}@hookimpl\ndef kpi_register_connectors(): return ['a']", "returns list"),
    "gives a connector that is none": (f"{HOOK}@hookimpl\ndef kpi_register_connectors(): return {{'a': 1}}", "'a'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_plugin_is_left_out_and_named(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LONGEST", 0.2 if "never" in name else 20.0)
    text, cause = HOSTILE[name]
    module = name.replace(" ", "_") if "never" in name else "bad"  # its import goes on, and holds that name
    project.provide("kpi-bad", points={"plugins": {"bad": module}}, modules={f"{module}.py": text})
    project.configure('plugins = ["bad"]\n')
    code, out, err = project.kpi("eval", "revenue")
    assert (code, out) == (0, "revenue\n12\n"), err
    assert "the plugin `bad` (kpi-bad 1.0) was left out: " in err
    assert cause in err
    # What may need it says so again.
    project.define("revenue = sum(bad_function(orders.total))\n")
    code, _, err = project.kpi("eval", "revenue")
    assert code == 4
    assert "E752" in err
    assert cause in err


SHADOWS = {
    "a function": (plugin("return [record('round')]"), "the function `round` exists already"),
    "a format": (
        f"{HOOK}from kpi_engine.extend.formats import OutputFormat\n@hookimpl\ndef kpi_register_formats():\n"
        "    return [OutputFormat('csv', 'x', False, 'a:b', '')]",
        "the format `csv` exists already",
    ),
    "an ending": (
        f"{HOOK}from kpi_engine.extend.formats import OutputFormat\n@hookimpl\ndef kpi_register_formats():\n"
        "    return [OutputFormat('own', 'csv', False, 'a:b', '')]",
        "the ending .csv of its format belongs to `csv`",
    ),
    "the connector of files": (
        f"{HOOK}@hookimpl\ndef kpi_register_connectors():\n    return {{'files': print}}",
        "the connector `files` exists already",
    ),
}


@pytest.mark.parametrize("what", SHADOWS)
def test_nothing_built_in_can_be_replaced(project: Project, what: str) -> None:
    text, cause = SHADOWS[what]
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules={"bad.py": text})
    project.configure('plugins = ["bad"]\n')
    code, out, err = project.kpi("eval", "revenue")
    assert (code, out) == (4, "")
    assert "E751" in err
    assert cause in err
    assert project.kpi("--no-plugins", "eval", "revenue")[:2] == (0, "revenue\n12\n")


def test_two_distributions_of_one_name_are_both_named(project: Project) -> None:
    for name in ("kpi-one", "kpi-two"):
        project.provide(name, points={"plugins": {"bad": f"mod_{name[4:]}"}}, modules={f"mod_{name[4:]}.py": "raise 1"})
    project.configure('plugins = ["bad"]\n')
    code, _, err = project.kpi("eval", "revenue")
    assert code == 4
    assert "the plugin `bad` is provided by kpi-one 1.0 and kpi-two 1.0" in err


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"api": "2"}, "it is written for version 2 of the interface, and this engine has version 1"),
        ({"requires": ["kpi-engine>=99"]}, "it needs kpi-engine >=99, and this is"),
        ({"requires": ["KPI_Engine (<0.0.1); python_version > '3'"]}, "it needs kpi-engine <0.0.1"),
    ],
)
def test_a_plugin_for_another_engine_is_not_imported(project: Project, parts: dict[str, Any], cause: str) -> None:
    marker = project.folder / "imported"
    modules = {"bad.py": f"open({str(marker)!r}, 'w')"}
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules=modules, **parts)
    project.configure('plugins = ["bad"]\n')
    code, out, err = project.kpi("eval", "revenue")
    assert (code, out) == (0, "revenue\n12\n")
    assert cause in err
    # What may need it says so again.
    project.define("revenue = sum(bad_function(orders.total))\n")
    code, _, err = project.kpi("eval", "revenue")
    assert code == 4
    assert "E752" in err
    assert cause in err
    assert not marker.exists()


def test_what_is_not_named_is_never_imported(project: Project) -> None:
    marker = project.folder / "imported"
    points = {"plugins": {"bad": "bad"}, "connectors": {"worse": "bad:Worse"}}
    project.provide("kpi-bad", points=points, modules={"bad.py": f"open({str(marker)!r}, 'w')"})
    for words in (("eval", "revenue"), ("check",), ("plugins", "list"), ("plugins", "doctor"), ("list",)):
        assert project.kpi(*words)[0] == 0
    # Named, but switched off.
    project.configure('plugins = ["bad"]\n[connections.other]\nconnector = "worse"\n')
    assert project.kpi("--no-plugins", "eval", "revenue")[:2] == (0, "revenue\n12\n")
    assert project.kpi("plugins", "list")[0] == 0
    # A connector is imported when a source is read from it, and not before.
    project.configure('[connections.other]\nconnector = "worse"\n')
    assert project.kpi("eval", "revenue")[:2] == (0, "revenue\n12\n")
    assert not marker.exists()


def test_the_environment_may_only_remove(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules={"bad.py": "raise RuntimeError('loaded')"})
    monkeypatch.setenv("KPI_PLUGINS", "bad")
    assert "loaded" not in project.kpi("eval", "revenue")[2]
    project.configure('plugins = ["bad"]\n')
    assert "loaded" in project.kpi("eval", "revenue")[2]
    monkeypatch.setenv("KPI_PLUGINS", "other")
    assert "loaded" not in project.kpi("eval", "revenue")[2]


def test_a_plugin_that_is_not_installed_is_an_error_with_advice(project: Project) -> None:
    project.provide("kpi-geo", points={"plugins": {"geo": "geo"}}, modules={"geo.py": ""})
    project.configure('plugins = ["gei"]\n')
    code, _, err = project.kpi("eval", "revenue")
    assert code == 3
    assert "there is no plugin `gei`" in err
    assert "did you mean `geo`?" in err
    assert "kpi.toml:2" in err
    project.configure('plugins = ["weather"]\n')
    assert "pip install kpi-weather" in project.kpi("eval", "revenue")[2]


def test_a_slow_import_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "SLOW", 0.05)
    text = "import time\ntime.sleep(0.1)\n" + plugin("return []")
    project.provide("kpi-slow", points={"plugins": {"slow": "slow"}}, modules={"slow.py": text})
    project.configure('plugins = ["slow"]\n')
    code, out, err = project.kpi("eval", "revenue")
    assert (code, out) == (0, "revenue\n12\n")
    assert "the plugin `slow` (kpi-slow 1.0) took 0." in err


COMPUTE = {
    "raises": ("raise ZeroDivisionError('oops')", "the plugin `bad` failed: ZeroDivisionError: oops"),
    "exits": ("raise SystemExit(9)", "the plugin `bad` failed: it ends the process (exit code 9)"),
    "gives no array": ("return [1, 2]", "the plugin `bad` gives list"),
    "gives too few values": ("import pyarrow as pa; return pa.array([1])", "gives Int64Array of 1 values for "),
}


@pytest.mark.parametrize("name", COMPUTE)
def test_a_function_that_fails_is_told_as_its_plugins(project: Project, name: str) -> None:
    body, cause = COMPUTE[name]
    text = plugin("return [record('twice')]") + f"\ndef compute(arguments, context):\n    {body}\n"
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules={"bad.py": text})
    project.configure('plugins = ["bad"]\n')
    project.define("revenue = sum(orders.total)\nother = sum(twice(orders.total))\n")
    code, _, err = project.kpi("eval", "other")
    assert code == 4
    assert cause in err
    assert project.kpi("eval", "revenue")[:2] == (0, "revenue\n12\n")


@pytest.mark.parametrize(
    ("result", "cause"),
    [("lambda arguments: 1 / 0", "ZeroDivisionError"), ("lambda arguments: 'integer'", "gives str for a type")],
)
def test_a_signature_that_fails_is_told_as_its_plugins(project: Project, result: str, cause: str) -> None:
    text = plugin(f"return [record('twice', result={result})]")
    project.provide("kpi-bad", points={"plugins": {"bad": "bad"}}, modules={"bad.py": text})
    project.configure('plugins = ["bad"]\n')
    project.define("other = sum(twice(orders.total))\n")
    code, _, err = project.kpi("eval", "other")
    assert code == 3
    assert "the plugin `bad`" in err
    assert cause in err


CONNECTORS = {
    "raises at import": ("raise RuntimeError('no driver')", "E627", "at import: RuntimeError: no driver"),
    "is missing": ("x = 1", "E627", "AttributeError"),
    "never ends its import": ("import time\ntime.sleep(60)", "E627", "its import did not end within 0.2 s"),
    "exits at import": ("raise SystemExit(3)", "E627", "it ends the process (exit code 3)"),
    "cannot be made": (
        "class Bad:\n    def __init__(self, settings): raise OSError('no route')",
        "E628",
        "OSError: no route",
    ),
    "has no methods": ("class Bad:\n    def __init__(self, settings): pass", "E626", "has no method `tables`"),
    "cannot scan": (
        "class Bad:\n    def __init__(self, s): pass\n    def tables(self): return []\n"
        "    def schema(self, table): return {'a': 1}\n    def scan(self, request): pass",
        "E628",
        "no attribute 'pushed'",
    ),
    "exits": (
        "class Bad:\n    def __init__(self, s): pass\n    def tables(self): return []\n"
        "    def schema(self, table): return None\n    def scan(self, request): raise SystemExit(5)",
        "E628",
        "it ends the process (exit code 5)",
    ),
}


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_that_fails_is_told_where_it_is_needed(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LONGEST", 0.2 if "never" in name else 20.0)
    text, code, cause = CONNECTORS[name]
    module = "sleeping" if "never" in name else "bad"  # its import goes on, and holds that name
    project.provide("kpi-bad", points={"connectors": {"bad": f"{module}:Bad"}}, modules={f"{module}.py": text})
    project.configure('[connections.other]\nconnector = "bad"\n')
    source = 'source visits\n  table: "v"\n  connection: other\n  time: day\n  column day: date\n'
    project.define(f"revenue = sum(orders.total)\n\n{source}\nvisits_ = count(visits)\n")
    assert project.kpi("eval", "revenue")[:2] == (0, "revenue\n12\n")
    exit_code, _, err = project.kpi("eval", "visits_")
    assert exit_code == 4, err
    assert code in err
    assert "the connector `bad` (kpi-bad 1.0)" in err
    assert cause in err


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"api": "2"}, "it is written for version 2 of the interface, and this engine has version 1"),
        ({"requires": ["kpi-engine>=99"]}, "it needs kpi-engine >=99, and this is"),
    ],
)
def test_a_connector_for_another_engine_is_not_imported(project: Project, parts: dict[str, Any], cause: str) -> None:
    marker = project.folder / "imported"
    modules = {"bad.py": f"open({str(marker)!r}, 'w')"}
    project.provide("kpi-bad", points={"connectors": {"bad": "bad:Bad"}}, modules=modules, **parts)
    project.configure('[connections.other]\nconnector = "bad"\n')
    project.define("source visits\n  connection: other\n  time: day\n  column day: date\n\nv = count(visits)\n")
    code, _, err = project.kpi("eval", "v")
    assert code == 4
    assert "E627" in err
    assert cause in err
    assert not marker.exists()


def test_the_connector_of_files_cannot_be_replaced(project: Project) -> None:
    marker = project.folder / "imported"
    modules = {"bad.py": f"open({str(marker)!r}, 'w')"}
    project.provide("kpi-bad", points={"connectors": {"files": "bad:Bad"}}, modules=modules)
    assert project.kpi("eval", "revenue")[:2] == (0, "revenue\n12\n")
    assert not marker.exists()
    out = project.kpi("plugins", "list")[1]
    assert "unusable: the connector `files` is built in, and nothing is ever replaced" in out


def test_a_connector_that_is_not_installed_stops_only_what_reads_from_it(project: Project) -> None:
    project.configure('[connections.other]\nconnector = "desk"\n')
    code, out, _ = project.kpi("check")
    assert code == 4
    assert "connection other: error[E621]: there is no connector `desk`" in out
    assert project.kpi("eval", "revenue")[:2] == (0, "revenue\n12\n")
    source = "source visits\n  connection: other\n  time: day\n  column day: date\n\n"
    project.define(f"revenue = sum(orders.total)\n\n{source}v = count(visits)\n")
    assert project.kpi("eval", "revenue")[:2] == (0, "revenue\n12\n")
    out = project.kpi("check", "--format", "concise")[1]
    assert out == "m.kpi:9:8: error[E621]: connection other: there is no connector `desk`\n"
    code, _, err = project.kpi("eval", "v")
    assert code == 4
    assert "there is no connector `desk`" in err
    assert "`pip install kpi-desk`" in err


def test_a_check_names_plugins_and_connectors_that_fail(project: Project) -> None:
    text = "class Bad:\n    def __init__(self, s): pass\n    def tables(self): return []\n"
    text += "    def schema(self, table): return {'a': 1}\n    def scan(self, request): pass\n"
    project.provide(
        "kpi-bad", points={"connectors": {"bad": "bad:Bad"}, "plugins": {"bad": "bad"}}, modules={"bad.py": text}
    )
    project.configure('plugins = ["bad"]\n[connections.other]\nconnector = "bad"\n')
    project.define("source visits\n  connection: other\n  time: day\n  column day: date\n\nv = count(visits)\n")
    out = project.kpi("check")[1]
    assert "kpi.toml:2:1: warning[W750]: the plugin `bad` (kpi-bad 1.0) was left out: it has no hook" in out
    assert "E626]: connection other: the connector `bad` (kpi-bad 1.0) gives dict for a schema" in out


def test_a_connector_of_a_plugin_is_told_with_its_package(project: Project) -> None:
    text = f"{HOOK}@hookimpl\ndef kpi_register_connectors():\n    return {{'odd': lambda settings: 1 / 0}}"
    project.provide("kpi-odd", points={"plugins": {"odd": "odd_plugin"}}, modules={"odd_plugin.py": text})
    project.configure('plugins = ["odd"]\n[connections.other]\nconnector = "odd"\n')
    project.define("source visits\n  connection: other\n  time: day\n  column day: date\n\nv = count(visits)\n")
    code, _, err = project.kpi("eval", "v")
    assert code == 4
    assert "the connector `odd` (kpi-odd 1.0) failed: ZeroDivisionError" in err


def test_two_connectors_of_one_name_are_both_named(project: Project) -> None:
    for name in ("kpi-one", "kpi-two"):
        project.provide(name, points={"connectors": {"bad": "bad:Bad"}})
    project.configure('[connections.other]\nconnector = "bad"\n')
    project.define("source visits\n  connection: other\n  time: day\n  column day: date\n\nv = count(visits)\n")
    code, _, err = project.kpi("eval", "v")
    assert code == 4
    assert "the connector `bad` is provided by kpi-one 1.0 and kpi-two 1.0" in err


def test_a_doctor_looks_in_a_process_of_its_own(project: Project) -> None:
    bodies = {
        "leaves": "import os\nos._exit(7)",
        "crashes": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
        "works": plugin("return [record('twice')]"),
    }
    for name, body in bodies.items():
        project.provide(f"kpi-{name}", points={"plugins": {name: name}}, modules={f"{name}.py": body})
    project.configure(f"plugins = {json.dumps(list(bodies))}\n")
    code, out, _ = project.kpi("plugins", "doctor", "--json")
    assert code == 4
    found = {row["name"]: row for row in json.loads(out)}
    assert found["leaves"]["cause"] == "it ends the process at once (exit code 7)"
    assert found["crashes"]["cause"] == "it crashes the process (signal 11)"
    assert found["works"]["status"] == "works"
    assert found["works"]["provides"] == ["function twice"]
