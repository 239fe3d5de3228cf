"""`kpi plugins list` and `freeze`, and pins, which are enforced where they are present."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from kpi_engine.extend.pins import Pin
from kpi_engine.managing import with_pins

from .conftest import Project
from .packages import write_pack
from .test_hostile import plugin

TINY = "source entries\n  time: day\n  column day: date\n\nn = count(entries)\n"
TWICE = (
    plugin("return [record('twice', 'twice_plugin:compute')]")
    + """
def compute(arguments, context):
    import pyarrow as pa
    return pa.array([2 * value for value in arguments[0].to_pylist()], pa.int64())
"""
)
TWICE = TWICE.replace("def compute", "\ndef compute")


def provide_twice(project: Project) -> None:
    project.provide("kpi-twice", points={"plugins": {"twice": "twice_plugin"}}, modules={"twice_plugin.py": TWICE})
    project.configure('plugins = ["twice"]\n')
    project.define("doubled = sum(twice(orders.total))\n")


def listed(project: Project) -> dict[str, Any]:
    """What is listed, by name, without the connectors of kpi-sql, which is installed for its own tests."""
    found = json.loads(project.kpi("plugins", "list", "--json")[1])
    return {row["name"]: row for row in found if row["name"] not in ("duckdb", "postgres", "sqlite")}


def test_a_function_of_a_plugin_is_one_of_the_language(project: Project) -> None:
    provide_twice(project)
    assert project.kpi("eval", "doubled")[:2] == (0, "doubled\n24\n")
    assert project.kpi("eval", "doubled", "--where", "twice(total) > 10")[:2] == (0, "doubled\n14\n")
    code, _, err = project.kpi("--no-plugins", "eval", "doubled")
    assert code == 3
    assert "E204" in err


def test_a_format_of_a_plugin_is_written(project: Project) -> None:
    text = """
    from kpi_engine.extend.formats import OutputFormat
    from kpi_engine.extend.hookspecs import hookimpl

    @hookimpl
    def kpi_register_formats():
        return [OutputFormat("shout", "shout", False, "shout_plugin:write", "loud"),
                OutputFormat("broken", "broken", False, "shout_plugin:fail", "not at all")]

    def write(answer, sink, surface):
        sink.write(repr(answer.table.to_pylist()).upper().encode())

    def fail(answer, sink, surface):
        raise ValueError("no ink")
    """
    project.provide("kpi-shout", points={"plugins": {"shout": "shout_plugin"}}, modules={"shout_plugin.py": text})
    project.configure('plugins = ["shout"]\n')
    assert project.kpi("eval", "revenue", "-f", "shout")[:2] == (0, "[{'REVENUE': 12}]")
    assert project.kpi("eval", "revenue", "-o", "a.shout")[0] == 0
    assert (project.folder / "a.shout").read_text() == "[{'REVENUE': 12}]"
    code, _, err = project.kpi("eval", "revenue", "-f", "broken")
    assert code == 4
    assert "the output format `broken` of a plugin failed: ValueError: no ink" in err
    project.configure('plugins = ["shout", "worn"]\n')
    project.provide("kpi-worn", points={"plugins": {"worn": "worn"}}, modules={"worn.py": "raise OSError('worn out')"})
    assert project.kpi("eval", "revenue", "-f", "csv")[0] == 0
    code, _, err = project.kpi("eval", "revenue", "-f", "whisper")
    assert code == 4
    assert "the plugin `worn` (kpi-worn 1.0) was left out: at import: OSError: worn out" in err
    project.configure('plugins = ["shout"]\n')
    code, _, err = project.kpi("eval", "revenue", "-f", "shut")
    assert code == 2
    assert "did you mean `shout`?" in err


@pytest.mark.parametrize(("before", "wanted"), [("", ["shout"]), ("--no-plugins ", [])])
def test_formats_of_plugins_are_completed(
    project: Project, monkeypatch: pytest.MonkeyPatch, before: str, wanted: list[str]
) -> None:
    """Those of plugins that the project names; another one is not even imported, and one that fails has none."""
    marker = project.folder / "imported"
    text = """
    from kpi_engine.extend.formats import OutputFormat
    from kpi_engine.extend.hookspecs import hookimpl
    print("shell words")

    @hookimpl
    def kpi_register_formats():
        return [OutputFormat("shout", "shout", False, "shout_plugin:write", "loud")]
    """
    project.provide("kpi-shout", points={"plugins": {"shout": "shout_plugin"}}, modules={"shout_plugin.py": text})
    project.provide("kpi-other", points={"plugins": {"other": "o"}}, modules={"o.py": f"open({str(marker)!r}, 'w')"})
    project.provide("kpi-worn", points={"plugins": {"worn": "worn"}}, modules={"worn.py": "raise OSError('worn out')"})
    project.configure('plugins = ["shout", "worn"]\n')
    monkeypatch.setenv("_KPI_COMPLETE", "complete_bash")

    def proposed(word: str) -> list[str]:
        line = f"kpi {before}eval revenue --format {word}"
        monkeypatch.setenv("KPI_PLUGINS", "shout,worn,other")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return project.kpi()[1].split()

    assert proposed("sh") == wanted
    assert proposed("cs") == ["csv"]
    assert not marker.exists()


def test_the_list_says_how_each_stands(project: Project) -> None:
    provide_twice(project)
    project.provide("kpi-sql", points={"connectors": {"sql": "sql:Sql"}}, requires=["kpi-engine>=99"])
    for name in ("kpi-a", "kpi-b"):
        project.provide(name, points={"connectors": {"both": "both:Both"}})
    project.provide("kpi-deco", points={"packs": {"deco": "kpi_pack_deco"}})
    project.provide("kpi-sales", version="9.0", points={"packs": {"sales": "kpi_pack_sales"}})
    project.configure('plugins = ["twice", "gone"]\n')
    rows = listed(project)
    assert {name: rows[name]["status"] for name in ("twice", "gone", "sql", "both", "deco")} == {
        "twice": "in use",
        "gone": "not installed",
        "sql": "unusable",
        "both": "unusable",
        "deco": "available",
    }
    assert rows["sql"]["cause"].startswith("it needs kpi-engine >=99")
    assert rows["both"]["cause"] == "the connector `both` is provided by kpi-a 1.0 and kpi-b 1.0"
    assert (rows["twice"]["distribution"], rows["twice"]["version"], rows["twice"]["api"]) == ("kpi-twice", "1.0", "1")
    assert "plugin twice" in project.kpi("plugins", "list")[1]
    off = json.loads(project.kpi("--no-plugins", "plugins", "list", "--json")[1])
    standing = {row["name"]: row["status"] for row in off}
    assert (standing["twice"], standing["both"], standing["deco"]) == ("off", "unusable", "available")
    sales = rows["sales"]
    assert (sales["distribution"], sales["version"], sales["origin"]) == ("kpi-sales", "9.0", "installed")
    assert sales["hides"] == ["the bundled 1.0.0"]


def test_the_list_has_every_pack_and_says_which_is_used(project: Project) -> None:
    """One is bundled, one stands in kpi.toml and is led to by another, one is nowhere, one is broken, two are twice."""
    for name, text in (("shelf", "use tiny\n\nm = n\n"), ("tiny", TINY), ("worn", TINY)):
        write_pack(project.folder / "packs" / name, name, text, version="2.1")
    (project.folder / "packs" / "worn" / "pack.toml").write_text('name = "worn"\n')
    for name in ("kpi-a", "kpi-b"):
        project.provide(name, points={"packs": {"both": f"pack_of_{name[4:]}"}})
    folders = "".join(f'{name} = "packs/{name}"\n' for name in ("shelf", "tiny", "worn", "care"))
    project.configure(f"[packs]\n{folders}")
    project.define("revenue = sum(orders.total)\n\nuse shelf\nuse nowhere as n\nuse sales\n")
    rows = listed(project)
    assert {name: row["status"] for name, row in rows.items()} == {
        "shelf": "in use",
        "tiny": "in use",
        "nowhere": "not installed",
        "sales": "in use",
        "marketing": "available",
        "worn": "unusable",
        "care": "unusable",
        "both": "unusable",
    }
    assert {name: row["origin"] for name, row in rows.items() if row["used"]} == {
        "shelf": "kpi.toml",
        "tiny": "kpi.toml",
        "nowhere": "",
        "sales": "bundled",
    }
    assert (rows["tiny"]["version"], rows["tiny"]["folder"]) == ("2.1", str(project.folder / "packs" / "tiny"))
    assert rows["both"]["cause"] == "the pack `both` is provided by kpi-a 1.0 and kpi-b 1.0"
    assert rows["care"]["cause"] == "there is no pack.toml in packs/care"
    assert rows["care"]["hides"] == ["the bundled 1.0.0"]
    out = project.kpi("plugins", "list")[1]
    assert re.search(r"pack tiny +packs/tiny 2.1 +in use\n", out)
    assert re.search(r"pack marketing +bundled 1.0.0 +available\n", out)
    assert re.search(r"pack care +packs/care +unusable, instead of the bundled 1.0.0: there is no pack.toml", out)
    # The doctor looks at what is used.
    code, out, _ = project.kpi("plugins", "doctor", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert code == 4, "one is not installed"
    assert {name: row["status"] for name, row in found.items()} == {
        "shelf": "works",
        "tiny": "works",
        "nowhere": "not installed",
        "sales": "works",
    }
    assert "`n` has no description, and " in found["tiny"]["cause"]


def test_packs_are_listed_without_a_project(project: Project) -> None:
    (project.folder / "kpi.toml").unlink()
    (project.folder / "m.kpi").unlink()
    assert {name: row["status"] for name, row in listed(project).items()} == dict.fromkeys(
        ("care", "marketing", "sales"), "available"
    )


def test_a_pin_is_written_and_enforced(project: Project) -> None:
    provide_twice(project)
    code, out, err = project.kpi("plugins", "freeze")
    assert (code, out) == (0, "kpi-twice 1.0\n"), err
    pins = tomllib.loads((project.folder / "kpi.toml").read_text())["pins"]
    assert pins["kpi-twice"]["version"] == "1.0"
    assert len(pins["kpi-twice"]["sha256"]) == 64
    assert project.kpi("eval", "doubled")[:2] == (0, "doubled\n24\n")
    # A file that was changed after it was installed.
    module = project.path / "twice_plugin.py"
    module.write_text(TWICE.replace("2 *", "3 *"))
    code, _, err = project.kpi("eval", "doubled")
    assert code == 4
    assert "kpi-twice is not the one that was pinned: twice_plugin.py was changed after it was installed" in err
    assert project.kpi("plugins", "freeze")[0] == 3, "what was changed cannot be pinned"
    # Another list of files, and another version.
    module.write_text(TWICE)
    (project.path / "kpi_twice-1.0.dist-info" / "RECORD").write_text("")
    assert "its list of files is another one" in project.kpi("eval", "doubled")[2]
    project.configure('plugins = ["twice"]\n[pins]\nkpi-twice = { version = "0.9" }\n')
    assert "kpi-twice is pinned to version 0.9, and 1.0 is installed" in project.kpi("eval", "doubled")[2]
    assert listed(project)["twice"]["status"] == "unusable"


def test_a_pin_that_does_not_hold_is_found(project: Project) -> None:
    provide_twice(project)
    # A distribution has many spellings, and its pin holds in each.
    project.configure('plugins = ["twice"]\n[pins]\nKpi_Twice = { version = "0.9" }\n')
    assert "kpi-twice is pinned to version 0.9, and 1.0 is installed" in project.kpi("eval", "doubled")[2]
    code, out, _ = project.kpi("plugins", "doctor", "--json")
    assert code == 4
    assert [(row["kind"], row["name"], row["status"]) for row in json.loads(out)] == [("plugin", "twice", "unusable")]
    # Pins of what the project does not name, or no longer.
    project.configure(
        '[pins]\nkpi-twice = { version = "0.9" }\nkpi-gone = { version = "1" }\npytest = { version = "0" }\n'
    )
    code, out, err = project.kpi("plugins", "doctor")
    assert code == 4
    assert "it is pinned to version 0.9, and 1.0 is installed" in out
    assert "it is pinned and not installed" in out
    assert "3 looked at, 3 not working" in err
    assert project.kpi("plugins", "freeze")[0] == 0, "freezing takes them out"
    assert project.kpi("plugins", "doctor")[0] == 0


def test_freezing_needs_what_is_named(project: Project) -> None:
    project.configure('plugins = ["gone"]\n')
    code, _, err = project.kpi("plugins", "freeze")
    assert code == 3
    assert "the plugin `gone` is not installed" in err


@pytest.mark.parametrize("written", ["kpi-sql = 1", "kpi-sql = { sha256 = 'a' }", "kpi-sql = { version = 1 }"])
def test_a_pin_of_the_wrong_form_is_an_error(project: Project, written: str) -> None:
    project.configure(f"[pins]\n{written}\n")
    code, _, err = project.kpi("eval", "revenue")
    assert code == 3
    assert "the pin `kpi-sql` must have a version" in err


def test_a_file_that_cannot_be_changed_safely_stays(project: Project) -> None:
    provide_twice(project)
    project.configure('plugins = ["twice"]\nname = """\n[pins]\nshop"""\n')
    before = (project.folder / "kpi.toml").read_text()
    code, _, err = project.kpi("plugins", "freeze")
    assert code == 3
    assert "cannot be changed safely" in err
    assert (project.folder / "kpi.toml").read_text() == before


def test_every_other_line_of_kpi_toml_stays() -> None:
    text = (
        '# mine\nname = "shop"\n\n[pins]  # old\nold = { version = "1" }\n\n[connections.a]\nfoo = [\n  "[pins]",\n]\n'
    )
    pinned = with_pins(text, {"kpi.b": Pin("2", "ff")})
    assert "old" not in pinned
    assert tomllib.loads(pinned)["pins"] == {"kpi.b": {"version": "2", "sha256": "ff"}}
    assert pinned.startswith('# mine\nname = "shop"\n\n[connections.a]\n')
    assert with_pins(pinned, {"kpi.b": Pin("2", "ff")}) == pinned
    assert tomllib.loads(with_pins(pinned, {})) == {"name": "shop", "connections": {"a": {"foo": ["[pins]"]}}}
