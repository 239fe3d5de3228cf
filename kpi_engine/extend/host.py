"""The plugin host: loads what a project names, collects what it registers, and keeps every failure to its plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from kpi_engine.extend.discovery import PLUGINS, Installed, clash, installed, normal_name, providers
from kpi_engine.extend.formats import OutputFormat
from kpi_engine.extend.functions import Function
from kpi_engine.extend.loading import LoadFailure, cause_of, load, watched
from kpi_engine.extend.pins import Pin, broken_pin
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.extend.rows import ConnectionSettings, Connector
from kpi_engine.ir.dataclass import dataclass

if TYPE_CHECKING:
    import pluggy

BUILTIN = "builtin"
"""The name of the plugin that ships inside."""

MakeConnector = Callable[[ConnectionSettings], Connector]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a project says of plugins: those it lists, its pins by distribution, and what the caller still allows.

    `allowed` None allows everything; names that are not in it are off (`--no-plugins`: no name is).
    """

    plugins: tuple[str, ...] = ()
    pins: Mapping[str, Pin] = field(default_factory=dict)
    allowed: frozenset[str] | None = None

    def permits(self, name: str) -> bool:
        """Whether a plugin or connector may be loaded."""
        return self.allowed is None or name in self.allowed


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin that was taken out: its name, who provides it, and the cause in one line.

    `unknown`: there is no such plugin, which only an installation or another name can mend. `is_conflict`: two of a
    name, or a name that is taken; which one is meant must not be guessed.
    """

    name: str
    provider: str
    cause: str
    unknown: bool = False
    is_conflict: bool = False

    def __str__(self) -> str:
        by = f" ({self.provider})" if self.provider else ""
        return f"the plugin `{self.name}`{by} was left out: {self.cause}"


class Conflict(LoadFailure):
    """A name that is taken."""


class Refused(Exception):
    """A record that cannot be taken in, in one line."""


@dataclass(slots=True)
class Host:
    """What all plugins of a project registered.

    `origins` are the names of the plugins that connectors come from, by connector. `failures` and `warnings` are about
    the plugins that the project lists, and so is `meddling`, what they had changed of the process.
    """

    functions: FunctionRegistry = field(default_factory=FunctionRegistry)
    formats: dict[str, OutputFormat] = field(default_factory=dict)
    connectors: dict[str, MakeConnector] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, Installed] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    meddling: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, builtin: object, chosen: Chosen) -> Host:
        """The host of a project. `builtin` is the plugin that ships inside; it registers by the same hooks."""
        host = cls()
        host._take_in(None, BUILTIN, builtin)
        if not chosen.plugins:
            return host
        manager = _manager(builtin)
        for name in chosen.plugins:
            if not chosen.permits(name):
                continue
            entry = host._find(name, chosen)
            if entry is not None:
                host._add(manager, entry)
        return host

    def _find(self, name: str, chosen: Chosen) -> Installed | None:
        found = providers(PLUGINS, name)
        if not found:
            self.failures.append(Failure(name, "", "it is not installed", unknown=True))
            return None
        if len(found) > 1:
            self.failures.append(Failure(name, "", clash(found), is_conflict=True))
            return None
        problem = usable(found[0], chosen.pins)
        if problem:
            self.failures.append(Failure(name, found[0].provider, problem))
            return None
        return found[0]

    def _add(self, manager: pluggy.PluginManager, entry: Installed) -> None:
        try:
            loaded = load(entry.target)
            changed = [*loaded.changed, *self._take_in(manager, entry.name, loaded.value)]
        except LoadFailure as failure:
            is_conflict = isinstance(failure, Conflict)
            self.failures.append(Failure(entry.name, entry.provider, failure.cause, is_conflict=is_conflict))
            return
        self.loaded[entry.name] = entry
        who = f"the plugin `{entry.name}` ({entry.provider})"
        if loaded.warning:
            self.warnings.append(f"{who} {loaded.warning}")
        if changed:
            self.meddling.append(f"{who} changed {' and '.join(dict.fromkeys(changed))}, and it was put back")

    def _take_in(self, manager: pluggy.PluginManager | None, name: str, plugin: object) -> list[str]:
        """Register a plugin's hooks and call them; all that it registers, or nothing. Raises `LoadFailure`.

        What the hooks changed of the process is returned in words. There is no manager for what ships inside: its
        hooks are the functions of these names.
        """
        hooks = _Hooks(manager, plugin)
        try:
            if manager is not None:
                manager.register(plugin, name=name)
        except BaseException as error:  # pluggy looks at every attribute of a foreign object
            raise LoadFailure(cause_of(error, "its hooks cannot be registered")) from error
        try:
            if manager is not None:
                _check_hooks(manager, plugin)
            checked = _builtin_functions if manager is None else _functions
            functions = hooks.results("kpi_register_functions", checked)
            formats = hooks.results("kpi_register_formats", _formats)
            connectors = hooks.results("kpi_register_connectors", _connectors)
            _check_taken("function", functions, self.functions.all())
            _check_taken("format", formats, self.formats)
            _check_taken("connector", connectors, self.connectors)
            _check_endings(formats, self.formats)
        except LoadFailure:
            if manager is not None:
                manager.unregister(plugin)
            raise
        for function in functions.values():
            self.functions.add(function, "" if manager is None else name)
        self.formats |= formats
        self.connectors |= connectors
        self.origins |= dict.fromkeys(connectors, name)
        return hooks.changed


def registered(builtin: object, name: str, plugin: object) -> tuple[str, ...]:
    """What one plugin registers beside the built-in one: `function geo_distance`. Raises `LoadFailure`."""
    host = Host()
    host._take_in(None, BUILTIN, builtin)
    before = {*host.functions.names(), *host.formats, *host.connectors}
    host._take_in(_manager(builtin), name, plugin)
    kinds = (("function", host.functions.names()), ("format", host.formats), ("connector", host.connectors))
    return tuple(f"{kind} {each}" for kind, names in kinds for each in names if each not in before)


def usable(entry: Installed, pins: Mapping[str, Pin]) -> str:
    """Why an installed entry may not be loaded, from metadata and pins alone; empty if it may."""
    if entry.problem:
        return entry.problem
    pinned = normal_name(entry.distribution)
    pin = next((pin for name, pin in pins.items() if normal_name(name) == pinned), None)
    broken = "" if pin is None else broken_pin(entry.distribution, pin)
    return f"{entry.distribution} {broken}" if broken else ""


def _manager(builtin: object) -> pluggy.PluginManager:
    """Takes in what a project lists, where what ships inside has its name. A project without plugins has none."""
    import pluggy

    from kpi_engine.extend.hookspecs import PROJECT, Hooks

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(builtin, name=BUILTIN)
    return manager


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    callers = manager.get_hookcallers(plugin) or []
    unknown = sorted(caller.name for caller in callers if not caller.has_spec())
    if unknown:
        from kpi_engine.extend.hookspecs import Hooks

        known = ", ".join(sorted(name for name in dir(Hooks) if name.startswith("kpi_")))
        raise LoadFailure(f"there is no hook `{unknown[0]}`; the hooks are {known}")
    if not callers:
        raise LoadFailure("it has no hook: mark its functions with `hookimpl`")


Record = TypeVar("Record")


@dataclass(slots=True)
class _Hooks:
    """The hooks of one plugin, each called alone, so that a failure is its own; `changed` is what they meddled with.

    What ships inside has no manager, and all of them.
    """

    manager: pluggy.PluginManager | None
    plugin: object
    changed: list[str] = field(default_factory=list)

    def results(self, hook: str, checked: Callable[[object], Mapping[str, Record]]) -> dict[str, Record]:
        """What one hook returns, by name. Raises `LoadFailure`."""
        if self.manager is None:
            call: Callable[[], object] = getattr(self.plugin, hook)
            return dict(self._called(hook, call, checked))
        found: dict[str, Record] = {}
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            if implementation.plugin is self.plugin:
                found |= self._called(hook, implementation.function, checked)
        return found

    def _called(
        self, hook: str, call: Callable[[], object], checked: Callable[[object], Mapping[str, Record]]
    ) -> Mapping[str, Record]:
        def told() -> Mapping[str, Record]:
            try:
                return checked(call())
            except Refused as refusal:
                raise LoadFailure(f"{hook} {refusal}") from refusal

        if self.manager is None:
            return told()
        done = watched(told, f"in {hook}", hook)
        self.changed.extend(done.changed)
        return done.value


def _functions(returned: object) -> dict[str, Function]:
    records = _records(returned, Function)
    for function in records:
        if function.level != "row":
            raise Refused(f"gives the {function.level} function `{function.name}`: only row functions can be added")
        if ":" not in function.lowering:
            raise Refused(f'gives the function `{function.name}` without a lowering "module:name"')
    return _by_name([(each.name, each) for each in records])


def _builtin_functions(returned: object) -> dict[str, Function]:
    return _by_name([(each.name, each) for each in _records(returned, Function)])


def _formats(returned: object) -> dict[str, OutputFormat]:
    return _by_name([(each.name, each) for each in _records(returned, OutputFormat)])


def _connectors(returned: object) -> dict[str, MakeConnector]:
    if not isinstance(returned, Mapping):
        raise Refused(f"returns {type(returned).__name__}, and not connectors by name")
    for name, make in returned.items():
        if not isinstance(name, str) or not callable(make):
            raise Refused(f"gives {name!r}, which is no name with something that makes a connector")
    return dict(returned)


def _records(returned: object, wanted: type[Record]) -> list[Record]:
    if isinstance(returned, str | bytes) or not isinstance(returned, Iterable):
        raise Refused(f"returns {type(returned).__name__}, and not a list of {wanted.__name__}")
    records = []
    for each in returned:
        if not isinstance(each, wanted):
            raise Refused(f"gives {type(each).__name__}, and not {wanted.__name__}")
        records.append(each)
    return records


def _by_name(records: Sequence[tuple[str, Record]]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for name, record in records:
        if name in found:
            raise Refused(f"gives two records of the name `{name}`")
        found[name] = record
    return found


def _check_taken(what: str, new: Iterable[str], known: Iterable[str]) -> None:
    taken = sorted(set(new) & set(known))
    if taken:
        raise Conflict(f"the {what} `{taken[0]}` exists already, and nothing is ever replaced")


def _check_endings(new: Mapping[str, OutputFormat], known: Mapping[str, OutputFormat]) -> None:
    endings = {each.extension: each.name for each in known.values()}
    for each in new.values():
        if each.extension in endings:
            raise Conflict(f"the ending .{each.extension} of its format belongs to `{endings[each.extension]}`")


def names_of_plugins() -> list[str]:
    """The names of all installed behaviour plugins."""
    return sorted({each.name for each in installed(PLUGINS)})
