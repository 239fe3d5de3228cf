"""Where the store of a project is, how large it may be, and who has none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import kpi_engine
from kpi_engine import KpiError
from kpi_engine.hosting import store_of
from kpi_engine.ir.diagnostic import ExitCode
from kpi_engine.ir.render import render
from kpi_engine.ir.sizes import size_of
from kpi_engine.ir.span import SourceText
from kpi_engine.project import load_config
from kpi_engine.project.config_file import parse_config
from kpi_engine.project.settings import StoreSettings
from kpi_engine.store import FolderStore

NOTHING: dict[str, str] = {}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one metric in the working folder."""
    for name in [name for name in os.environ if name.startswith("KPI_STORE")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "kpi.toml").write_text('as_of = "data"\n')
    (folder / "metrics.kpi").write_text(
        "source orders\n  time: day\n  column day: date\n  column total: integer\n\ntakings = sum(orders.total)\n"
    )
    (folder / "orders.csv").write_text("day,total\n2026-03-01,5\n2026-03-02,7\n")
    return folder


def settings(environment: dict[str, str] = NOTHING, **given: object) -> StoreSettings:
    return load_config(environment=environment, **given).store  # type: ignore[arg-type]


def problems(text: str) -> list[str]:
    """What is said about the text of a kpi.toml."""
    with pytest.raises(KpiError) as raised:
        parse_config(SourceText("kpi.toml", text), Path("kpi.toml"))
    assert raised.value.exit_code == ExitCode.DEFINITION
    return [render(diagnostic) for diagnostic in raised.value.diagnostics]


def test_a_project_has_a_store_beside_its_kpi_toml(project: Path) -> None:
    assert settings() == StoreSettings(project / ".kpi" / "state")
    (project / "sub").mkdir()
    os.chdir("sub")
    assert settings().folder == project / ".kpi" / "state"
    store = store_of(load_config(environment=NOTHING))
    assert isinstance(store, FolderStore) and store.folder == project / ".kpi" / "state" and store.limit is None


def test_files_that_are_named_by_hand_have_none_until_one_is_named(project: Path) -> None:
    assert settings(definitions="metrics.kpi") == StoreSettings()
    assert settings(definitions="metrics.kpi", store="kept").folder == project / "kept"
    assert settings({"KPI_STORE": "kept"}, definitions="metrics.kpi").folder == project / "kept"
    assert settings(path=project, definitions="metrics.kpi").folder == project / ".kpi" / "state"


def test_kpi_toml_says_where_and_how_large(project: Path) -> None:
    (project / "kpi.toml").write_text('[store]\nfolder = "../kept"\nsize = "2 GB"\n')
    assert settings() == StoreSettings(project / "../kept", 2_000_000_000)
    (project / "kpi.toml").write_text("[store]\nenabled = false\n")
    assert settings() == StoreSettings() and store_of(load_config(environment=NOTHING)) is None


def test_arguments_are_stronger_than_the_environment_and_that_than_the_file(project: Path) -> None:
    (project / "kpi.toml").write_text("[store]\nenabled = false\nsize = 4096\n")
    assert settings({"KPI_STORE": "a"}) == StoreSettings(project / "a", 4096)
    assert settings({"KPI_STORE": "a"}, store="b").folder == project / "b"
    assert settings({"KPI_STORE": "off"}, store="b").folder == project / "b"
    assert settings({"KPI_STORE": "a"}, store=False).folder is None
    (project / "kpi.toml").write_text("")
    for text in ("off", "OFF", "no", "false", "0"):
        assert settings({"KPI_STORE": text}).folder is None
    assert settings({"KPI_STORE": ""}).folder == project / ".kpi" / "state"
    assert [settings({"KPI_STORE_FORCE": text}).network for text in ("", "0", "1")] == [False, False, True]


def test_settings_of_the_wrong_form_are_pointed_at() -> None:
    (text,) = problems('[store]\nsise = "2 GB"\n')
    assert text.startswith("kpi.toml:2:1: error[E703]: the table `store` has no setting `sise`")
    assert "did you mean `size`?" in text
    found = problems('[store]\nenabled = "no"\nfolder = ""\nsize = "2 gigs"\n')
    assert [each.split(": ")[:2] for each in found] == [[f"kpi.toml:{line}:1", "error[E704]"] for line in (2, 3, 4)]
    assert [each.split("error[")[1][:4] for each in problems("store = 3\n")] == ["E704"]


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("2 GB", 2 * 10**9), ("2gb", 2 * 10**9), ("1.5 MiB", 3 << 19), ("10 kB", 10_000), ("7 B", 7), (7, 7),
        ("1TiB", 1 << 40), ("0 B", None), ("0.5 B", None), ("-1 GB", None), ("2", None), ("2 GBs", None),
        ("GB", None), ("2 ib", None), (True, None), (0, None), (-5, None), (1.5, None), ("9" * 15 + " TB", None),
        (None, None), ("٣ GB", None),
    ],
)  # fmt: skip
def test_sizes(text: object, bytes_: int | None) -> None:
    assert size_of(text) == bytes_


def test_a_file_is_no_folder_to_keep_states_in(project: Path) -> None:
    with pytest.raises(KpiError) as raised:
        settings(store="orders.csv")
    assert raised.value.diagnostics[0].code == "E710" and raised.value.exit_code == ExitCode.USAGE


def test_python_opens_with_without_and_with_another_store(project: Path) -> None:
    opened = kpi_engine.open(project)
    assert opened.config.store.folder == project / ".kpi" / "state"
    assert kpi_engine.open(project, store=False).config.store.folder is None
    assert kpi_engine.open(project, store=project / "kept").config.store.folder == project / "kept"
    for wrong in (True, 3, ["kept"]):
        with pytest.raises(KpiError) as raised:
            kpi_engine.open(project, store=wrong)  # type: ignore[arg-type]
        assert raised.value.diagnostics[0].code == "E734"


def test_who_only_looks_makes_no_folder(project: Path) -> None:
    opened = kpi_engine.open(project)
    assert not [each for each in opened.check() if each.code.startswith("E")]
    assert opened.catalog.metrics and opened.explain("takings") and opened.values("orders.total")
    opened.check_data()
    assert not (project / ".kpi").exists()


def test_definitions_are_not_looked_for_in_the_store(project: Path) -> None:
    (project / ".kpi" / "state").mkdir(parents=True)
    (project / ".kpi" / "state" / "odd.kpi").write_text("takings = 1\n")
    assert [text.name for text in kpi_engine.open(project).texts] == ["metrics.kpi"]
    assert kpi_engine.open(project, store=False).eval("takings").table.to_pylist() == [{"takings": 12}]
