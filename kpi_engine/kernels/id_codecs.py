"""Ways to write ids as whole numbers of 64 or 128 bits, and the Arrow types that say which way was taken."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass

_VENDOR = "kpi_engine"

MOST_BYTES = 16
"""How many bytes an id of the form `words` may have after its prefix."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How an id is written.

    `numbered`: a prefix and so many digits (0: as many as it takes, no leading zeros); `bytes`: at most eight bytes;
    `hex`, `HEX`: a prefix and so many hexadecimal digits, at most 32, in lower or upper case; `uuid`, `UUID`: five
    groups of such digits; `words`: a prefix and at most 16 bytes.
    """

    form: Literal["numbered", "bytes", "hex", "HEX", "uuid", "UUID", "words"]
    prefix: bytes = b""
    digits: int = 0

    @property
    def is_wide(self) -> bool:
        """Whether numbers of 128 bits stand for ids, and not int64."""
        return self.form in ("uuid", "UUID", "words") or (self.form in ("hex", "HEX") and self.digits > 16)

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of ids that are kept so."""
        storage = pa.binary(16) if self.is_wide else pa.int64()
        match self.form:
            case "numbered" | "hex" | "HEX":
                return pa.opaque(storage, f"{self.form}:{self.digits}:{self.prefix.decode()}", _VENDOR)
            case "words":
                return pa.opaque(storage, f"words:{self.prefix.decode()}", _VENDOR)
        return pa.opaque(storage, self.form, _VENDOR)

    @property
    def rank(self) -> tuple[bool, bool, bool, str, int, bytes]:
        """Orders codecs: those of one word first, and all in one way."""
        return (self.is_wide, self.form != "numbered", self.form != "bytes", self.form, -self.digits, self.prefix)


def is_ids(type: pa.DataType) -> bool:
    """Whether an array holds ids as numbers."""
    return isinstance(type, pa.OpaqueType) and type.vendor_name == _VENDOR


def is_wide(type: pa.DataType) -> bool:
    """Whether an array holds ids as numbers of 128 bits."""
    return is_ids(type) and pa.types.is_fixed_size_binary(type.storage_type)


def codec_of(type: pa.DataType) -> Codec:
    """The codec that a type of ids stands for."""
    name, _, rest = type.type_name.partition(":")
    match name:
        case "bytes" | "uuid" | "UUID":
            return Codec(name)
        case "words":
            return Codec("words", rest.encode())
    digits, _, prefix = rest.partition(":")
    return Codec(name, prefix.encode(), int(digits))
