"""Which encoding a text probably has, from its bytes: a proposal for a message, never a decision."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MOST_NULS = 0.3
_ENOUGH_CJK = 0.6
_ENOUGH_PAIRS = 0.9
_MOST_INSIDE_WORDS = 0.2
_INSIDE_WORDS = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f](?=[A-Za-z])")
_UNUSED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


def likely_encoding(sample: bytes) -> str:
    """The name to write after `encoding:` for a text that is not in the encoding it was read in.

    >>> likely_encoding("Größe;Müller".encode("cp1252")), likely_encoding("订单,城市\\n上海".encode("gbk"))
    ('windows-1252', 'gb18030')
    >>> likely_encoding("a,b\\n1,2\\n".encode("utf-16-le")), likely_encoding("a,ü\\n".encode())
    ('utf-16-le', 'utf-8')
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[first::2]
        if half and half.count(0) > _MOST_NULS * len(half) and sample.count(0) - half.count(0) <= half.count(0) // 8:
            return name
    if _decodes(sample, "utf-8"):
        return "utf-8"
    if _is_chinese(sample):
        return "gb18030"
    return "iso-8859-1" if _UNUSED_IN_CP1252 & set(sample) else "windows-1252"


def _decodes(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding; the last character may be cut."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(sample: bytes) -> bool:
    if not _decodes(sample, "gb18030"):
        return False
    text = codecs.getincrementaldecoder("gb18030")().decode(sample)
    foreign = [character for character in text if ord(character) > 0x7F]
    common = sum(map(_is_common, foreign))
    # Two accented letters in a row are rare in European texts; they would be one Chinese character inside a word.
    if len(_INSIDE_WORDS.findall(text)) > _MOST_INSIDE_WORDS * len(foreign):
        return False
    return bool(foreign) and common >= _ENOUGH_CJK * len(foreign) and _pairs(sample) >= _ENOUGH_PAIRS


def _is_common(character: str) -> bool:
    """Whether it is punctuation, kana, a wide form, or one of the characters in daily use (level 1 of GB 2312)."""
    if "\u3000" <= character <= "\u30ff" or "\uff00" <= character <= "\uffef":
        return True
    lead = character.encode("gb18030")[0]
    return "\u4e00" <= character <= "\u9fff" and 0xB0 <= lead <= 0xD7


def _pairs(sample: bytes) -> float:
    """The share of high bytes that stand in runs of two or more: nearly all in Chinese, few in European texts."""
    high = paired = 0
    for before, byte, after in zip(b"\0" + sample, sample, sample[1:] + b"\0", strict=False):
        if byte > 0x7F:
            high += 1
            paired += before > 0x7F or after > 0x7F
    return paired / high if high else 0.0
