"""The reference page of functions, made from their records: `python -m kpi_engine.testing.docs` writes it.

With `--check` nothing is written, and the exit code is 1 if the page in the repository is stale. A plugin makes the
page of its own functions by naming its records: `python -m kpi_engine.testing.docs my_plugin:FUNCTIONS`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path

from kpi_engine.extend.functions import Example, Function

PAGE = Path("docs/functions.md")
_BUILT_IN = "kpi_engine.builtin.functions:FUNCTIONS"

_HEADING = """\
# Functions

<!-- Made from the function records by `python -m kpi_engine.testing.docs`; edit those. -->

Functions are ordinary names: `name(argument, ...)`. Row functions work on columns inside aggregates and computed
columns, and on metrics. Optional arguments stand in square brackets. Every example below is a test.
"""

_INTRODUCTIONS = {
    "Aggregates": "Examples show the values of a column `x` (and of a column `w`) and what comes of them.",
    "Windows": (
        "Examples show the values of a column `x`, one row a month from January 2027 on, and the result of the last\n"
        "month."
    ),
}


def functions_page(functions: Iterable[Function]) -> str:
    """The page as Markdown: families in the order of the records, each function with prose, types and examples."""
    listed = list(functions)
    parts = [_HEADING, _contents(listed)]
    for group, members in groupby(listed, key=lambda function: function.group):
        introduction = _INTRODUCTIONS.get(group)
        parts.append(f"## {group}\n" + (f"\n{introduction}\n" if introduction else ""))
        parts.extend(map(_entry, members))
    return "\n".join(parts)


def _contents(functions: Sequence[Function]) -> str:
    lines = []
    for group, members in groupby(functions, key=lambda function: function.group):
        links = ", ".join(f"[{function.name}](#{function.name})" for function in members)
        lines.append(f"* {group}: {links}")
    return "\n".join(lines) + "\n"


def _entry(function: Function) -> str:
    examples = "\n".join(map(_example, function.examples))
    return (
        f"### {function.name}\n\n"
        f"`{function.signature}` gives {function.returns}.\n\n"
        f"{function.prose}\n\n"
        f"{_parameters(function)}"
        f"```\n{examples}\n```\n"
    )


def _parameters(function: Function) -> str:
    lines = []
    for parameter in function.parameters:
        remarks = (
            (parameter.optional, "; may be left out"),
            (parameter.variadic, "; may repeat"),
            (parameter.literal and not parameter.words, "; written out, not computed"),
        )
        words = ", ".join(f"`{word}`" for word in parameter.words) + (", or a declared one" if parameter.grains else "")
        words = f" ({words})" if words else ""
        said = "".join(remark for holds, remark in remarks if holds)
        lines.append(f"* `{parameter.name}`: {parameter.accepts}{words}{said}")
    return "\n".join(lines) + "\n\n"


def _example(example: Example) -> str:
    data = f"x: {example.data}".replace("; ", "   w: ") if example.data else ""
    return f"{example.call} = {example.result}" + (f"        # {data}" if data else "")


def main(arguments: Sequence[str]) -> int:
    """Write the page below the working folder, or check it; `module:name` among the arguments names other records."""
    module, _, name = next((one for one in arguments if ":" in one), _BUILT_IN).partition(":")
    page = functions_page(getattr(import_module(module), name))
    if "--check" in arguments:
        fresh = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page
        print(f"{PAGE} is {'up to date' if fresh else 'stale: run python -m kpi_engine.testing.docs'}")
        return 0 if fresh else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
