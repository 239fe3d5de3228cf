"""Completion, log lines, progress, watching, narrow terminals, and what help says."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpi_engine.cli import completing, main, progress, watching
from kpi_engine.cli.describing import print_list
from kpi_engine.cli.session import Session
from kpi_engine.ir.span import SourceText

from .test_cli_process import MODULES, environment

Run = Callable[..., Any]

PROGRAM = "import sys; from kpi_engine.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def shop(tmp_path: Path, kpi: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The starter project."""
    monkeypatch.chdir(tmp_path)
    assert kpi("init", "shop").code == 0
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


# ----------------------------------------------------------------------------------------------------------- completion


def asked(line: str, shell: str) -> dict[str, str]:
    """The environment in which a shell asks for the last word of a line."""
    if shell == "bash":
        return {completing.VARIABLE: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    action = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return {completing.VARIABLE: f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, **action}


@pytest.fixture
def proposals(kpi: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What is proposed for the last word of a line."""

    def propose(line: str, shell: str = "bash") -> list[str]:
        for variable in ("KPI_PROJECT", "KPI_DEFINITIONS", "KPI_DATA"):
            monkeypatch.setenv(variable, "")  # completion sets them, and they must not stay
        for name, value in asked(line, shell).items():
            monkeypatch.setenv(name, value)
        done = kpi()
        assert (done.code, done.err) == (0, "")
        found: list[str] = done.out.splitlines()
        return found

    return propose


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kpi eval rev", ["revenue", "revenue_growth"]),
        ("kpi eval revenue,conv", ["revenue,conversion"]),
        ("kpi eval revenue --grain mo", ["month"]),
        ("kpi describe vis", ["visits", "visitor"]),
        ("kpi --errors json eval --project . avg", []),
        ("kpi eval --definitions metrics.kpi order", ["order_count"]),
        ("kpi eval 'rev", ["revenue", "revenue_growth"]),
        ("kpi va", ["values"]),
    ],
)
def test_names_are_completed(shop: Path, proposals: Callable[..., list[str]], line: str, expected: list[str]) -> None:
    assert [each for each in proposals(line) if each] == expected


def test_fish_shows_what_names_mean(shop: Path, proposals: Callable[..., list[str]]) -> None:
    assert proposals("kpi eval conv", "fish") == ["conversion\tOrders per visitor"]


def test_nothing_is_proposed_outside_a_project(folder: Path, proposals: Callable[..., list[str]]) -> None:
    assert [each for each in proposals("kpi eval rev") if each] == []


def test_completion_imports_nothing_heavy(shop: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MODULES], cwd=shop, env=environment(**asked("kpi eval rev", "bash")),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("revenue\nrevenue_growth\n", "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_takes_the_script(shop: Path, tmp_path: Path) -> None:
    program = tmp_path / "kpi"
    program.write_text(f"#!{sys.executable}\n{PROGRAM}\n", "utf-8")
    program.chmod(0o755)
    script = (
        'eval "$(kpi completion bash)"; COMP_WORDS=(kpi eval conv); COMP_CWORD=2;'
        " _kpi_completion kpi; echo ${COMPREPLY[@]}"
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=shop, env=environment(PATH=path), capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("conversion\n", 0)


@pytest.mark.parametrize("shell", completing.SHELLS)
def test_scripts_name_the_variable(kpi: Run, shell: str) -> None:
    assert f"{completing.VARIABLE}=complete_{shell}" in kpi("completion", shell).out


def test_other_shells_are_refused(kpi: Run) -> None:
    done = kpi("completion", "fsh")
    assert done.code == 2 and "error[E733]" in done.err and "did you mean `fish`?" in done.err


def test_names_are_found_in_broken_definitions() -> None:
    text = "source orders\n  time: (\n\n# x = 1\n`order` = count(\ndimension channel = orders.c\n)\nrate=1\n"
    text += '  description: "a"\n'
    found = [(each.kind, each.name, each.description) for each in completing.declared_names(SourceText("a.kpi", text))]
    assert found == [
        ("source", "orders", ""),
        ("metric", "order", ""),
        ("dimension", "channel", ""),
        ("metric", "rate", "a"),
    ]


# --------------------------------------------------------------------------------------------------- logs and progress


def test_verbosity_logs_stages_and_then_files(shop: Path, kpi: Run) -> None:
    try:
        plain = kpi("eval", "revenue")
        stages = kpi("eval", "revenue", "-v")
        pieces = kpi("-vv", "eval", "revenue")
    finally:
        progress.log_to_stderr(0, "text")
    assert plain.out == stages.out == pieces.out
    assert "parsed" not in plain.err
    assert "parsed definitions; files: 1" in stages.err and "read orders; rows: 24" in stages.err
    assert "reading orders" not in stages.err and "reading orders, fragment 1: orders.csv" in pieces.err


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal; progress is shown after a moment. (Only a running test may replace the stream.)"""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_progress_shows_the_latest_message_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for(monkeypatch)
    deadline = time.monotonic() + 30
    with progress.progress("beginning"):
        progress._LOGGER.info("reading \x1b[31morders")
        while "orders" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    shown = terminal.getvalue()
    assert "reading orders" in shown and "\x1b[31m" not in shown
    assert shown.endswith("\x1b[2K"), "the line is removed in the end"


def test_quick_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", 5)
    with progress.progress("beginning"):
        pass
    assert terminal.getvalue() == ""


def test_pipes_and_dumb_terminals_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    with progress.progress("beginning"):
        time.sleep(0.3)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.progress("beginning"):
        time.sleep(0.3)
    assert terminal.getvalue() == sys.stderr.getvalue() == ""


# ------------------------------------------------------------------------------------------------------------- watching


def test_every_file_of_an_answer_is_watched(shop: Path) -> None:
    session = Session(str(shop))
    tables = watching.tables_of(session.open())
    names = {path.name for path in watching.stamps(session, tables)}
    assert names == {"kpi.toml", "metrics.kpi", "orders.csv", "visits.csv"}
    before = watching.stamps(session, tables)
    (shop / "more.kpi").write_text("twice = revenue * 2\n", "utf-8")
    (shop / "data" / "visits.csv").unlink()
    changed = {path.name for path, _ in watching.stamps(session, tables).items() ^ before.items()}
    assert changed == {"more.kpi", "visits.csv"}


def test_without_a_project_kpi_toml_is_waited_for(tmp_path: Path) -> None:
    session = Session(str(tmp_path))
    assert watching.stamps(session, ()) == {}
    (tmp_path / "kpi.toml").write_text("", "utf-8")
    assert [path.name for path in watching.stamps(session, ())] == ["kpi.toml"]


def _read_until(stream: int, text: str, seconds: float = 60) -> str:
    shown = ""
    deadline = time.monotonic() + seconds
    while text not in shown and time.monotonic() < deadline:
        if select.select([stream], [], [], 0.2)[0]:
            shown += os.read(stream, 65536).decode()
    assert text in shown, shown
    return shown


def test_watching_answers_again_survives_errors_and_ends_with_130(shop: Path) -> None:
    reader, writer = os.pipe()
    words = ["eval", "order_count", "-f", "csv", "--watch"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, *words], cwd=shop, env=environment(), stdout=writer, stderr=writer
    )
    os.close(writer)
    try:
        assert "order_count\n21\n" in _read_until(reader, "as of")
        definitions = shop / "metrics.kpi"
        text = definitions.read_text("utf-8")
        definitions.write_text(text.replace("count(orders where is_paid)", "count(ordes where is_paid)"), "utf-8")
        assert "metrics.kpi changed" in _read_until(reader, "did you mean `orders`?")
        definitions.write_text(text.replace("count(orders where is_paid)", "count(orders)"), "utf-8")
        assert "order_count\n24\n" in _read_until(reader, "as of")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert "Traceback" not in os.read(reader, 65536).decode()
    finally:
        process.kill()
        os.close(reader)


# ------------------------------------------------------------------------------------------- terminals, help, beginning


def shown_at(width: int, folder: Path, *words: str) -> str:
    """What a terminal of this width shows."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, env=environment(NO_COLOR="1", TERM="dumb"),
        stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait(30) == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_narrow_terminal_folds_and_cuts_nothing(shop: Path) -> None:
    long = "a_metric_with_a_name_that_is_longer_than_any_terminal_of_this_width"
    (shop / "long.kpi").write_text(f'{long} = revenue\n  description: "Rather long, too, this description"\n', "utf-8")
    text = shown_at(34, shop, "list")
    assert max(map(len, text.splitlines())) <= 52, "the last line is a note, which the terminal itself folds"
    joined = "".join(text.split())
    for name in ("average_order_value", "revenue_growth", long, "Revenueperpaidorder", "Ratherlong,too"):
        assert name in joined
    assert "  Orders per visitor\n" in text


def test_help_of_a_command_lists_what_every_command_takes(kpi: Run) -> None:
    for command in ("eval", "fmt", "test", "values"):
        own, _, common = kpi(command, "--help").out.partition("Options of every command:")
        assert all(option in common for option in ("--project", "--definitions", "--data", "--errors", "-v, --verbose"))
        assert "--project" not in own and common.count("--help") == 0
    assert "Options of every command" not in kpi("--help").out


@pytest.mark.parametrize("command", ["init", "demo"])
@pytest.mark.parametrize("name", ["", " "])
def test_a_folder_without_a_name_is_refused(kpi: Run, folder: Path, command: str, name: str) -> None:
    done = kpi(command, name)
    assert done.code == 2 and "the name of the folder is empty" in done.err and "write `.`" in done.err
    assert list(folder.iterdir()) == []


def test_a_reader_that_leaves_early_ends_new_commands_quietly(shop: Path) -> None:
    for words in ("values channel", "test"):
        command = f"{sys.executable} -c '{PROGRAM}' {words} 2>error.txt | true"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=shop, env=environment(), timeout=60)
        assert done.returncode == 0
        assert "Traceback" not in (shop / "error.txt").read_text("utf-8")


@pytest.mark.parametrize("words", [["list"], ["-vv", "list"]])
def test_main_in_this_process_leaves_no_handlers(shop: Path, words: list[str]) -> None:
    before = list(progress._LOGGER.handlers)
    assert main(words) == 0
    assert progress._LOGGER.handlers == before


def test_lines_in_a_pipe_are_never_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_list([("a name", "a unit", "long " * 60 + "end")])
    assert capsys.readouterr().out.split() == ["a", "name", "a", "unit", *["long"] * 60, "end"]
