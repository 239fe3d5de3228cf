"""Packages that `kpi plugins new` writes: each passes its own tests as written, installed beside the engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kpi_engine.scaffold import KINDS

from .conftest import Project
from .packages import installed


def python(*words: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("kind", "name"), [("connector", "help_desk"), ("functions", "prose")])
def test_a_new_package_passes_its_own_tests(project: Project, kind: str, name: str) -> None:
    code, out, err = project.kpi("plugins", "new", kind, name)
    assert code == 0, err
    package = project.folder / f"kpi-{name.replace('_', '-')}"
    assert sorted(map(Path, out.split())) == sorted(
        each.relative_to(project.folder) for each in package.rglob("*") if each.is_file()
    )
    assert not [each for each in package.rglob("*") if each.is_file() and re.search(r"@\w+@", each.read_text())]
    done = python("pytest", "-q", "-p", "no:cacheprovider", folder=package, environment=installed(package))
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_new_pack_passes_its_own_tests_and_is_found_when_installed(project: Project) -> None:
    assert project.kpi("plugins", "new", "pack", "web")[0] == 0
    package = project.folder / "kpi-web"
    environment = installed(package)
    done = python("kpi_engine", "test", "kpi_pack_web/tests", folder=package, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "1 passed" in done.stdout + done.stderr
    listed = python("kpi_engine", "plugins", "list", folder=project.folder, environment=environment)
    assert "pack web" in listed.stdout
    assert "kpi-web 0.1.0" in listed.stdout


def test_names_and_folders_are_checked(project: Project) -> None:
    assert "write one of connector, functions, pack" in project.kpi("plugins", "new", "thing", "a")[2]
    for name in ("A", "../a", "a-b", "", "1a"):
        code, _, err = project.kpi("plugins", "new", KINDS[0], name)
        assert code == 2
        assert "E753" in err
    for name, cause in (("files", "the connector `files` is built in"), ("engine", "kpi-engine is the engine itself")):
        code, _, err = project.kpi("plugins", "new", "connector", name)
        assert code == 2
        assert cause in err
        assert f"choose another name, such as `my_{name}`" in err
        assert not (project.folder / f"kpi-{name}").exists()
    assert project.kpi("plugins", "new", "pack", "a")[0] == 0
    code, _, err = project.kpi("plugins", "new", "pack", "a")
    assert code == 2
    assert "kpi-a exists already" in err
