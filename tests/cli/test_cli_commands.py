"""The other commands, and how any command ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kpi_engine
from kpi_engine.cli.command_line import VALUED, arrange, listed
from kpi_engine.ir.codes import CODES
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.span import SourceText, Span

Run = Callable[..., Any]
COMMANDS = ("init", "demo", "check", "diff", "fmt", "list", "describe", "eval", "explain")


def test_help_shows_every_command(kpi: Run) -> None:
    for words in ([], ["--help"], ["-h"]):
        done = kpi(*words)
        assert (done.code, done.err) == (0, "")
        assert all(re.search(rf"^  {command} +\S.*\w\.$", done.out, re.M) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_sentence_and_an_example(kpi: Run, command: str) -> None:
    done = kpi(command, "--help")
    assert done.code == 0
    assert re.search(rf"^  \S.*\.\n(.*\n)*\n  Example:\n    kpi {command}", done.out, re.M)
    assert not set("<{\b") & set(done.out)


def test_the_version(kpi: Run) -> None:
    assert kpi("--version").out == f"kpi_engine {kpi_engine.__version__}\n"
    assert kpi("list", "--version").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evl"], "did you mean `eval`?"),
        (["eval"], "missing argument `METRIC`"),
        (["eval", ","], "no metric is named"),
        (["eval", "a", "--gran", "day"], "did you mean `--grain`?"),
        (["eval", "a", "--by"], "option `--by` requires an argument"),
        (["describe", "a", "b"], "unexpected extra argument"),
        (["list", "--errors", "xml"], "errors cannot be written as `xml`"),
        (["check", "--format", "jsn"], "did you mean `json`?"),
    ],
)
def test_a_bad_command_line_is_a_diagnostic(kpi: Run, words: list[str], said: str) -> None:
    done = kpi(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err and re.search(r"error\[E72\d\]: ", done.err)
    assert "Usage:" not in done.err and "Traceback" not in done.err


def test_the_word_that_is_wrong_is_underlined(kpi: Run) -> None:
    assert kpi("eval", "revenue", "--gran", "day").err == (
        "command line:1:18: error[E720]: no such option: --gran\n"
        "     1 | kpi eval revenue --gran day\n"
        "       |                  ^^^^^^\n"
        "       = help: did you mean `--grain`?\n"
    )


def test_a_bad_command_line_as_json(kpi: Run) -> None:
    problem = json.loads(kpi("--errors", "json", "evl").err)
    assert (problem["code"], problem["help"]) == ("E720", "did you mean `eval`?")


@given(st.lists(st.sampled_from(["eval", "a", "--by", "b", "--", "x.kpi", "--debug", *VALUED, "--data=d"]), max_size=8))
def test_arranging_keeps_every_word_but_the_gathered_options(words: list[str]) -> None:
    line = arrange(words)
    flat = [part for word in line.words for part in word.split("=")]
    given_words = [part for word in words for part in word.split("=")]
    assert sorted(set(flat)) == sorted(set(given_words))
    if "--" in words and "--" in line.rest:
        assert line.rest[line.rest.index("--") :] == tuple(words[-(len(line.rest) - line.rest.index("--")) :])


def test_lists_may_have_spaces_and_empty_parts() -> None:
    assert listed(["a, b", ",c,", ""]) == ("a", "b", "c")
    assert listed(None) == ()


def test_a_bug_is_one_line_and_a_traceback_only_on_request(kpi: Run, project: Any) -> None:
    project.failure = RuntimeError("boom\nsecond line")
    done = kpi("eval", "revenue")
    assert done.code == 70
    assert done.err.startswith("error[E799]: internal error: RuntimeError: boom. This is a bug in kpi_engine\n")
    assert "Traceback" not in done.err and "--debug" in done.err
    done = kpi("eval", "revenue", "--debug")
    assert done.code == 70 and "Traceback" in done.err


@pytest.mark.parametrize(("failure", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 5), (BrokenPipeError(), 0)])
def test_other_ends(kpi: Run, project: Any, failure: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpi_engine.cli.typer_classes.silence_stdout", lambda: None)
    project.failure = failure
    done = kpi("eval", "revenue")
    assert done.code == code and "Traceback" not in done.err


def finding(code: str, message: str) -> Diagnostic:
    source = SourceText("a,b.kpi", "x = 1\ny = 2\n")
    return Diagnostic(code, message, Span(source, 6, 7), "write 100%\nor less")


@pytest.mark.parametrize(
    ("codes", "code", "summary"),
    [
        ([], 0, "no problems found"),
        (["N201"], 0, "1 note"),
        (["W201", "W201"], 1, "2 warnings"),
        (["W201", "E201"], 3, "1 error, 1 warning"),
    ],
)
def test_check_ends_with_what_it_found(kpi: Run, project: Any, codes: list[str], code: int, summary: str) -> None:
    project.findings = [finding(each, "something") for each in codes]
    done = kpi("check")
    assert (done.code, done.err) == (code, f"{summary}\n")
    assert done.out.count("something") == len(codes)


def test_check_reports_what_keeps_the_project_from_opening(kpi: Run, project: Any, broken: KpiError) -> None:
    project.failure = broken
    done = kpi("check", "--format", "concise")
    assert (done.code, done.out) == (3, "sales.kpi:1:20: error[E201]: no source or entity named `ordres`\n")


def test_check_as_json_is_one_document(kpi: Run, project: Any) -> None:
    project.findings = [finding("E201", "one"), finding("W201", "two")]
    done = kpi("check", "--format", "json")
    assert [each["message"] for each in json.loads(done.out)] == ["one", "two"]
    assert done.err == ""
    project.findings = []
    assert json.loads(kpi("check", "--format", "json").out) == []


def test_check_for_github_escapes_what_would_end_a_field(kpi: Run, project: Any) -> None:
    project.findings = [finding("E201", "50% of\r\nlines: a, b")]
    assert kpi("check", "--format", "github").out == (
        "::error title=E201,file=a%2Cb.kpi,line=2,col=1,endLine=2,endColumn=2"
        "::50%25 of%0D%0Alines: a, b%0Ahelp: write 100%25%0Aor less\n"
    )


def test_list_is_a_line_a_metric(kpi: Run, project: Any) -> None:
    done = kpi("list")
    assert done.out == "order_count  count\nconversion   percent  Orders per visitor\n"
    assert kpi("list", "--tag", "sales").out == "order_count  count\n"
    assert kpi("list", "--source", "visits").out.startswith("conversion ")
    assert "did you mean `visits`?" in kpi("list", "--source", "visit").err
    assert kpi("list", "--tag", "sals").code == 2


def test_list_as_json(kpi: Run, project: Any) -> None:
    done = kpi("list", "--json")
    assert done.err == ""
    first, second = json.loads(done.out)
    assert (first["name"], first["additive"], first["tags"]) == ("order_count", True, ["sales"])
    assert (second["unit"], second["sources"], second["description"]) == (
        "percent",
        ["orders", "visits"],
        "Orders per visitor",
    )


def test_describe_an_unknown_name(kpi: Run, project: Any) -> None:
    done = kpi("describe", "conversoin")
    assert done.code == 2 and "did you mean `conversion`?" in done.err


def test_describe_a_source(kpi: Run, project: Any) -> None:
    done = kpi("describe", "order")
    assert done.code == 0
    assert re.search(r"table +orders\.csv", done.out) and re.search(r"read by +order_count, conversion", done.out)


def test_init_writes_and_says_what_next(kpi: Run, folder: Path) -> None:
    done = kpi("init", "my shop")
    assert done.code == 0
    assert "my shop/metrics.kpi\n" in done.out
    assert "cd 'my shop'" in done.err and "kpi eval revenue" in done.err
    assert (folder / "my shop" / "kpi.toml").is_file()
    assert kpi("init", "my shop").code == 2


def test_every_code_of_this_part_is_in_the_table() -> None:
    here = Path(kpi_engine.__file__).parent
    files = [path for part in ("cli", "project", "present") for path in (here / part).rglob("*.py")]
    used = {code for path in files for code in re.findall(r'"([EWN]\d{3})"', path.read_text(encoding="utf-8"))}
    assert used and used <= set(CODES)
