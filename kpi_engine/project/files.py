"""Reading text files that people wrote: regular files only, of limited size, strictly UTF-8."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.span import SourceText, Span

LARGEST = 1_000_000
"""Bytes that a definitions file or kpi.toml may have."""


def read_text(path: Path, name: str | None = None) -> SourceText:
    """The text of a file, without a byte-order mark. `name` is what messages call it.

    KpiError E706 (not UTF-8), E707 (too large), E709 (cannot be read).
    """
    called = name if name is not None else shown(path)
    content = _read_bytes(path, called)
    body = content.removeprefix(codecs.BOM_UTF8)
    try:
        return SourceText(called, body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise KpiError(_not_utf8(called, content, body, error)) from None


def shown(path: Path) -> str:
    """How messages name a file: from the working folder where that is near, else in full."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return relative if relative.count("..") <= 2 else str(path)


def unreadable(name: str, error: OSError) -> Diagnostic:
    """E709: the operating system's reason in its own words."""
    reason = (error.strerror or str(error)).lower()
    return Diagnostic("E709", f"cannot read {name}: {reason}", Span(SourceText(name, ""), 0, 0))


def _read_bytes(path: Path, name: str) -> bytes:
    """At most `LARGEST` bytes. Opening never waits (a pipe or a device in a project is refused, not read)."""
    place = Span(SourceText(name, ""), 0, 0)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise KpiError(unreadable(name, error)) from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise KpiError(Diagnostic("E709", f"cannot read {name}: it is not a regular file", place))
        try:
            content = file.read(LARGEST + 1)
        except OSError as error:
            raise KpiError(unreadable(name, error)) from error
    if len(content) > LARGEST:
        message = f"{name} is larger than 1 MB"
        help = "split it into several files; data belongs in tables, not in definitions"
        raise KpiError(Diagnostic("E707", message, place, help, exit_code=ExitCode.LIMIT))
    return content


def _not_utf8(name: str, content: bytes, body: bytes, error: UnicodeDecodeError) -> Diagnostic:
    text = SourceText(name, body.decode("utf-8", errors="replace"))
    before = len(body[: error.start].decode("utf-8"))
    offset = error.start + len(content) - len(body)
    message = f"this is not UTF-8 text: byte 0x{body[error.start]:02x} at offset {offset}"
    utf16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    help = "the file is in UTF-16: save it as UTF-8" if utf16 else "save the file as UTF-8"
    return Diagnostic("E706", message, Span(text, before, before + 1), help)
