"""The reference in docs/plugins.md, made of the code: hooks, protocols, the conformance kit, codes.

`python -m kpi_engine.testing.plugin_pages docs/plugins.md` brings a page up to date; what stands between the two marks
is replaced.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from kpi_engine.extend import formats, functions, hookspecs, measures, rows, scans, secrets
from kpi_engine.testing.connectors import ConnectorKit

BEGIN, END = "<!-- reference: made of the code -->", "<!-- end of the reference -->"

_CONNECTORS: tuple[tuple[type, str], ...] = (
    (rows.Connector, "What a connector is"),
    (rows.ConnectionSettings, "What it is made of"),
    (rows.TableRequest, "A table"),
    (rows.ScanRequest, "What is asked"),
    (rows.ColumnRequest, "A column that is asked for"),
    (rows.Predicate, "A condition that may be pushed"),
    (rows.Scan, "What is answered"),
    (rows.Fragment, "A part that is read on its own"),
    (rows.Fingerprinted, "A part that knows when its rows are the same"),
    (rows.Counted, "A part that knows how many rows it has"),
    (secrets.Secret, "A key"),
)
_AGGREGATING: tuple[type, ...] = (
    measures.Aggregating,
    measures.MeasureRequest,
    measures.SourceTable,
    measures.Support,
    measures.PartialStates,
)
_RECORDS: tuple[type, ...] = (functions.Function, functions.Parameter, functions.Example, formats.OutputFormat)


def reference() -> str:
    """The reference as Markdown."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield "### Hooks\n"
    for name, hook in _hooks(hookspecs.Hooks):
        yield f"`{name}{inspect.signature(hook).replace(parameters=[])}`\n".replace('"', "").replace("'", "")
        yield f"{_text(hook)}\n"
    yield "### Connectors\n"
    for part, title in _CONNECTORS:
        yield from _class(part, title)
    yield "Helpers: `extend.arrow_tables.table_schema` makes a schema of an Arrow one,"
    yield "`extend.rows.data_error` an error that users can act on.\n"
    for helper in (scans.stream_scan, scans.dataset_scan):
        yield f"`{helper.__name__}`: {_text(helper)}\n"
    yield "### Connectors that aggregate\n"
    yield f"{_text(measures)}\n"
    for part in _AGGREGATING:
        yield from _class(part, "")
    yield f"`state_columns`: {_text(measures.state_columns)}\n"
    yield "### Records\n"
    for part in _RECORDS:
        yield from _class(part, "")
    yield "### The conformance kit\n"
    yield f"{_text(ConnectorKit)}\n"
    yield "| attribute or method | meaning |\n|---|---|"
    for name, text in {**_attributes(ConnectorKit), **_methods(ConnectorKit)}.items():
        if not name.startswith(("test_", "_")) and name not in ("connection", "connector"):
            yield f"| `{name}` | {_one_line(text)} |"
    yield "\n| check | what it proves |\n|---|---|"
    for name, text in _methods(ConnectorKit).items():
        if name.startswith("test_"):
            yield f"| `{name}` | {_one_line(text)} |"


def _class(part: type, title: str) -> Iterator[str]:
    yield f"**`{part.__name__}`**{f' ({title[0].lower()}{title[1:]})' if title else ''}: {_text(part)}\n"
    fields = getattr(part, "__annotations__", {}) if hasattr(part, "__dataclass_fields__") else {}
    described = _attributes(part)
    for name in fields:
        kind = str(fields[name]).replace("|", "\\|")
        text = f": {_one_line(described[name])}" if name in described else ""
        yield f"* `{name}`: `{kind}`{text}"
    for name, text in _methods(part).items():
        if not name.startswith("_"):
            yield f"* `{name}`: {_one_line(text)}"
    yield ""


def _hooks(part: type) -> list[tuple[str, Callable[..., object]]]:
    return [(name, value) for name, value in vars(part).items() if name.startswith("kpi_")]


def _methods(part: type) -> dict[str, str]:
    found = {}
    for name, value in vars(part).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not name.startswith("_") and callable(function) and getattr(function, "__doc__", None):
            found[name] = inspect.getdoc(function) or ""
    return found


def _attributes(part: type) -> dict[str, str]:
    """Texts below attributes, which Python does not keep."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for line, below in zip(tree.body, tree.body[1:], strict=False):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and is_text:
            assert isinstance(below, ast.Expr)
            assert isinstance(below.value, ast.Constant)
            found[line.target.id] = inspect.cleandoc(str(below.value.value))
    return found


def _text(part: object) -> str:
    """A docstring without its examples."""
    return (inspect.getdoc(part) or "").partition("\n>>> ")[0].rstrip()


def _one_line(text: str) -> str:
    return " ".join(text.partition("\n>>> ")[0].split()).replace("|", "\\|")


def with_reference(page: str) -> str:
    """The page with the reference as it is now between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_reference(target.read_text("utf-8")), "utf-8")
