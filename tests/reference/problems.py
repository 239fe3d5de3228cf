"""What the reference raises."""

from __future__ import annotations


class MeaninglessError(Exception):
    """A question or definition that has no meaning."""


class AmbiguousError(MeaninglessError):
    """A name with several meanings: nobody but the author can say which is meant, also where it would not be needed."""
