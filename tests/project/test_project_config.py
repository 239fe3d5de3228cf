"""kpi.toml, the environment and the flags: what holds, and what is said when something is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.project import find_project, load_config
from kpi_engine.project.config_file import parse_config
from kpi_engine.project.toml_places import place_of

NOTHING: dict[str, str] = {}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kpi.toml").write_text("")
    return tmp_path


def problems(text: str) -> list[str]:
    """What is said about the text of a kpi.toml."""
    with pytest.raises(KpiError) as raised:
        parse_config(SourceText("kpi.toml", text), Path("kpi.toml"))
    assert raised.value.exit_code == ExitCode.DEFINITION
    return [render(diagnostic) for diagnostic in raised.value.diagnostics]


def test_every_setting_is_read(project: Path) -> None:
    (project / "kpi.toml").write_text(
        'name = "shop"\ndefinitions = ["a.kpi", "sub/*.kpi"]\nas_of = 2026-03-31\nplugins = ["one", "two"]\n'
        '[connections.default]\npath = "data"\ndelimiter = ";"\nnull_values = ["?", "NULL"]\n'
        '[connections.erp]\nconnector = "postgres"\nhost = "db"\npassword = {env = "PW"}\n'
    )
    config = load_config(environment=NOTHING)
    assert (config.name, config.definitions, config.as_of) == ("shop", ("a.kpi", "sub/*.kpi"), "2026-03-31")
    assert config.plugins == ("one", "two")
    assert config.folder == project and config.file == project / "kpi.toml"
    default, erp = config.connections["default"], config.connections["erp"]
    assert (default.connector, default.folder) == ("files", str(project / "data"))
    assert default.options == (("delimiter", ";"), ("null_values", ("?", "NULL")))
    assert (erp.connector, erp.options) == ("postgres", (("host", "db"), ("password", (("env", "PW"),))))


def test_an_empty_file_gives_the_defaults(project: Path) -> None:
    config = load_config(environment=NOTHING)
    assert config.definitions == ("*.kpi", "definitions/**/*.kpi")
    assert (config.as_of, config.plugins, config.files) == ("now", (), ())
    assert config.connections["default"].connector == "files"
    assert config.connections["default"].folder == str(project)


def test_an_unknown_setting_is_pointed_at() -> None:
    assert problems('name = "a"\ndefintions = []\n') == [
        "kpi.toml:2:1: error[E703]: kpi.toml has no setting `defintions`\n"
        "     2 | defintions = []\n       | ^^^^^^^^^^\n       = help: did you mean `definitions`?"
    ]
    (text,) = problems('[connections.default]\npath = "data"\ndelimeter = ";"\n')
    assert text.startswith("kpi.toml:3:1: error[E703]: the connection `default` has no setting `delimeter`")
    assert "did you mean `delimiter`?" in text


def test_all_problems_are_reported_at_once() -> None:
    found = problems('name = 3\ndefinitions = "*.kpi"\nas_of = "soon"\nplugins = [1]\nconnections = 2\nzzz = 1\n')
    assert [text.split(": ")[0] for text in found] == [
        "kpi.toml:6:1", "kpi.toml:1:1", "kpi.toml:2:1", "kpi.toml:3:1", "kpi.toml:4:1", "kpi.toml:5:1"
    ]  # fmt: skip
    assert ["E703", *["E704"] * 5] == [text.split("error[")[1][:4] for text in found]


def test_broken_toml_is_pointed_at() -> None:
    (text,) = problems('name = "a"\nas_of = now\n')
    assert text.startswith("kpi.toml:2:9: error[E702]: invalid value")
    (text,) = problems('name = "a')
    assert "error[E702]" in text
    (text,) = problems("a = " + "[" * 2000)
    assert "error[E702]" in text


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        parse_config(SourceText("kpi.toml", text), Path("kpi.toml"))
    except KpiError as error:
        assert all(render(diagnostic) for diagnostic in error.diagnostics)


def test_keys_are_found_where_they_stand() -> None:
    source = SourceText("t", 'a = """\nx\n b = 1\n"""\n\n[ "x y" . z ] # c\n"b" = 2\nc.d = 3\n')
    paths = [("a",), ("x y", "z"), ("x y", "z", "b"), ("x y", "z", "c", "d")]
    assert [place_of(source, path).line for path in paths] == [1, 6, 7, 8]
    assert place_of(source, ("x y", "z", "missing")).line == 6
    assert place_of(source, ("b",)) == Span(source, 0, 0)


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(project: Path) -> None:
    (project / "kpi.toml").write_text(
        'as_of = "data"\nplugins = ["a", "b"]\n[connections.default]\npath = "t"\ntrim = true\n'
    )
    for name in ("flag", "environment"):
        (project / name).mkdir()
    environment = {"KPI_AS_OF": "2026-01-01", "KPI_DATA": "environment", "KPI_PLUGINS": "b,c"}
    config = load_config(environment=environment)
    assert (config.as_of, config.plugins) == ("2026-01-01", ("b",))
    assert config.connections["default"].folder == str(project / "environment")
    assert config.connections["default"].options == (("trim", True),)
    config = load_config(data="flag", environment=environment)
    assert config.connections["default"].folder == str(project / "flag")
    assert load_config(environment=NOTHING).connections["default"].folder == str(project / "t")
    assert load_config(environment={"KPI_PLUGINS": ""}).plugins == ()


def test_a_bad_environment_variable_is_named(project: Path) -> None:
    with pytest.raises(KpiError) as raised:
        load_config(environment={"KPI_AS_OF": "soon"})
    assert render(raised.value.diagnostics[0]).startswith("KPI_AS_OF:1:1: error[E704]: `soon` is not an as-of")
    assert raised.value.exit_code == ExitCode.USAGE


def test_the_nearest_project_upward_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find_project(Path.cwd()) == project
    assert load_config(environment=NOTHING).folder == project
    (inner.parent / "kpi.toml").write_text("")
    assert load_config(environment=NOTHING).folder == inner.parent
    assert load_config(project, environment=NOTHING).folder == project
    assert load_config(project / "kpi.toml", environment=NOTHING).folder == project
    assert load_config(environment={"KPI_PROJECT": str(project)}).folder == project


def test_without_a_project_the_help_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KpiError) as raised:
        load_config(environment=NOTHING)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "E701" and "kpi init" in diagnostic.help
    with pytest.raises(KpiError, match="E701"):
        load_config(tmp_path, environment=NOTHING)
    with pytest.raises(KpiError, match="E710"):
        load_config(definitions="a.kpi", data=tmp_path / "missing", environment=NOTHING)


def test_definitions_by_hand_need_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tables").mkdir()
    config = load_config(definitions=["a.kpi", Path("b.kpi")], data="tables", environment=NOTHING)
    assert config.files == (Path("a.kpi"), Path("b.kpi"))
    assert (config.as_of, config.file) == ("data", None)
    assert config.connections["default"].folder == str(tmp_path / "tables")
    listed = os.pathsep.join(["a.kpi", "b.kpi"])
    assert load_config(environment={"KPI_DEFINITIONS": listed}).files == (Path("a.kpi"), Path("b.kpi"))


def test_definitions_by_hand_inside_a_named_project_keep_its_settings(project: Path) -> None:
    (project / "kpi.toml").write_text('name = "shop"\n[connections.erp]\nconnector = "x"\n')
    config = load_config(project, definitions="a.kpi", environment=NOTHING)
    assert (config.name, config.files, list(config.connections)) == ("shop", (Path("a.kpi"),), ["erp", "default"])


def test_definitions_by_hand_do_not_depend_on_a_project_above(project: Path) -> None:
    (project / "kpi.toml").write_text("nonsense = 1\n")
    assert load_config(definitions="a.kpi", environment=NOTHING).file is None
