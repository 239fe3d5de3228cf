"""Answer one question one way, in this process; run.py starts it for each figure.

python benchmarks/one.py DuckDB revenue --data /tmp/shop --rows rows.pickle --times times.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import pickle
import time
from pathlib import Path

from without_pandas import hide_pandas


def main() -> None:
    """The command line; the time of answering is that of the last of `--repeat` answers, imports not included."""
    parser = argparse.ArgumentParser(description="answer one question one way")
    parser.add_argument("module", help="a module of ways/")
    parser.add_argument("question")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=Path, help="write the rows of the answer here")
    parser.add_argument("--times", type=Path, help="write wall and CPU seconds of the answer here")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--prepare", action="store_true", help="make ready what answers need once, and end")
    parser.add_argument("--with-pandas", action="store_true", help="for those that need it")
    arguments = parser.parse_args()
    if not arguments.with_pandas:
        hide_pandas()

    from questions import QUESTIONS

    question = QUESTIONS[arguments.question]
    way = importlib.import_module(f"ways.{arguments.module}")
    if arguments.prepare:
        way.prepare(arguments.data)
        return
    for _ in range(arguments.repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = way.answer(question, arguments.data)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if arguments.times is not None:
        arguments.times.write_text(json.dumps({"wall": wall, "cpu": cpu}), encoding="utf-8")
    if arguments.rows is not None:
        rows = way.rows(question, answer) if hasattr(way, "rows") else answer
        arguments.rows.write_bytes(pickle.dumps(rows))


if __name__ == "__main__":
    main()
