"""`kpi fmt`: what it reads, what it writes, how it ends."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kpi_engine
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.span import SourceText, Span

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def formatter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canonical texts have one space around `=`; texts with `?` do not parse."""

    def format_text(source: SourceText) -> str:
        if "?" in source.text:
            place = source.text.index("?")
            raise KpiError(Diagnostic("E101", "no such character", Span(source, place, place + 1)))
        return "".join(f"{line.replace('=', ' = ').replace('  =  ', ' = ')}\n" for line in source.text.splitlines())

    monkeypatch.setitem(vars(kpi_engine), "format_text", format_text)


@pytest.fixture
def files(folder: Path) -> Path:
    (folder / "kpi.toml").write_text("")
    (folder / "a.kpi").write_text("x=1\n")
    (folder / "b.kpi").write_text("y = 1\n")
    return folder


def test_the_project_is_formatted_in_place(kpi: Run, files: Path) -> None:
    (files / "a.kpi").chmod(0o600)
    done = kpi("fmt")
    assert (done.code, done.out) == (0, "")
    assert done.err == "changed a.kpi\n1 of 2 files changed\n"
    assert (files / "a.kpi").read_text() == "x = 1\n"
    assert stat.S_IMODE((files / "a.kpi").stat().st_mode) == 0o600
    assert kpi("fmt").err == "0 of 2 files changed\n"


def test_check_only_asks(kpi: Run, files: Path) -> None:
    done = kpi("fmt", "--check")
    assert (done.code, done.err) == (1, "would change a.kpi\n1 of 2 files would change\n")
    assert (files / "a.kpi").read_text() == "x=1\n"
    assert kpi("fmt", "--check", "b.kpi").code == 0


def test_diff_shows_what_would_change(kpi: Run, files: Path) -> None:
    done = kpi("fmt", "--diff")
    assert (done.code, done.err) == (1, "1 of 2 files would change\n")
    assert done.out == "--- a.kpi\n+++ a.kpi (formatted)\n@@ -1 +1 @@\n-x=1\n+x = 1\n"
    assert (files / "a.kpi").read_text() == "x=1\n"
    (files / "a.kpi").write_text("x=1")
    assert "\\ no newline at end of file\n" in kpi("fmt", "--diff").out


def test_one_broken_file_does_not_keep_the_others_from_being_formatted(kpi: Run, files: Path) -> None:
    (files / "0.kpi").write_text("z=?\n")
    (files / "1.kpi").write_bytes(b"\xff")
    done = kpi("fmt")
    assert done.code == 3
    assert "0.kpi:1:3: error[E101]" in done.err and "1.kpi:1:1: error[E706]" in done.err
    assert (files / "a.kpi").read_text() == "x = 1\n"
    assert (files / "0.kpi").read_text() == "z=?\n"


def test_files_and_folders_by_hand_need_no_project(kpi: Run, files: Path) -> None:
    (files / "kpi.toml").unlink()
    (files / "sub").mkdir()
    (files / "sub" / "c.kpi").write_text("z=1\n")
    assert kpi("fmt", "sub", "a.kpi").err == "changed sub/c.kpi\nchanged a.kpi\n2 of 2 files changed\n"
    assert kpi("fmt").code == 3
    assert "did you mean `a.kpi`?" in kpi("fmt", "aa.kpi").err


def test_standard_input_goes_to_standard_output(kpi: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfx=1\n")))
    assert kpi("fmt", "-").out == "x = 1\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\xff")))
    assert kpi("fmt", "-").code == 3
