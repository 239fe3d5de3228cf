"""Commands and Python on the pages run, and what they print is what the page shows."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from plugins.packages import installed

from kpi_engine import SourceText
from kpi_engine.cli import main
from kpi_engine.extend import discovery
from kpi_engine.ir.render import render
from kpi_engine.project.config_file import parse_config

from . import shop
from .pages import PAGES, Block, blocks, page_id

_ERROR = re.compile(r"^(?P<file>[\w./-]+\.kpi):(?P<line>\d+):\d+: error\[\w+\]: ")
_SHOWN_LINE = re.compile(r"^ *\d+ \| (?P<text>.*)$")
RUNS = ("sh", "indented")
SET_UP = ("python3 -m venv",)
AUTHOR = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "a reader"), ("EMAIL", "reader@example.com"))
}


class Reader:
    """Somebody who follows a page from its top: writes the files, runs what stands there, compares what it prints."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.printed: str | None = None
        self.names: dict[str, Any] = {"__name__": "docs"}
        self.written: dict[str, str] = {}
        self.installed: list[str] = []

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        where = f"{page_id(self.page)}:{block.line}"
        if block.file:
            self.written[block.file] = block.text
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, "utf-8")
        if _ERROR.match(block.text):
            assert self.errors(block.text) == block.text, where
        elif block.language in RUNS:
            self.printed = self.run(block.text, where)
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile("\n" * (block.line - 1) + block.text, str(self.page), "exec"), self.names)
            self.printed = out.getvalue()
        elif block.language == "toml":
            parse_config(SourceText(where, block.text), Path("kpi.toml"))
        elif block.language == "text" and block.directly and self.printed is not None:
            assert _without_ends(self.printed) == _without_ends(block.text), where

    def run(self, text: str, where: str) -> str | None:
        """The output of a block's commands; None where it has none of ours, or is a set-up that CI executes."""
        if text.startswith(SET_UP):
            return None
        printed = None
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["cd"]:
                os.chdir(words[1])
            elif words[:1] == ["kpi"] and words != ["kpi", "demo"]:  # the folder is the demo's already
                printed = (printed or "") + _output_of(words[1:], f"{where}: {line}")
            elif words[:3] == ["pip", "install", "-e"]:
                self.install(Path(words[3]).resolve())
            elif words[:1] == ["git"]:
                subprocess.run(words, check=True, env=os.environ | AUTHOR)
        return printed

    def install(self, package: Path) -> None:
        """What `pip install -e` leaves for this process: the folder on the path, and metadata beside it."""
        installed(package)
        sys.path.insert(0, str(package))
        self.installed.append(str(package))
        discovery.forget()

    def leave(self) -> None:
        """Take from this process what was installed."""
        for package in self.installed:
            sys.path.remove(package)
            for name, module in list(sys.modules.items()):
                if package in str(getattr(module, "__file__", "")):
                    del sys.modules[name]
        discovery.forget()

    def errors(self, shown: str) -> str:
        """What is said of the definitions last seen, changed where the page shows another line."""
        head = _ERROR.match(shown)
        changed = next(match["text"] for line in shown.splitlines() if (match := _SHOWN_LINE.match(line)))
        assert head is not None
        lines = self.written.get(head["file"], "\n" * int(head["line"])).split("\n")
        lines[int(head["line"]) - 1] = changed
        text = SourceText(head["file"], "\n".join(lines))
        found = [each for each in shop.project([text], self.folder).check() if each.span.source.name == text.name]
        return "".join(f"{render(each)}\n" for each in found if each.code.startswith("E"))


def _output_of(words: list[str], where: str) -> str:
    """What a command prints; as on a terminal, an answer is a table if nothing else is asked for."""
    if words[0] == "eval" and not {"-f", "--format", "-o", "--output"} & set(words):
        words = [*words, "--format", "table"]
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said = [_text(each) for each in (out, err)]
    assert code == 0, f"{where} ends with {code}\n{said[1]}"
    return said[0]


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def _without_ends(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_page_runs(page: Path, at_work: Path) -> None:
    reader = Reader(page, at_work)
    try:
        for block in blocks(page.read_text("utf-8")):
            reader.follow(block)
    finally:
        reader.leave()


def test_other_output_is_noticed(at_work: Path) -> None:
    reader = Reader(PAGES[0], at_work)
    for block in blocks("```sh\nkpi --version\n```\n\n```text\nkpi_engine 0.0.0\n```\n")[:1]:
        reader.follow(block)
    with pytest.raises(AssertionError):
        reader.follow(Block("text", "kpi_engine 0.0.0\n", 1, "", "", True))
