"""What a source's properties say of its columns: that they exist, and are of types that fit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Field
from kpi_engine.ir.types import DATE, Kind
from kpi_engine.kernels.calendar import Calendar, CalendarError, UnknownZone, parse_instant, parse_period
from kpi_engine.resolve.base_source import link_column
from kpi_engine.resolve.binder import bind_condition
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import Attempts, problem
from kpi_engine.resolve.properties import Given
from kpi_engine.resolve.references import path_field
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.units import MOMENTS, spoken
from kpi_engine.resolve.world import World


def check_source(world: World, name: str, given: Given) -> None:
    """Check and complete a source: its time, key, filter and the rest; all problems as one failure."""
    attempts = Attempts()
    if "time" in given:
        attempts.run(partial(_set_time, world, name, given))
    for key in ("key", "snapshot_by"):
        for column in given.get(key, ()):
            attempts.run(partial(world.column, name, column, given.place(key).value.span))
    for key in ("lifetime", "versions"):
        if key in given:
            attempts.run(partial(_check_pair, world, name, key, given))
    if "snapshot" in given:
        attempts.run(partial(_check_snapshot, world, name, given))
    if "snapshot_by" in given:
        attempts.run(partial(_check_snapshot_by, world, name, given))
    if "grain" in given:
        attempts.run(partial(check_grain, world, given.get("grain"), given.place("grain")))
    if "timezone" in given:
        attempts.run(partial(check_zone, given.get("timezone"), given.place("timezone")))
    for key in ("starts", "watermark"):
        if key in given:
            attempts.run(partial(check_moment, world, given.get(key), given.place(key)))
    if "where" in given:
        attempts.run(partial(_set_where, world, name, given.get("where")))
    if "counted_in" in given:
        attempts.run(partial(_set_counted_in, world, name, given.get("counted_in")))
    if "on_duplicate" in given:
        attempts.run(partial(_set_on_duplicate, world, name, given.get("on_duplicate")))
    attempts.check()


def _set_time(world: World, name: str, given: Given) -> None:
    path: tree.Path = given.get("time")
    field = _time_column(world, name, "time", path)
    column = field.column if not field.steps else world.add_computed(name, path.text, field)
    stored = world.columns[name].get(column)
    if stored is not None and stored.type.kind is Kind.NULL and stored.computed is None:
        # Without any value nothing says a type; as dates the nulls lie in no period.
        world.columns[name][column] = replace(stored, type=DATE)
    world.sources[name] = replace(world.sources[name], time=column)


def _time_column(world: World, name: str, key: str, path: tree.Path, takes: str = "a date or a timestamp") -> Field:
    """A column of dates or timestamps, the source's own or one that it reaches."""
    if len(path.parts) == 1:
        column = world.column(name, path.text, path.span)
        field = Field(column.name, column.type, (), path.span)
    else:
        field = path_field(world, name, path)
    if field.type.kind in (*MOMENTS, Kind.NULL):
        return field
    help = "declare it with its type: " if field.type.kind is Kind.TEXT else "name a column of dates or timestamps"
    if field.type.kind is Kind.TEXT:
        help = f"{help}`column {path.parts[-1].text}: timestamp`"
    raise problem(
        "E358",
        f"`{key}:` takes {takes}, and `{path.text}` is {spoken(field.type)}",
        path.span,
        help,
    )


def _check_ordered(world: World, name: str, path: tree.Path) -> None:
    """E358 unless the values of a column are times or numbers, of which one is the greatest."""
    kind = world.column(name, path.text, path.span).type.kind
    if kind not in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT):
        _time_column(world, name, "on_duplicate", path, "a date, a timestamp or a number")


def _check_pair(world: World, name: str, key: str, given: Given) -> None:
    first, second = given.get(key)
    kinds = [_time_column(world, name, key, path).type.kind for path in (first, second)]
    if kinds[0] is not kinds[1]:
        raise problem(
            "E358",
            f"`{key}:` takes two columns of one type, and these are {kinds[0].value} and {kinds[1].value}",
            given.place(key).value.span,
            "declare both as dates or both as timestamps",
        )


