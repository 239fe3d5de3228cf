"""SHA-256 with and without OpenSSL."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator

import pytest

from kpi_engine.ir import digest


@pytest.fixture(autouse=True)
def chosen_anew() -> Iterator[None]:
    digest._light.cache_clear()
    yield
    digest._light.cache_clear()


@pytest.mark.parametrize("size", [0, 1, 1000, digest._MUCH - 1, digest._MUCH, digest._MUCH + 1])
@pytest.mark.parametrize("is_loaded", [False, True])
def test_hashes_are_those_of_hashlib(size: int, is_loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_loaded:
        monkeypatch.delitem(sys.modules, "hashlib")
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    found = digest.sha256_of(data)
    assert found.hexdigest() == hashlib.sha256(data).hexdigest()
    found.update(b"more")
    assert found.digest() == hashlib.sha256(data + b"more").digest()


def test_little_is_hashed_without_openssl_if_python_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hashlib")
    assert type(digest.sha256_of(b"")).__module__ in ("_sha2", "_sha256")


def test_a_python_without_an_implementation_of_its_own_hashes_with_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.delitem(sys.modules, "hashlib")
    monkeypatch.setattr(digest, "import_module", missing)
    assert digest.sha256_of(b"orders").hexdigest() == hashlib.sha256(b"orders").hexdigest()
    assert digest._light() is digest._fast()
