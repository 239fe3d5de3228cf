"""What the global options choose: the project of this call, and how errors are written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from kpi_engine.cli.imports import (
    complete_documentation,
    keep_memory,
    leave_out_documentation,
    leave_out_pandas,
    make_functions_late,
)
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError

if TYPE_CHECKING:
    import typer

    from kpi_engine import Project
    from kpi_engine.extend.formats import OutputFormat
    from kpi_engine.project import ProjectConfig

ERROR_STYLES = ("text", "json")


@dataclass(frozen=True, slots=True)
class Session:
    """The global options as given; None where the environment and kpi.toml decide."""

    project: str | None = None
    definitions: Sequence[str] = ()
    data: str | None = None
    errors: str = "text"
    plugins: bool = True
    store: str | Literal[False] | None = None

    def open(self) -> Project:
        """The project; KpiError if there is none."""
        import kpi_engine

        more: dict[str, Any] = {} if self.plugins else {"plugins": False}
        if self.store is not None:
            more["store"] = self.store
        keep_memory()
        leave_out_documentation()
        project = kpi_engine.open(self.project, definitions=list(self.definitions) or None, data=self.data, **more)
        if not project.config.plugins:  # a plugin may hand over what pandas has, and read anything
            leave_out_pandas()
            make_functions_late()
        else:
            complete_documentation()
        return project

    def with_store(self, store: str | Literal[False] | None) -> Session:
        """The session of a command that has chosen a state store."""
        return replace(self, store=store)

    def formats(self) -> tuple[Mapping[str, OutputFormat], list[Diagnostic]]:
        """All output formats of the project by name, and its plugins that were left out; none without a project."""
        from kpi_engine.hosting import formats_of

        try:
            return formats_of(self.config())
        except KpiError as error:
            if error.diagnostics[0].code != "E701":
                raise
            return {}, []

    def config(self) -> ProjectConfig:
        """Only the settings: reads kpi.toml and nothing else."""
        from kpi_engine.project import load_config

        files = list(self.definitions) or None
        return load_config(self.project, definitions=files, data=self.data, plugins=self.plugins, store=self.store)


def error_style(given: str) -> str:
    """How errors are written: the flag, else `KPI_ERRORS`, else text; KpiError E722 for anything else."""
    chosen = given or os.environ.get("KPI_ERRORS") or "text"
    if chosen not in ERROR_STYLES:
        from kpi_engine.cli.failures import usage_error

        raise usage_error("E722", f"errors cannot be written as `{chosen}`", "write --errors text or --errors json")
    return chosen


def session_of(context: typer.Context) -> Session:
    """The session of a running command."""
    found = context.obj
    return found if isinstance(found, Session) else Session()
