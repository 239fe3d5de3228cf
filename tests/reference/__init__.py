"""A reference interpreter of the language: row by row, slow and obvious, in plain Python.

It shares nothing with the engine but the syntax tree. Every group of every period looks at every row, so that a reader
can hold each rule against the language's text; numbers are `int` and `Fraction`, times are `datetime` and `zoneinfo`.

    definitions --model--> sources, dimensions, metrics        what is declared, as trees
    rows, model --tables, links, events, world--> the rows of a source, the value of a column or a path on one row
    question --answer--> periods, groups; metrics --meaning, keyed, measured--> one value for each
"""

from __future__ import annotations

from .answer import Asked, answer
from .model import Model, read_model
from .problems import MeaninglessError

__all__ = ["Asked", "MeaninglessError", "Model", "answer", "read_model"]
