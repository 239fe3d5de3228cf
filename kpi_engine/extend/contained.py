"""Code of plugins behind a wall: whatever it raises or returns, the engine says who did it, and nothing else breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from kpi_engine.extend.arrow_tables import table_schema
from kpi_engine.extend.functions import EvaluationContext, Function, FunctionFailure, Lowering, SignatureProblem
from kpi_engine.extend.loading import LoadFailure, cause_of
from kpi_engine.extend.rows import (
    ConnectionSettings,
    Connector,
    Fragment,
    Push,
    ReadReport,
    Scan,
    ScanRequest,
    TableRequest,
    data_error,
    fingerprint_of,
    rows_in,
)
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import Type
from kpi_engine.kernels.errors import KernelError

if TYPE_CHECKING:
    from kpi_engine.extend.measures import Aggregating, MeasureRequest, PartialStates, Support

Made = TypeVar("Made")
_END = object()


@contextmanager
def contained(who: str, place: str) -> Iterator[None]:
    """Turns exceptions inside the block into KpiError E628: `who` (a phrase) failed at `place`.

    The cause has no secrets in it; where the exception's own text has some, it does not go along.

    >>> with contained("the connector `shop`", "orders"):
    ...     raise ValueError("no route to host")
    Traceback (most recent call last):
    kpi_engine.ir.diagnostic.KpiError: orders: E628: the connector `shop` failed: ValueError: no route to host
    """
    from kpi_engine.extend.own_state import own_output
    from kpi_engine.extend.secrets import cleared

    try:
        with own_output():
            yield
    except KpiError as error:
        told = [replace(each, message=cleared(each.message), help=cleared(each.help)) for each in error.diagnostics]
        if tuple(told) == error.diagnostics and _speaks_freely(error):
            raise
        raise KpiError(told) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the wall around code that is not ours
        help = "tell its author, or look at the connection in kpi.toml"
        failure = data_error("E628", place, f"{who} failed: {cause_of(error)}", help)
        raise failure from (error if _speaks_freely(error) else None)


def _speaks_freely(error: BaseException) -> bool:
    """Whether a traceback of an exception, with all that led to it, shows no secret."""
    from kpi_engine.extend.secrets import cleared

    seen: BaseException | None = error
    while seen is not None:
        if cleared(f"{seen}{seen!r}") != f"{seen}{seen!r}":
            return False
        seen = seen.__cause__ or seen.__context__
    return True


class ContainedConnector:
    """A connector of a plugin, imported and made when something is first asked of it; every call is watched."""

    def __init__(
        self, settings: ConnectionSettings, provider: str, find: Callable[[], Callable[[ConnectionSettings], Connector]]
    ) -> None:
        """`find` gives the class, or raises `LoadFailure`; `provider` is a distribution with its version."""
        self._settings = settings
        self._find = find
        self._made: Connector | None = None
        self.provider = provider
        by = f" ({provider})" if provider else ""
        self._who = f"the connector `{settings.connector}`{by}"

    @property
    def _place(self) -> str:
        return f"connection {self._settings.name}"

    def _connector(self) -> Connector:
        if self._made is None:
            try:
                make = self._find()
            except LoadFailure as failure:
                message = f"{self._who} cannot be used: {failure.cause}"
                raise data_error("E627", self._place, message, "`kpi plugins doctor` says more") from failure
            with contained(self._who, self._place):
                made = make(self._settings)
            missing = [name for name in ("tables", "schema", "scan") if not callable(getattr(made, name, None))]
            if missing:
                self._wrong(f"has no method `{missing[0]}`")
            self._made = made
        return self._made

    def _wrong(self, what: str) -> None:
        raise data_error("E626", self._place, f"{self._who} {what}", "update it, or tell its author")

    def tables(self) -> Sequence[str]:
        """The connector's."""
        connector = self._connector()
        with contained(self._who, self._place):
            return tuple(map(str, connector.tables()))

    def schema(self, table: TableRequest) -> TableSchema:
        """The connector's; an Arrow schema is taken, too."""
        connector = self._connector()
        with contained(self._who, table.source or self._place):
            found: object = connector.schema(table)
        if isinstance(found, pa.Schema):
            return table_schema(found)
        if not isinstance(found, TableSchema):
            self._wrong(f"gives {type(found).__name__} for a schema")
        assert isinstance(found, TableSchema)
        return found

    def scan(self, request: ScanRequest) -> Scan:
        """The connector's, with its batches looked at one by one."""
        connector = self._connector()
        with contained(self._who, request.table.source or self._place):
            found = connector.scan(request)
            pushed = tuple(found.pushed)
        if len(pushed) != len(request.predicates) or set(pushed) - {"exact", "inexact", "none"}:
            self._wrong(f"answers {pushed} to {len(request.predicates)} predicates")
        return _ContainedScan(found, request, self._who, pushed)

    def aggregating(self) -> Aggregating | None:
        """The connector as one that answers measure queries, if it does."""
        connector = _aggregating(self._connector())
        return None if connector is None else _ContainedAggregates(connector, self._who, self._place)


