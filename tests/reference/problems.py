"""What the reference raises."""

from __future__ import annotations


class MeaninglessError(Exception):
    """A question or definition that has no meaning."""
