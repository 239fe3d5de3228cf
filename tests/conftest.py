"""Options that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Whoever shares the machine must not make a test fail: examples have no time limit.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write actual results into the case files")