def _check_snapshot(world: World, name: str, given: Given) -> None:
    place = given.place("snapshot")
    check_grain(world, given.get("snapshot"), place)
    source = world.sources[name]
    if source.time is None:
        raise problem(
            "E358",
            "a snapshot needs the time at which it was taken",
            place.span,
            "add `time: day` to the source",
        )
    if source.lifetime is not None:
        raise problem(
            "E358",
            "a source is a snapshot or has lifetimes, not both",
            place.span,
            "keep the one that the table holds",
        )


def _check_snapshot_by(world: World, name: str, given: Given) -> None:
    source, place = world.sources[name], given.place("snapshot_by")
    if source.snapshot is None:
        help = "add `snapshot: day`, or leave the line out"
        raise problem("E358", f"`{name}` is no snapshot, so nothing has snapshots of its own", place.span, help)
    if source.time in source.snapshot_by:
        message = f"`{source.time}` is the time of the snapshots, and no two of them have one time"
        raise problem("E358", message, place.value.span, "name what is counted on its own, such as `[warehouse]`")


def check_grain(world: World, grain: str, place: tree.Property) -> None:
    """E201 unless a word names a grain."""
    found = world.things.find(grain)
    if found is None or found.kind != "grain":
        words = world.things.words_of(("grain",))
        help = did_you_mean(grain, words) or f"write one of {', '.join(words)}"
        raise problem("E201", f"no grain named `{grain}`", place.value.span, help)


def check_zone(zone: str, place: tree.Property) -> None:
    """E212 unless a text names a time zone."""
    try:
        Calendar(zone)
    except UnknownZone as error:
        close = getattr(error, "suggestions", ())
        help = f"did you mean `{close[0]}`?" if close else "write for example `Europe/Berlin`"
        raise problem("E212", f"no time zone named `{zone}`", place.value.span, help) from error


def check_moment(world: World, text: str, place: tree.Property) -> None:
    """E335 unless a text is a date, an instant or a period."""
    with suppress(CalendarError):
        parse_period(world.calendar, text)
        return
    try:
        parse_instant(world.calendar, text)
    except CalendarError as error:
        raise problem("E335", error.message, place.value.span, error.help) from error


def _set_where(world: World, name: str, node: tree.Expr) -> None:
    binder = RowBinder(world, name, "where", repeated="filter would repeat its rows")
    where = bind_condition(binder, node, "where")
    world.sources[name] = replace(world.sources[name], where=where)


def _set_counted_in(world: World, name: str, path: tree.Path) -> None:
    counted = counting_property(world, Thing("source", name), path)
    world.sources[name] = replace(world.sources[name], counted_in=counted)


def counting_property(world: World, thing: Thing, path: tree.Path) -> str:
    """The source that `counted_in:` names, which must refer to the thing by one column."""
    source = world.thing(path.text, path.span, ("source",)).name
    if source == thing.name:
        raise problem(
            "E312",
            f"`{source}` is not counted in itself",
            path.span,
            f"rows of {source} are `count({source})`",
        )
    link_column(world, source, thing, path.span)
    return source


def _set_on_duplicate(world: World, name: str, node: tree.Expr) -> None:
    match node:
        case tree.Path(parts=(word,)) if word.text == "error":
            text = "error"
        case tree.Call(function=function, arguments=(tree.Argument(value=tree.Path() as column),)) if (
            function.text == "latest" and len(column.parts) == 1
        ):
            _check_ordered(world, name, column)
            if not world.sources[name].key:
                raise problem(
                    "E218",
                    f"`on_duplicate:` needs to know which rows of {name} are the same",
                    node.span,
                    f"add `key: ...` to source {name}, or drop exactly equal rows with `distinct: true`",
                )
            text = f"latest({column.text})"
        case _:
            raise problem(
                "E212",
                "`on_duplicate:` takes `error` or `latest(column)`",
                node.span,
                "write `latest(updated_at)`",
            )
    world.sources[name] = replace(world.sources[name], on_duplicate=text)


def ordered_columns(world: World, name: str, declared: tuple[str, ...]) -> dict[str, Column]:
    """The columns of a source that are not broken: declared ones in order, then the others."""
    known = world.columns[name]
    names = dict.fromkeys([*(each for each in declared if each in known), *known])
    return {each: known[each] for each in names}
