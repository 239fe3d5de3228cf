"""Packs are found in kpi.toml, among installed distributions, and beside the engine; nothing of them is imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import kpi_engine
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.versions import in_range, is_range
from kpi_engine.project import ProjectConfig, load_config
from kpi_engine.project.packs import bundled, pack_at, pack_names, read_pack

from .projects import MANIFEST, codes, write_pack, write_project

TINY = "source entries\n  time: day\n  column day: date\n\nn = count(entries)\n"


def install(path: Path, distribution: str, name: str, package: str, *, pack: bool = True) -> None:
    """A distribution as it lies in site-packages; its package may not be imported."""
    info = path / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[kpi_engine.packs]\n{name} = {package}\n", "utf-8")
    folder = path / package.partition(".")[0]
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n", "utf-8")
    if pack:
        write_pack(path / package, name, TINY)


def refused(name: str, config: ProjectConfig) -> KpiError:
    with pytest.raises(KpiError) as caught:
        read_pack(name, config)
    return caught.value


def test_an_installed_pack_is_read_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "kpi-things", "things", "kpi_pack_things")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    config = load_config(write_project(tmp_path / "p", "use things as t\n"), environment={})
    assert "things" in pack_names(config)
    pack = read_pack("things", config)
    assert (pack.info.version, pack.info.origin) == ("1.0.0", "kpi-things 1.0")
    assert "kpi_pack_things" not in sys.modules
    project = kpi_engine.open(tmp_path / "p")
    assert list(project.catalog.metrics) == ["t.n"] and "kpi_pack_things" not in sys.modules


def test_two_distributions_with_one_pack_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "kpi-things", "things", "kpi_pack_things")
    install(tmp_path / "site", "other-things", "things", "other_things")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = refused("things", ProjectConfig(tmp_path)).diagnostics[0]
    assert found.code == "E797" and "kpi-things 1.0, other-things 1.0" in found.message
    # The folder that kpi.toml names settles it; and who does not use the pack never hears of it.
    chosen = write_project(tmp_path / "p", "use things\n", packs={"things": "../site/kpi_pack_things"})
    assert codes(chosen) == ["N791"]
    assert codes(write_project(tmp_path / "q", "calendar\n  currency: EUR\n")) == []


def test_an_installed_pack_wins_over_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_pack("sales", ProjectConfig(tmp_path)).info.origin == "bundled"
    install(tmp_path / "site", "kpi-sales", "sales", "kpi_pack_sales")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert read_pack("sales", ProjectConfig(tmp_path)).info.origin == "kpi-sales 1.0"


@pytest.mark.parametrize(("package", "pack"), [("kpi_pack_x", False), ("kpi_pack_x.inner", True)])
def test_a_package_without_a_pack_and_a_dotted_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, pack: bool
) -> None:
    """To look for a dotted name would import its parent."""
    install(tmp_path / "site", "kpi-x", "x", package, pack=False)
    if pack:
        write_pack(tmp_path / "site" / package.replace(".", "/"), "x", TINY)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert refused("x", ProjectConfig(tmp_path)).diagnostics[0].code == "E793"
    assert "kpi_pack_x" not in sys.modules


def test_an_unknown_pack_has_a_suggestion(tmp_path: Path) -> None:
    found = refused("sale", ProjectConfig(tmp_path)).diagnostics[0]
    assert (found.code, found.help) == ("E790", "did you mean `sales`?")
    assert "[packs] zoology" in refused("zoology", ProjectConfig(tmp_path)).diagnostics[0].help


def test_the_follow_ups_of_a_missing_pack_are_not_told(tmp_path: Path) -> None:
    assert codes(write_project(tmp_path, "use zoology\nx = revenue / order_count\n")) == ["E790"]


BROKEN = {
    "name = ": ["E793"],
    'name = "x"\nversion = "1.0"\napi = 2\n': ["E793"],
    'name = "x"\nversion = "1.0"\n': ["E793"],
    'name = "x y"\nversion = "new"\napi = 1\ncolour = 2\n': ["E793", "E793", "E793"],
    'name = "x"\nversion = "1.0"\napi = 1\nrequires = ">=99"\n': ["E793"],
    'name = "x"\nversion = "1.0"\napi = 1\nrequires = "new"\n[uses]\nsales = "1"\n': ["E793", "E793"],
    'name = "y"\nversion = "1.0"\napi = 1\n': ["E793"],
}


@pytest.mark.parametrize("manifest", BROKEN)
def test_a_broken_pack_says_where(tmp_path: Path, manifest: str) -> None:
    write_pack(tmp_path / "x", "x", TINY, manifest=manifest)
    with pytest.raises(KpiError) as caught:
        pack_at(tmp_path / "x", "x")
    assert [each.code for each in caught.value.diagnostics] == BROKEN[manifest]
    for each in caught.value.diagnostics:
        assert each.help and each.span.source.name.endswith("pack.toml") and each.span.source.text == manifest
    # Nobody reads it who does not use it.
    packs = {"x": str(tmp_path / "x")}
    assert codes(write_project(tmp_path / "p", "calendar\n  currency: EUR\n", packs=packs)) == []
    assert codes(write_project(tmp_path / "p", "use x\n", packs=packs)) == BROKEN[manifest]


def test_a_folder_without_a_pack(tmp_path: Path) -> None:
    assert codes(write_project(tmp_path, "use x\n", packs={"x": "nowhere"})) == ["E793"]
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "pack.toml").write_text(MANIFEST.format(name="x", version="1"), "utf-8")
    assert codes(tmp_path) == ["E793"]


@pytest.mark.parametrize("packs", ['packs = "x"', "[packs]\nsales = 5"])
def test_packs_in_kpi_toml_are_paths(tmp_path: Path, packs: str) -> None:
    (tmp_path / "kpi.toml").write_text(packs, "utf-8")
    with pytest.raises(KpiError, match="E704"):
        load_config(tmp_path, environment={})


@pytest.mark.parametrize(
    ("version", "allowed", "fits"),
    [
        ("1.2", ">=1.2", True),
        ("1.2.0", "==1.2", True),
        ("1.10", ">1.9, <2", True),
        ("2.0", ">=1, <2", False),
        ("1.4.7", "~=1.4.2", True),
        ("1.5", "~=1.4.2", False),
        ("1.5", "~=1.4", True),
        ("1.5", "!=1.5", False),
        ("1.5", "<=1.5", True),
    ],
)
def test_ranges_of_versions(version: str, allowed: str, fits: bool) -> None:
    assert is_range(allowed) and in_range(version, allowed) is fits


def test_the_three_packs_are_bundled() -> None:
    assert sorted(bundled()) == ["care", "marketing", "sales"]
