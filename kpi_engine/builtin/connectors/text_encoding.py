"""Texts that are not in the encoding that they are read in: the byte, its line, and the encoding that is likely."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager

from kpi_engine.builtin.connectors.stored_file import StoredFile, decompressed
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.diagnostic import KpiError

_SAMPLE_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 20
_NOT_PLAIN = re.compile(rb"[\x00\x80-\xff]")


def spoken_encoding(name: str) -> str:
    """The name of an encoding as people write it.

    >>> spoken_encoding("utf-8"), spoken_encoding("latin-1")
    ('UTF-8', 'latin-1')
    """
    return "UTF-8" if is_utf8(name) else name


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8, with or without its mark."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def has_plain_bytes(encoding: str) -> bool:
    """Whether texts without NUL characters have no NUL bytes in an encoding: all but UTF-16 and UTF-32."""
    return b"\0" not in "a".encode(encoding)


@contextmanager
def decoding(file: StoredFile, encoding: str) -> Iterator[None]:
    """Turns a UnicodeDecodeError inside the block into KpiError E611 with the line and the position of the byte."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise encoding_problem(file, encoding) from error


def encoding_problem(file: StoredFile, encoding: str) -> KpiError:
    """E611 for a file that cannot be decoded: where the first bad byte stands, and what the file may be instead."""
    name = spoken_encoding(encoding)
    found = _first_bad_byte(file, encoding)
    if found is None:
        return data_error("E611", file.shown, f"this is not a text in {name}", _help(file, encoding))
    line, position, byte = found
    message = f"byte 0x{byte:02X} (at position {position}) does not belong in a text in {name}"
    return data_error("E611", f"{file.shown}:{line}", message, _help(file, encoding))


def nul_problem(file: StoredFile, encoding: str) -> KpiError:
    """E611 for a text that holds NUL bytes: another encoding, or a part of the file that was never written."""
    from kpi_engine.builtin.connectors.encodings import likely_encoding

    line = position = 0
    for block in _blocks(file):
        found = block.find(b"\0")
        if found >= 0:
            line, position = line + block[:found].count(b"\n"), position + found
            break
        line, position = line + block.count(b"\n"), position + len(block)
    likely = likely_encoding(telling_sample(file))
    if likely.startswith(("utf-16", "utf-32")):
        help = f'the file looks like {likely}: add `encoding: "{likely}"` to the source'
    else:
        help = "a part of the file was never written, or it is no text: write or copy it again"
    return data_error("E611", f"{file.shown}:{line + 1}", f"the text holds NUL bytes (from position {position})", help)


def _help(file: StoredFile, encoding: str) -> str:
    from kpi_engine.builtin.connectors.encodings import likely_encoding

    sample = telling_sample(file)
    likely = likely_encoding(sample)
    if b"\0" in sample and not likely.startswith("utf-"):
        return "it may be no text at all: look at its format, and write or copy it again"
    if codecs.lookup(likely).name == codecs.lookup(encoding).name:
        return "the file is damaged here: correct it, or write it again"
    return f'the file looks like {likely}: add `encoding: "{likely}"` to the source'


def telling_sample(file: StoredFile) -> bytes:
    """Bytes that say most of the encoding: the first ones, from the first that is not ASCII on if that is far in."""
    first = b""
    for block in _blocks(file):
        first = first or block[:_SAMPLE_BYTES]
        found = _NOT_PLAIN.search(block)
        if found is not None:
            start = found.start()
            return block[start & ~1 : start + _SAMPLE_BYTES] if start > _SAMPLE_BYTES else block[:_SAMPLE_BYTES]
    return first


def _blocks(file: StoredFile) -> Iterator[bytes]:
    with decompressed(file) as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield block


def _first_bad_byte(file: StoredFile, encoding: str) -> tuple[int, int, int] | None:
    """Line (from 1), position (from 0) and value of the first byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, position = 1, 0
    for block in (*_blocks(file), b""):
        try:
            line += decoder.decode(block, final=not block).count("\n")
        except UnicodeDecodeError as error:
            held_back = len(error.object) - len(block)
            good = error.object[: error.start].decode(encoding, "replace")
            place = position - held_back + error.start
            return line + good.count("\n"), place, error.object[error.start]
        position += len(block)
    return None
