"""SHA-256, without OpenSSL where there is little to hash: to load it takes longer than a small question hashes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Protocol

_MUCH = 1 << 18
"""So many bytes are worth OpenSSL, which is four times as fast and more."""


class Hash(Protocol):
    """As the objects of `hashlib`."""

    def update(self, data: bytes, /) -> None:
        """Take in some more."""

    def digest(self) -> bytes:
        """The hash of all that was taken in."""

    def hexdigest(self) -> str:
        """The same in hexadecimal digits."""


def sha256_of(data: bytes) -> Hash:
    """The SHA-256 of some bytes.

    >>> sha256_of(b"orders").hexdigest()[:8]
    '1c168adb'
    """
    return (_fast() if len(data) >= _MUCH or "hashlib" in sys.modules else _light())(data)


@cache
def _light() -> Callable[[bytes], Hash]:
    """Python's own implementation, which `hashlib` falls back to; that of `hashlib` where there is none."""
    for name in ("_sha2", "_sha256"):
        try:
            found: Callable[[bytes], Hash] = import_module(name).sha256
        except (ImportError, AttributeError):
            continue
        return found
    return _fast()


@cache
def _fast() -> Callable[[bytes], Hash]:
    import hashlib

    return hashlib.sha256
