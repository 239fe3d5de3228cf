"""An answer as a text by itself: the table that a terminal shows, and the notes below it."""

from __future__ import annotations

from io import BytesIO

from kpi_engine.extend.formats import Answer, Surface
from kpi_engine.present.notes import note_lines
from kpi_engine.present.table import write_table

_WIDTH = 100


def answer_text(answer: Answer) -> str:
    """The table within a hundred cells, and a line a note, without colours."""
    sink = BytesIO()
    write_table(answer, sink, Surface(_WIDTH))
    return sink.getvalue().decode() + "\n".join(note_lines(answer))
