"""Options that all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Whoever shares the machine must not make a test fail: examples have no time limit.
# A change is judged on the same examples each time; a run by hand looks at new ones.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ, database=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write actual results into the case files")
