"""How problems leave the command line: diagnostics on standard error, and an exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import IO, Any

from kpi_engine.cli.command_line import CommandLine
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, Severity, nearest
from kpi_engine.ir.span import SourceText, Span

_SUGGESTION = r"\s*(\(Possible options: .*\)|Did you mean .*\?)$"

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}


def usage_error(code: str, message: str, help: str = "") -> KpiError:
    """The error for a flag value that cannot be used."""
    return KpiError(Diagnostic(code, message, help=help, exit_code=ExitCode.USAGE))


def bad_command_line(error: Any, line: CommandLine) -> Diagnostic:
    """What typer says about a command line, in our form."""
    import shlex

    context = getattr(error, "ctx", None)
    commands = getattr(context.command, "commands", {}) if context is not None else {}
    word = getattr(error, "option_name", None) or ""
    likely = nearest(word, getattr(error, "possibilities", None) or ())
    path = context.command_path if context is not None else "kpi"
    depth = len(path.split()) - 1  # of `kpi cache` the command is the word behind it
    if not word and commands and len(line.rest) > depth:
        word = line.rest[depth]
        likely = nearest(word, commands)
    message = re.sub(r"'([^']*)'", r"`\1`", re.sub(_SUGGESTION, "", error.format_message()).strip().rstrip("."))
    help = f"did you mean `{likely[0]}`?" if likely else f"`{path} --help` shows what it takes"
    source = SourceText("command line", shlex.join(["kpi", *line.written]))
    start = source.text.find(f" {word}") + 1 if word else 0
    place = Span(source, start, start + len(word)) if start else Span(source, 0, len(source.text))
    return Diagnostic("E720", message[:1].lower() + message[1:], place, help, exit_code=ExitCode.USAGE)


def report(diagnostics: Iterable[Diagnostic], style: str, file: IO[str] | None = None) -> None:
    """Print every diagnostic in full: as text, or as JSON a line."""
    stream = sys.stderr if file is None else file
    for diagnostic in diagnostics:
        print_diagnostic(diagnostic, style, stream)


def print_diagnostic(diagnostic: Diagnostic, style: str, stream: IO[str]) -> None:
    """One diagnostic: `text` (the same as `full`), `concise` or `json`."""
    if style == "json":
        import json

        _write(stream, json.dumps(as_json(diagnostic), ensure_ascii=False))
        return
    from kpi_engine.ir.render import render

    text = render(diagnostic, "concise" if style == "concise" else "full")
    _write(stream, _coloured(text, diagnostic) if may_colour(stream) else text)


def note(message: str, style: str) -> None:
    """Something beside the data that the reader should know."""
    if style == "json":
        report([Diagnostic("N720", message)], style)
    else:
        _write(sys.stderr, f"\x1b[2m{message}\x1b[0m" if may_colour(sys.stderr) else message)


def _write(stream: IO[str], line: str) -> None:
    """A line. Where standard error takes none (a full disk), the exit code still says what happened."""
    try:
        stream.write(line + "\n")
    except OSError:
        if stream is not sys.stderr:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what waits in its buffer has somewhere to go


def as_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The fields of a diagnostic; places that are not known are null."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "help": diagnostic.help or None,
        "notes": [{"message": extra.message, **_place(extra.span)} for extra in diagnostic.notes],
    }


def may_colour(stream: IO[str]) -> bool:
    """Whether a stream is a terminal on which colours are welcome (see no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def system_error(error: OSError) -> Diagnostic:
    """E712: what the operating system refused, and of which file."""
    place = f"{error.filename}: " if error.filename is not None else ""
    reason = (error.strerror or str(error)).lower()
    help = "check the permissions" if isinstance(error, PermissionError) else ""
    return Diagnostic("E712", f"{place}{reason}", help=help, exit_code=ExitCode.DATA)


def internal_error(error: Exception, debug: bool) -> Diagnostic:
    """E799: a bug of ours. The traceback is printed with `--debug` only, and never with values of variables."""
    if debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
        help = "please report this with the traceback above, the command and the definitions"
    else:
        help = "please report it with the command, the definitions, and the output of the same with --debug"
    reason = str(error).split("\n", 1)[0]
    message = f"internal error: {type(error).__name__}{f': {reason}' if reason else ''}. This is a bug in kpi_engine"
    return Diagnostic("E799", message, help=help, exit_code=ExitCode.INTERNAL)


def _place(span: Span) -> dict[str, object]:
    name = span.source.name or None
    if not span.source.text:
        return {"file": name, "line": None, "column": None, "end_line": None, "end_column": None}
    end_line, end_column = span.source.position(span.end)
    return {
        "file": name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _coloured(text: str, diagnostic: Diagnostic) -> str:
    """The severity in its colour, the message in bold."""
    mark = f"{diagnostic.severity.value}[{diagnostic.code}]:"
    first, found, rest = text.partition(mark)
    if not found:
        return text
    message, line_end, below = rest.partition("\n")
    return f"{first}\x1b[1;{_COLOURS[diagnostic.severity]}m{mark}\x1b[0m\x1b[1m{message}\x1b[0m{line_end}{below}"


def suggest(folder: str, commands: list[str], style: str) -> None:
    """The next commands to try; part of the conversation, not of the data."""
    if style == "json":
        return
    import shlex

    lines = [f"cd {shlex.quote(folder)}", *commands]
    sys.stderr.write("\nnext:\n" + "".join(f"  {line}\n" for line in lines))
