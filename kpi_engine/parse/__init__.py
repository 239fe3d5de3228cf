"""Text to tree, with errors that point at the author's own words, and tree to canonical text."""

from __future__ import annotations
