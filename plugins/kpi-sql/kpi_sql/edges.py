"""Positions in time as a database compares them: instants, days, and local times of a zone."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

_EPOCH = datetime.datetime(1970, 1, 1)
_DAY = datetime.timedelta(days=1)
_TICK = datetime.timedelta(microseconds=1)


class NotLocal(Exception):
    """An instant that no single local time stands for: rows before it cannot be told by their local times."""


def instant_text(us: int) -> str:
    """An instant as databases read it. Raises `OverflowError` outside of the years 1 to 9999.

    >>> instant_text(1)
    '1970-01-01 00:00:00.000001+00:00'
    """
    return (_EPOCH + datetime.timedelta(microseconds=us)).isoformat(" ") + "+00:00"


def day_text(day: int) -> str:
    """A day number as a date.

    >>> day_text(31)
    '1970-02-01'
    """
    return (_EPOCH + datetime.timedelta(days=day)).date().isoformat()


def instant_of(us: int) -> datetime.datetime:
    """An instant as a datetime in UTC. Raises `OverflowError` outside of the years 1 to 9999."""
    return (_EPOCH + datetime.timedelta(microseconds=us)).replace(tzinfo=datetime.UTC)


def local_text(us: int, zone: str) -> str:
    """The local time t such that local times are before an instant just if they are before t.

    A change of clocks moves local times around it: a repeated hour is read as its first occurrence, one that was
    skipped moves on by as much. Where the instant lies so near that this matters, `NotLocal` is raised.

    >>> local_text(1774735200_000000, "Europe/Berlin")
    '2026-03-28 23:00:00'
    >>> local_text(1774746000_000000, "Europe/Berlin")
    Traceback (most recent call last):
    kpi_sql.edges.NotLocal: 2026-03-29 01:00:00+00:00 is next to a change of clocks
    """
    at = (_EPOCH + datetime.timedelta(microseconds=us)).replace(tzinfo=datetime.UTC)
    info = ZoneInfo(zone)

    def offset(moment: datetime.datetime) -> datetime.timedelta:
        found = moment.astimezone(info).utcoffset()
        assert found is not None
        return found

    here = offset(at)
    around = [offset(at - _DAY), offset(at - _DAY / 2), offset(at + _DAY / 2), offset(at + _DAY)]
    jump = max(abs(each - here) for each in around)
    # Repeated and skipped times end up at most a jump after the change, so that only what lies just behind matters.
    if jump and any(offset(at - back) != here for back in (jump, jump / 2, _TICK)):
        raise NotLocal(f"{at} is next to a change of clocks")
    return (at.replace(tzinfo=None) + here).isoformat(" ")


def local_of(moment: datetime.datetime, zone: str) -> str:
    """`local_text` of an aware datetime."""
    return local_text((moment.astimezone(datetime.UTC).replace(tzinfo=None) - _EPOCH) // _TICK, zone)


def microseconds_of(local: str) -> int:
    """A local time as microseconds from 1970-01-01 00:00, as if there were no zones.

    >>> microseconds_of("1970-01-01 00:00:00.5")
    500000
    """
    return (datetime.datetime.fromisoformat(local) - _EPOCH) // _TICK
