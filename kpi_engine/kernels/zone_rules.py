"""Time zones in plain Python: names, offsets, and the instants at which an offset changes.

Everything here comes from the standard library's `zoneinfo`, so that a definition can be checked without
NumPy or pyarrow. Instants are integer microseconds since 1970-01-01 in UTC, offsets are integer microseconds
east of UTC, and a "local" number of microseconds is the clock on the wall written as if it were UTC.
"""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US

FIRST_YEAR = 1900
LAST_YEAR = 2199

EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

# Names that zoneinfo can open but that mean nothing on another machine, or that count leap seconds.
_MACHINE_ZONES = ("localtime", "posixrules", "Factory")
_MACHINE_FOLDERS = ("right/", "posix/")

# The shortest time between two changes of a zone's offset since 1900 is four days (Africa/Freetown, 1939), so
# probing every second day cannot step over a pair of changes.
_PROBE = timedelta(days=2)


class UnknownZone(ValueError):
    """No time zone has this name; `suggestions` holds the nearest names of the IANA database, best first.

    >>> try:
    ...     load_zone("Shanghai")
    ... except UnknownZone as error:
    ...     error.suggestions
    ('Asia/Shanghai',)
    """

    def __init__(self, name: str, suggestions: tuple[str, ...]) -> None:
        self.name = name
        self.suggestions = suggestions
        self.message = f"no time zone is named `{name}`"
        self.help = (
            "did you mean " + " or ".join(f"`{each}`" for each in suggestions) + "?"
            if suggestions
            else "write a name of the IANA time zone database, such as `Europe/Paris`"
        )
        super().__init__(f"{self.message}: {self.help}")


@lru_cache(maxsize=256)
def load_zone(name: str) -> ZoneInfo:
    """The zone of this IANA name; `UnknownZone` if there is none.

    >>> load_zone("Asia/Shanghai").key
    'Asia/Shanghai'
    """
    if name in _MACHINE_ZONES or name.startswith(_MACHINE_FOLDERS):
        raise UnknownZone(name, ())
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(name, _suggest(name)) from error


def _suggest(name: str) -> tuple[str, ...]:
    """Zones whose city is the name itself, else the nearest names."""
    import difflib

    known = sorted(zoneinfo.available_timezones())
    wanted = name.strip().replace(" ", "_").casefold()
    same_city = [each for each in known if wanted in (each.casefold(), each.casefold().rpartition("/")[2])]
    if same_city:
        return tuple(same_city[:3])
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.6)
    if not near:
        cities = {each.casefold().rpartition("/")[2]: each for each in known}
        return tuple(cities[each] for each in difflib.get_close_matches(wanted, cities, n=3, cutoff=0.6))
    return tuple(folded[each] for each in near)


@lru_cache(maxsize=65_536)
def offset_at(zone: ZoneInfo, instant_us: int) -> int:
    """The offset in force at an instant.

    >>> offset_at(load_zone("Asia/Kathmandu"), 0) // SECOND_US
    19800
    """
    moment = zone.fromutc((EPOCH + timedelta(microseconds=instant_us)).replace(tzinfo=zone))
    return _offset(moment)


def local_to_utc(zone: ZoneInfo, local_us: int) -> int:
    """The instant of a local time: the first of two for a repeated one; one in a gap moves forward by the
    gap's length.

    >>> paris = load_zone("Europe/Paris")
    >>> local_to_utc(paris, 7_200 * SECOND_US) // SECOND_US
    3600
    """
    # Python's fold=0 is this very rule: it reads both kinds of awkward times with the offset before the
    # change.
    return local_us - _offset((EPOCH + timedelta(microseconds=local_us)).replace(tzinfo=zone))


def first_at_or_after(zone: ZoneInfo, local_us: int) -> int:
    """The first instant at which the local clock shows this time, or, if it skips it, the instant of the
    skip.

    >>> apia = load_zone("Pacific/Apia")
    >>> skipped = (datetime(2011, 12, 30) - EPOCH) // timedelta(microseconds=1)
    >>> first_at_or_after(apia, skipped) == first_at_or_after(apia, skipped + DAY_US)
    True
    """
    instant = local_to_utc(zone, local_us)
    if instant + offset_at(zone, instant) == local_us:
        return instant
    # The time lies in a gap: the offset before it is too small for it, the offset after it too large, so that
    # the change lies between the two readings of the local time.
    after = (EPOCH + timedelta(microseconds=local_us)).replace(tzinfo=zone, fold=1)
    return change_between(zone, local_us - _offset(after), instant)


def change_between(zone: ZoneInfo, before_us: int, after_us: int) -> int:
    """The instant, a whole second in (before_us, after_us], from which the offset of `after_us` holds.

    The offset must change exactly once in between.
    """
    low, high = before_us // SECOND_US, -(-after_us // SECOND_US)
    new = offset_at(zone, after_us)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle * SECOND_US) == new:
            high = middle
        else:
            low = middle
    return high * SECOND_US


def offset_changes(name: str, first_year: int, last_year: int) -> tuple[tuple[int, int], ...]:
    """Pairs (instant, offset from then on), ascending; the first pair is the start of `first_year` in UTC.

    Years are clamped to 1900-2199; the offset in force at either end stands for all time beyond it.

    >>> [(us // SECOND_US, off // SECOND_US) for us, off in offset_changes("Europe/Paris", 2027, 2027)]
    [(1798761600, 3600), (1806195600, 7200), (1824944400, 3600)]
    """
    zone = load_zone(name)
    first = min(max(first_year, FIRST_YEAR), LAST_YEAR)
    last = min(max(last_year, first), LAST_YEAR)
    changes = [_at_new_year(zone, first)]
    for decade in range(first // 10 * 10, last + 1, 10):
        changes += (
            change
            for change in _changes_in_decade(name, decade)
            if first <= (EPOCH + timedelta(microseconds=change[0])).year <= last and change[0] > changes[0][0]
        )
    return tuple(changes)


def _at_new_year(zone: ZoneInfo, year: int) -> tuple[int, int]:
    start = (datetime(year, 1, 1) - EPOCH) // _MICROSECOND
    return start, offset_at(zone, start)


@lru_cache(maxsize=1024)
def _changes_in_decade(name: str, decade: int) -> tuple[tuple[int, int], ...]:
    """The changes of offset in ten years that begin with `decade`, each exact to the second."""
    zone = load_zone(name)
    moment = datetime(decade, 1, 1, tzinfo=zone)
    stop = datetime(decade + 10, 1, 1, tzinfo=zone)
    offset = zone.fromutc(moment).utcoffset()
    changes = []
    while moment < stop:
        later = min(moment + _PROBE, stop)
        new = zone.fromutc(later).utcoffset()
        if new != offset:
            ends = [(each.replace(tzinfo=None) - EPOCH) // _MICROSECOND for each in (moment, later)]
            change = change_between(zone, *ends)
            changes.append((change, offset_at(zone, change)))
            offset = new
        moment = later
    return tuple(changes)


def _offset(moment: datetime) -> int:
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError(f"{moment!r} has no zone")
    return offset // _MICROSECOND
