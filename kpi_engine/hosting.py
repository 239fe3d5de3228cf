"""The plugins of a project: its host, and the connectors of its connections. Beside the pipeline, which uses it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from kpi_engine.extend.contained import ContainedConnector
from kpi_engine.extend.discovery import CONNECTORS, clash, installed, providers
from kpi_engine.extend.formats import OutputFormat
from kpi_engine.extend.host import Chosen, Host, MakeConnector, names_of_plugins, usable
from kpi_engine.extend.loading import LoadFailure, load
from kpi_engine.extend.rows import ConnectionSettings, Connector, Scan, ScanRequest, TableRequest, data_error
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.ir.stored import StateStore
from kpi_engine.project import ProjectConfig
from kpi_engine.project.files import read_text
from kpi_engine.project.secrets import masked


def host_of(config: ProjectConfig) -> Host:
    """What the plugins of a project register, built-in ones included; those that fail are in its `failures`."""
    return builtin_host() if not config.plugins else Host.of(_builtin_plugin(), chosen(config))


def chosen(config: ProjectConfig) -> Chosen:
    """What a project says of plugins, for the host."""
    return Chosen(config.plugins, config.pins, config.allowed)


@lru_cache(maxsize=1)
def builtin_host() -> Host:
    """The host of what ships inside, alone."""
    return Host.of(_builtin_plugin(), Chosen())


def _builtin_plugin() -> object:
    from kpi_engine.builtin import plugin

    return plugin


def plugin_problems(host: Host, config: ProjectConfig) -> list[Diagnostic]:
    """What is said of plugins when a project is loaded: E for what kpi.toml must change, W for what was left out."""
    place = _place(config) if host.failures or host.warnings or host.meddling else NOWHERE
    found = []
    for failure in host.failures:
        if failure.unknown:
            message = f"there is no plugin `{failure.name}`"
            help = did_you_mean(failure.name, names_of_plugins()) or f"install what provides it: {_pip(failure.name)}"
            found.append(Diagnostic("E750", message, place, help))
        elif failure.is_conflict:
            help = "uninstall one of them, or take the plugin out of kpi.toml"
            found.append(Diagnostic("E751", str(failure), place, help, exit_code=ExitCode.DATA))
        else:
            found.append(Diagnostic("W750", str(failure), place, "`kpi plugins doctor` says more"))
    found += [Diagnostic("W751", warning, place) for warning in host.warnings]
    found += [Diagnostic("W752", told, place, "tell its author") for told in host.meddling]
    return found


def needed_plugins(host: Host, problems: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The failures again, as errors, where a function is unknown that a plugin which was left out may have."""
    if not any(problem.code == "E204" for problem in problems):
        return []
    return [
        Diagnostic("E752", f"{failure}; a function that is not known may be its", exit_code=ExitCode.DATA)
        for failure in host.failures
        if not failure.unknown and not failure.is_conflict
    ]


def _place(config: ProjectConfig) -> Span:
    if config.file is None:
        return NOWHERE
    from kpi_engine.project.toml_places import place_of

    return place_of(masked(read_text(config.file)), ("plugins",))


def _pip(name: str) -> str:
    return f"`pip install kpi-{name.removeprefix('kpi-').replace('_', '-')}`, if that is its name"


def connectors_of(config: ProjectConfig, host: Host) -> dict[str, Connector]:
    """One connector a connection; those of plugins are imported when something is first asked of them.

    One that nobody provides says so then, too (KpiError E621).
    """
    return {name: _connector(settings, config, host) for name, settings in config.connections.items()}


def _connector(settings: ConnectionSettings, config: ProjectConfig, host: Host) -> Connector:
    make = host.connectors.get(settings.connector)
    if make is not None:
        if settings.connector in builtin_host().connectors:
            return make(settings)
        return ContainedConnector(settings, host.loaded[host.origins[settings.connector]].provider, lambda: make)
    entries = providers(CONNECTORS, settings.connector)
    if not entries:
        return MissingConnector(_no_connector(settings, host))
    provider = entries[0].provider if len(entries) == 1 else ""
    return ContainedConnector(settings, provider, _finder(settings.connector, config))


def store_of(config: ProjectConfig) -> StateStore | None:
    """The state store that a project chose; its folder is made when something is first kept."""
    settings = config.store
    if settings.folder is None or os.name == "nt":  # where neither such locks nor syncs of folders exist
        return None
    from kpi_engine.store import FolderStore

    return FolderStore(settings.folder, limit=settings.size, network=settings.network)


def _finder(name: str, config: ProjectConfig) -> Callable[[], MakeConnector]:
    def find() -> MakeConnector:
        if not chosen(config).permits(name):
            raise LoadFailure("plugins are off (--no-plugins or KPI_PLUGINS)")
        entries = providers(CONNECTORS, name)
        problem = clash(entries) or usable(entries[0], config.pins)
        if problem:
            raise LoadFailure(problem)
        made = load(entries[0].target).value
        if not callable(made):
            raise LoadFailure(f"{entries[0].target} is {type(made).__name__}, and no connector class")
        return made

    return find


@dataclass(frozen=True, slots=True)
class MissingConnector:
    """A connector that nobody provides: whatever is asked of it is refused."""

    problem: KpiError

    def tables(self) -> Sequence[str]:
        """E621."""
        raise self.problem

    def schema(self, table: TableRequest) -> TableSchema:
        """E621."""
        raise self.problem

    def scan(self, request: ScanRequest) -> Scan:
        """E621."""
        raise self.problem


def untold(connectors: Mapping[str, Connector], told: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The problems of missing connectors from which no source reads, so that nothing else tells them."""
    missing = [each.problem for each in connectors.values() if isinstance(each, MissingConnector)]
    found = [problem for error in missing for problem in error.diagnostics]
    return [problem for problem in found if not any(problem.message in other.message for other in told)]


def _no_connector(settings: ConnectionSettings, host: Host) -> KpiError:
    place = f"connection {settings.name}"
    message = f"there is no connector `{settings.connector}`"
    if host.failures:
        return data_error("E621", place, f"{message}; {host.failures[0]}", "`kpi plugins doctor` says more")
    known = {*host.connectors, *(each.name for each in installed(CONNECTORS))}
    help = did_you_mean(settings.connector, known)
    listed = ", ".join(sorted(known))
    return data_error("E621", place, message, help or f"one of: {listed}; or install one: {_pip(settings.connector)}")


def formats_of(config: ProjectConfig) -> tuple[Mapping[str, OutputFormat], list[Diagnostic]]:
    """The output formats of a project by name, and its plugins that were left out, of which an unknown one may be."""
    host = host_of(config)
    left_out = [
        Diagnostic("E752", f"{failure}; a format that is not known may be its", exit_code=ExitCode.DATA)
        for failure in host.failures
    ]
    return host.formats, left_out
