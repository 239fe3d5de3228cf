"""`kpi cache`, and the options of `kpi eval` that choose a store."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kpi_engine.cli import main
from kpi_engine.store import FolderStore
from kpi_engine.store.disk import Disk
from kpi_engine.store.locking import writing
from kpi_engine.store.upkeep import clear

from .stores import QuickDisk, content, expected, flip, quick, record, segments

ORDERS = record("orders", "march", sums=b"1" * 500)
VISITS = record("visits", "march", ids=b"2" * 1500)
Kpi = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in the working folder."""
    for name in [name for name in os.environ if name.startswith("KPI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    (tmp_path / "kpi.toml").write_text("")
    return tmp_path


@pytest.fixture
def state(project: Path) -> Path:
    """The folder of its store, with a record of orders and one of visits."""
    assert quick(project / ".kpi" / "state").save([ORDERS, VISITS])
    return project / ".kpi" / "state"


@pytest.fixture
def kpi(capsys: pytest.CaptureFixture[str]) -> Kpi:
    """Run `kpi` with these words: its exit code, what it answers and what it says."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        return code, *capsys.readouterr()

    return run


def test_info_says_what_is_kept(kpi: Kpi, state: Path) -> None:
    disk = Disk()
    for path in segments(state):
        disk.touch(path, 1_790_000_000 * 10**9)
    sizes = {path.name: path.stat().st_size for path in segments(state)}
    code, out, err = kpi("cache", "info", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["folder"] == str(state) and found["records"] == 2 and found["size"] == sum(sizes.values())
    assert found["quarantined"] == {"files": 0, "size": 0} and found["waiting"] == 0
    assert [(each["label"], each["records"], each["used"]) for each in found["labels"]] == [
        (label, 1, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_790_000_000))) for label in ("orders", "visits")
    ]
    assert found["labels"][0]["made"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_001))
    code, out, _ = kpi("cache", "info")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0 and lines[0] == f"{state} state store"
    assert f"records 2 records, {sum(sizes.values()) / 1000:.3g} kB" in lines
    assert any(line.startswith("orders 1 record,") for line in lines)


def test_the_group_shows_its_help_and_knows_its_commands(kpi: Kpi, project: Path) -> None:
    code, out, err = kpi("cache")
    assert (code, err) == (0, "") and "verify" in out and out == kpi("cache", "--help")[1]
    code, _, err = kpi("cache", "inf")
    assert code == 2 and "command line:1:11: error[E720]: no such command `inf`" in err
    assert "did you mean `info`?" in err
    assert "did you mean `cache`?" in kpi("cahce", "info")[2]


def test_info_of_a_store_that_is_not_there_yet_makes_none(kpi: Kpi, project: Path) -> None:
    code, out, _ = kpi("cache", "info")
    assert code == 0 and "none" in out and not (project / ".kpi").exists()
    assert json.loads(kpi("cache", "info", "--json")[1])["records"] == 0
    assert kpi("cache", "verify")[0] == 0 and kpi("cache", "clear")[0] == 0
    assert not (project / ".kpi").exists()


def test_a_project_without_a_store_is_told_so(kpi: Kpi, project: Path) -> None:
    (project / "kpi.toml").write_text("[store]\nenabled = false\n")
    for command in ("info", "verify", "clear"):
        code, out, err = kpi("cache", command)
        assert (code, out) == (0, "") and "no state store is in use" in err
    assert kpi("cache", "info", "--json")[1] == "null\n"


def test_a_store_is_looked_at_without_a_project(kpi: Kpi, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = state.parents[1] / "away"
    away.mkdir()
    (state.parents[1] / "kpi.toml").unlink()
    monkeypatch.chdir(away)
    assert kpi("cache", "info")[0] == 3
    assert json.loads(kpi("cache", "info", "--json", "--store", str(state))[1])["records"] == 2
    monkeypatch.setenv("KPI_STORE", str(state))
    assert json.loads(kpi("cache", "info", "--json")[1])["records"] == 2


def test_verify_reads_every_byte_and_lists_damage(kpi: Kpi, state: Path) -> None:
    code, out, err = kpi("cache", "verify")
    assert (code, out) == (0, "") and err.startswith("2 records whole") and "0 damaged files" in err
    (damaged,) = quick(state).records("visits")
    flip(state / damaged.name, -1)
    code, out, err = kpi("cache", "verify")
    assert code == 6 and damaged.name in out and "visits" in out and "went to quarantine/" in out
    assert err.startswith("1 record whole") and "1 damaged file" in err
    code, _, err = kpi("cache", "verify")
    assert code == 0 and "1 gone" in err, "what was damaged is out of the way"
    assert content(quick(state), "orders") == expected([ORDERS])
    assert json.loads(kpi("cache", "info", "--json")[1])["quarantined"]["files"] == 1


def test_verify_tells_of_a_damaged_manifest(kpi: Kpi, state: Path) -> None:
    assert quick(state).save([record("tickets", "t")])
    flip(state / "manifest-2", 3)
    code, out, _ = kpi("cache", "verify", "--json")
    found = json.loads(out)
    assert code == 6 and [each["file"] for each in found["damage"]] == ["manifest-2"] and found["records"] == 2


def test_clear_removes_the_stores_own_files_alone(kpi: Kpi, state: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    flip(segments(state)[0], 20)
    assert len(quick(state).records("orders")) + len(quick(state).records("visits")) == 1
    (state / f"tmp-1-{'0' * 16}").write_bytes(b"left by a crash")
    (state / "mine.txt").write_text("somebody's")
    (state / f"seg-{'0' * 32}").symlink_to(outside / "precious")
    (state / "quarantine" / "mine.txt").write_text("somebody's")
    code, out, err = kpi("cache", "clear")
    assert (code, out) == (0, "")
    assert err.startswith("removed 4 files") and f"mine.txt, quarantine, seg-{'0' * 32}" in err
    assert {path.name for path in state.rglob("*")} == {
        ".gitignore", "CACHEDIR.TAG", "lock", "mine.txt", "quarantine", f"seg-{'0' * 32}"
    }  # fmt: skip
    assert (outside / "precious").read_text() == "kept"
    store = quick(state)
    assert store.records("orders") == () and store.save([ORDERS]) and not store.notes


def test_clear_waits_for_nobody_for_ever(kpi: Kpi, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpi_engine.caching._PATIENCE", 0.05)
    with writing(Disk(), state, 1):
        code, _, err = kpi("cache", "clear")
    assert code == 6 and "E760" in err and f"process {os.getpid()} is writing to it" in err
    assert content(quick(state), "orders") == expected([ORDERS])


def test_a_folder_that_is_no_store_is_not_emptied(kpi: Kpi, project: Path) -> None:
    (project / "data").mkdir()
    (project / "data" / f"seg-{'0' * 32}").write_text("looks like one")
    (project / "data" / "orders.csv").write_text("day\n")
    for command in ("info", "verify", "clear"):
        code, _, err = kpi("cache", command, "--store", "data")
        assert code == 6 and "a folder with other files in it" in err
    assert len(list((project / "data").iterdir())) == 2


def test_a_crash_while_it_is_emptied_leaves_no_record_without_its_file(tmp_path: Path) -> None:
    class Dying(QuickDisk):
        """The process is gone after so many removals."""

        left = 0

        def unlink(self, path: Path) -> None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            super().unlink(path)

    for removals in range(6):
        folder = tmp_path / str(removals)
        assert quick(folder).save([ORDERS]) and quick(folder).save([VISITS])
        disk = Dying()
        disk.left = removals
        with contextlib.suppress(KeyboardInterrupt):
            clear(folder, disk, 1)
        store = quick(folder)
        kept = content(store, "orders") + content(store, "visits")
        listed = len(store.records("orders")) + len(store.records("visits"))
        assert len(kept) == listed and all(None not in dict(blobs).values() for _, blobs in kept)
        assert not store.notes and store.save([ORDERS])


def test_eval_chooses_a_store(kpi: Kpi, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kpi_engine

    opened: list[object] = []
    (project / "metrics.kpi").write_text("source orders\n  time: day\n  column day: date\n\nn = count(orders)\n")
    (project / "orders.csv").write_text("day\n2026-03-01\n")
    real = kpi_engine.open
    monkeypatch.setitem(vars(kpi_engine), "open", lambda *a, **k: opened.append(k.get("store")) or real(*a, **k))
    assert kpi("eval", "n")[:2] == (0, "n\n1\n")
    assert kpi("eval", "n", "--store", "kept")[:2] == (0, "n\n1\n")
    assert kpi("eval", "n", "--no-store")[:2] == (0, "n\n1\n")
    assert opened == [None, "kept", False]
    code, _, err = kpi("eval", "n", "--no-store", "--store", "kept")
    assert code == 2 and "do not go together" in err


def test_cache_commands_import_neither_pyarrow_nor_numpy(state: Path) -> None:
    program = (
        "import sys; from kpi_engine.cli import main\n"
        "code = main(['cache', 'clear']) or main(['cache', 'verify']) or main(['cache', 'info', '--json'])\n"
        "sys.exit(code or ' '.join(each for each in ('pyarrow', 'numpy') if each in sys.modules) or 0)"
    )
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": root}, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_store_of_a_project_is_the_one_that_is_shown(kpi: Kpi, project: Path) -> None:
    (project / "kpi.toml").write_text('[store]\nfolder = "kept"\nsize = "2 GB"\n')
    assert FolderStore(project / "kept").save([ORDERS])
    found = json.loads(kpi("cache", "info", "--json")[1])
    assert (found["records"], found["limit"]) == (1, 2_000_000_000)