def aggregating(connector: Connector) -> Aggregating | None:
    """A connector as one that answers measure queries; None for those that give rows only."""
    if isinstance(connector, ContainedConnector):
        return connector.aggregating()
    return _aggregating(connector)


def _aggregating(connector: Connector) -> Aggregating | None:
    if not hasattr(connector, "partial_states"):
        return None
    from kpi_engine.extend.measures import Aggregating

    return connector if isinstance(connector, Aggregating) else None


@dataclass(frozen=True, slots=True)
class _ContainedAggregates:
    connector: Aggregating
    who: str
    place: str

    def supports(self, request: MeasureRequest) -> Support:
        with contained(self.who, request.query.source):
            found: object = self.connector.supports(request)
        from kpi_engine.extend.measures import Support

        if isinstance(found, Support):
            return found
        raise self._wrong(found, "whether it supports a query", request)

    def partial_states(self, request: MeasureRequest) -> PartialStates:
        with contained(self.who, request.query.source):
            found: object = self.connector.partial_states(request)
        from kpi_engine.extend.measures import PartialStates

        if isinstance(found, PartialStates):
            return found
        raise self._wrong(found, "states", request)

    def _wrong(self, found: object, what: str, request: MeasureRequest) -> KpiError:
        message = f"{self.who} was asked for {what}, and gives {type(found).__name__}"
        return data_error("E626", request.query.source, message, "update it, or tell its author")


@dataclass(frozen=True, slots=True)
class _ContainedScan:
    scan: Scan
    request: ScanRequest
    who: str
    pushed: tuple[Push, ...]

    @property
    def pruned(self) -> int:
        return self.scan.pruned

    @property
    def options(self) -> Mapping[str, object]:
        return self.scan.options

    @property
    def notes(self) -> Sequence[str]:
        return self.scan.notes

    def fragments(self) -> Sequence[Fragment]:
        with contained(self.who, self.request.table.source):
            return [_ContainedFragment(each, self.request, self.who) for each in self.scan.fragments()]


@dataclass(frozen=True, slots=True)
class _ContainedFragment:
    fragment: Fragment
    request: ScanRequest
    who: str

    @property
    def name(self) -> str:
        return self.fragment.name

    def bounds(self, column: str) -> tuple[object, object] | None:
        with contained(self.who, self.request.table.source):
            return self.fragment.bounds(column)

    def fingerprint(self) -> str | None:
        with contained(self.who, self.request.table.source):
            found: object = fingerprint_of(self.fragment)
        return found if isinstance(found, str) else None

    @property
    def row_count(self) -> int | None:
        with contained(self.who, self.request.table.source):
            return rows_in(self.fragment)

    def place(self, row: int) -> str:
        return self.fragment.place(row)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        wanted = [column.name for column in self.request.columns]
        source = self.request.table.source
        with contained(self.who, source):
            stream = iter(self.fragment.batches(report))
        try:
            while True:
                # The wall stands around the connector's part alone, not around those who take the batch.
                with contained(self.who, source):
                    batch = next(stream, _END)
                if batch is _END:
                    return
                given = batch.schema.names if isinstance(batch, pa.RecordBatch) else type(batch).__name__
                if given != wanted and wanted:
                    message = f"{self.who} was asked for the columns {wanted}, and gives {given}"
                    raise data_error("E626", source, message, "update it, or tell its author")
                yield batch
        finally:
            if hasattr(stream, "close"):
                with contained(self.who, source):
                    stream.close()


def contained_function(function: Function, plugin: str) -> Function:
    """A plugin's function whose signature cannot break the check of definitions."""
    from kpi_engine.extend.own_state import own_output

    inner = function.result

    def result(arguments: Sequence[Expression]) -> Type:
        try:
            with own_output():
                found: object = inner(arguments)
        except SignatureProblem:
            raise
        except (Exception, SystemExit) as error:
            raise SignatureProblem(f"the plugin `{plugin}` failed: {cause_of(error)}", "tell its author") from error
        if not isinstance(found, Type):
            raise SignatureProblem(f"the plugin `{plugin}` gives {type(found).__name__} for a type", "tell its author")
        return found

    return replace(function, result=result)


def contained_lowering(load: Callable[[], Lowering], plugin: str) -> Lowering:
    """A plugin's lowering, imported on first use, whose failures and wrong results are told as such."""

    from kpi_engine.extend.own_state import own_output

    def lowering(arguments: Sequence[Any], context: EvaluationContext) -> Any:
        try:
            with own_output():
                found = load()(arguments, context)
        except (FunctionFailure, KernelError):
            raise
        except (Exception, SystemExit) as error:
            raise FunctionFailure(f"the plugin `{plugin}` failed: {cause_of(error)}", "tell its author") from error
        if isinstance(found, pa.ChunkedArray):
            found = found.combine_chunks()
        if isinstance(found, pa.Scalar) or (isinstance(found, pa.Array) and len(found) == context.rows):
            return found
        size = f" of {len(found)} values for {context.rows} rows" if isinstance(found, pa.Array) else ""
        raise FunctionFailure(f"the plugin `{plugin}` gives {type(found).__name__}{size}", "tell its author")

    return lowering
