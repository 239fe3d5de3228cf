"""Which files are definitions, and that only sound ones are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.render import render
from kpi_engine.project import definition_files, load_config, read_definitions, read_text
from kpi_engine.project import definitions as reading
from kpi_engine.project.files import LARGEST
from kpi_engine.project.templates import FILES, write_starter


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in the working folder, and nothing else beside it."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "kpi.toml").write_text("")
    monkeypatch.chdir(project)
    return project


def names(**settings: object) -> list[str]:
    return [text.name for text in read_definitions(load_config(environment={}, **settings))]  # type: ignore[arg-type]


def failure(**settings: object) -> KpiError:
    with pytest.raises(KpiError) as raised:
        names(**settings)
    return raised.value


def write(path: Path, content: bytes = b"x = 1\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_default_patterns_in_a_fixed_order(folder: Path) -> None:
    for name in ("b.kpi", "a.kpi", "definitions/z/c.kpi", "definitions/d.kpi", "other/e.kpi", ".git/f.kpi", "g.txt"):
        write(folder / name)
    assert names() == ["a.kpi", "b.kpi", "definitions/d.kpi", "definitions/z/c.kpi"]


def test_patterns_of_kpi_toml_in_their_order_and_each_file_once(folder: Path) -> None:
    for name in ("b.kpi", "a.kpi", "sub/c.kpi"):
        write(folder / name)
    (folder / "kpi.toml").write_text('definitions = ["b.kpi", "*.kpi", "sub"]')
    assert names() == ["b.kpi", "a.kpi", "sub/c.kpi"]


def test_a_byte_order_mark_is_skipped_and_line_ends_stay(folder: Path) -> None:
    write(folder / "a.kpi", b"\xef\xbb\xbfx = 1\r\n")
    (text,) = read_definitions(load_config(environment={}))
    assert text.text == "x = 1\r\n"


def test_bytes_that_are_no_utf8_are_pointed_at(folder: Path) -> None:
    write(folder / "a.kpi", "revenue = 1\nmüsli = 2\n".encode("latin-1"))
    write(folder / "b.kpi", b"\xff\xfex\x00")
    error = failure()
    assert render(error.diagnostics[0]) == (
        "a.kpi:2:2: error[E706]: this is not UTF-8 text: byte 0xfc at offset 13\n"
        "     2 | m\ufffdsli = 2\n       |  ^\n       = help: save the file as UTF-8"
    )
    assert "UTF-16" in error.diagnostics[1].help
    assert error.exit_code == ExitCode.DEFINITION


def test_a_mark_moves_the_offset_but_not_the_place(folder: Path) -> None:
    write(folder / "a.kpi", b"\xef\xbb\xbfab\xff")
    (diagnostic,) = failure().diagnostics
    assert "offset 5" in diagnostic.message
    assert diagnostic.location == "a.kpi:1:3"


def test_a_file_of_more_than_a_megabyte_is_not_read(folder: Path) -> None:
    write(folder / "a.kpi", b"#" * LARGEST)
    assert names() == ["a.kpi"]
    write(folder / "a.kpi", b"#" * (LARGEST + 1))
    error = failure()
    assert (error.diagnostics[0].code, error.exit_code) == ("E707", ExitCode.LIMIT)


def test_links_may_not_lead_out_of_the_project(folder: Path) -> None:
    outside = folder.parent / "secret.kpi"
    write(outside)
    (folder / "a.kpi").symlink_to(outside)
    (diagnostic,) = failure().diagnostics
    assert diagnostic.code == "E708"
    (folder / "a.kpi").unlink()
    (folder.parent / "elsewhere").mkdir()
    write(folder.parent / "elsewhere" / "b.kpi")
    (folder / "sub").symlink_to(folder.parent / "elsewhere")
    (folder / "kpi.toml").write_text('definitions = ["sub/*.kpi"]')
    assert failure().diagnostics[0].code == "E708"


def test_links_inside_the_project_are_read_once(folder: Path) -> None:
    write(folder / "b.kpi")
    (folder / "a.kpi").symlink_to(folder / "b.kpi")
    assert len(names()) == 1


@pytest.mark.parametrize("pattern", ["../*.kpi", "/etc/*.kpi", "a/../../b.kpi", ""])
def test_patterns_may_not_leave_the_project(folder: Path, pattern: str) -> None:
    (folder / "kpi.toml").write_text(f'definitions = ["{pattern}"]')
    assert failure().diagnostics[0].code == "E708"


def test_what_is_no_regular_file_is_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "a.kpi")
    assert failure().diagnostics[0].message == "cannot read a.kpi: it is not a regular file"
    (folder / "a.kpi").unlink()
    (folder / "a.kpi").symlink_to("a.kpi")
    assert failure().diagnostics[0].code == "E709"


def test_a_missing_file_is_named_with_the_nearest(folder: Path) -> None:
    write(folder / "metrics.kpi")
    (folder / "kpi.toml").write_text('definitions = ["metric.kpi"]')
    (diagnostic,) = failure().diagnostics
    assert (diagnostic.code, diagnostic.help) == ("E705", "did you mean `metrics.kpi`?")
    (diagnostic,) = failure(definitions="metrcs.kpi").diagnostics
    assert (diagnostic.code, diagnostic.help) == ("E705", "did you mean `metrics.kpi`?")


def test_no_definitions_at_all_is_an_error_that_says_what_to_write(folder: Path) -> None:
    (diagnostic,) = failure().diagnostics
    assert diagnostic.code == "E705" and "metrics.kpi" in diagnostic.help


def test_too_many_files_are_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_FILES", 2)
    for name in "abc":
        write(folder / f"{name}.kpi")
    assert failure().exit_code == ExitCode.LIMIT


def test_files_by_hand_may_lie_anywhere_and_folders_are_searched(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    for name in ("b.kpi", "sub/a.kpi", ".hidden/c.kpi"):
        write(elsewhere / name)
    assert names(definitions=elsewhere) == ["../elsewhere/b.kpi", "../elsewhere/sub/a.kpi"]
    assert names(definitions=[elsewhere / "b.kpi"]) == ["../elsewhere/b.kpi"]
    (elsewhere / "empty").mkdir()
    assert failure(definitions=elsewhere / "empty").diagnostics[0].code == "E705"


def test_names_in_messages_are_short_where_that_helps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "a.kpi")
    deep = folder / "one" / "two" / "three"
    deep.mkdir(parents=True)
    assert read_text(folder / "a.kpi").name == "a.kpi"
    monkeypatch.chdir(deep.parent)
    assert read_text(folder / "a.kpi").name == "../../a.kpi"
    monkeypatch.chdir(deep)
    assert read_text(folder / "a.kpi").name == str(folder / "a.kpi")


def test_the_starter_is_written_once_and_never_over_anything(tmp_path: Path) -> None:
    target = tmp_path / "new" / "shop"
    assert {str(path.relative_to(target)) for path in write_starter(target)} == set(FILES)
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    with pytest.raises(KpiError) as raised:
        write_starter(target)
    assert raised.value.exit_code == ExitCode.USAGE
    assert all(name in str(raised.value) for name in FILES)
    assert before == {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_one_file_in_the_way_stops_all(tmp_path: Path) -> None:
    (tmp_path / "metrics.kpi").symlink_to(tmp_path / "nowhere")
    with pytest.raises(KpiError, match=r"metrics\.kpi exists already"):
        write_starter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.kpi"]


def test_the_starter_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_starter(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = load_config(environment={})
    assert config.as_of == "data"
    assert config.connections["default"].folder == str(tmp_path / "data")
    assert [path.name for path in definition_files(config)] == ["metrics.kpi"]
    for table, rows in (("orders", 24), ("visits", 40)):
        lines = (tmp_path / "data" / f"{table}.csv").read_text().splitlines()
        assert len(lines) == rows + 1
        assert {line.count(",") for line in lines} == {lines[0].count(",")}
