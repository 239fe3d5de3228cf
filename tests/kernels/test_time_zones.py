"""Zone tables against `zoneinfo` itself, at every change that the compiled zone files list."""

from __future__ import annotations

import importlib.resources
import struct
import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.zones import UnknownZone, local_naive, localize, to_local, to_utc, zone_table

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
HOUR = 3_600 * SECOND
AWKWARD = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Kwajalein",
)


@lru_cache
def zone_file(name: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / name
        if path.is_file():
            return path.read_bytes()
    return (importlib.resources.files("tzdata.zoneinfo") / name).read_bytes()


def listed_changes(name: str) -> list[int]:
    """The transition times, in seconds, that the zone's TZif file lists in its 64-bit block (RFC 8536)."""
    data = zone_file(name)

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[at + 20 : at + 44])

    utc, std, leap, times, types, chars = counts(0)
    second = 44 + times * 5 + types * 6 + chars + leap * 8 + std + utc
    times = counts(second)[3]
    return list(struct.unpack(f">{times}q", data[second + 44 : second + 44 + 8 * times]))


def local_by_zoneinfo(us: int, zone: str) -> int:
    moment = (EPOCH + us * MICROSECOND).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    return (moment.replace(tzinfo=None) - EPOCH) // MICROSECOND


def utc_by_zoneinfo(us: int, zone: str) -> int:
    moment = (EPOCH + us * MICROSECOND).replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    return (moment.replace(tzinfo=None) - EPOCH) // MICROSECOND


def zones_with_different_files() -> list[str]:
    names = sorted(zoneinfo.available_timezones() - {"localtime", "posixrules", "Factory"})
    return list({zone_file(name): name for name in names}.values())


def around_changes(zone: str, first_year: int, last_year: int) -> np.ndarray:
    low, high = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (first_year, last_year + 1))
    seconds = [change for change in listed_changes(zone) if low <= change < high]
    return np.array([(s + d) * SECOND for s in seconds for d in (-3600, -1, 0, 1, 3600)], np.int64)


def check(zone: str, instants: np.ndarray) -> None:
    local = to_local(instants, zone)
    assert local.tolist() == [local_by_zoneinfo(us, zone) for us in instants.tolist()], zone
    assert to_utc(local, zone).tolist() == [utc_by_zoneinfo(us, zone) for us in local.tolist()], zone


def test_every_zone_at_every_change_from_1970_to_2037() -> None:
    for zone in zones_with_different_files():
        check(zone, around_changes(zone, 1970, 2037))


@pytest.mark.parametrize("zone", AWKWARD)
def test_awkward_zones_at_every_change_since_1900_and_each_alone(zone: str) -> None:
    instants = around_changes(zone, 1900, 2199)
    check(zone, instants)
    # One instant at a time takes the path of a constant offset, and each builds its own table.
    for us in instants[:: max(len(instants) // 200, 1)].tolist():
        check(zone, np.array([us], np.int64))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(AWKWARD),
    st.lists(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)), min_size=1, max_size=8),
)
def test_any_instants_from_1900_to_2199(zone: str, moments: list[datetime]) -> None:
    check(zone, np.array([(moment - EPOCH) // MICROSECOND for moment in moments], np.int64))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(AWKWARD), st.sampled_from((-2, -1, 0, 1)), st.integers(0, 10**6), st.integers(-90, 90))
def test_local_times_within_gaps_and_repetitions(zone: str, side: int, pick: int, minutes: int) -> None:
    changes = around_changes(zone, 1900, 2199)
    if len(changes):
        wall = local_by_zoneinfo(int(changes[pick % len(changes)]), zone) + minutes * 60 * SECOND + side
        assert to_utc(np.array([wall], np.int64), zone).tolist() == [utc_by_zoneinfo(wall, zone)]


def test_a_gap_moves_forward_and_a_repeated_hour_is_its_first() -> None:
    gap, repeated = (np.array([text], "M8[us]").astype(np.int64) for text in ("2027-03-28T02:30", "2027-10-31T02:30"))
    assert to_utc(gap, "Europe/Paris").astype("M8[us]").tolist() == [datetime(2027, 3, 28, 1, 30)]
    assert to_utc(repeated, "Europe/Paris").astype("M8[us]").tolist() == [datetime(2027, 10, 31, 0, 30)]


def test_rules_after_2037_still_change_the_clock() -> None:
    july = np.array(["2100-07-01"], "M8[us]").astype(np.int64)
    assert (to_local(july, "America/New_York") - july).tolist() == [-4 * HOUR]


@pytest.mark.parametrize("year", [1, 1600, 9999])
def test_years_outside_the_tables_come_back_as_they_went(year: int) -> None:
    local = np.array([(datetime(year, 6, 1) - EPOCH) // MICROSECOND], np.int64)
    for zone in AWKWARD:
        assert to_local(to_utc(local, zone), zone).tolist() == local.tolist()


def test_arrow_arrays_of_any_unit_with_nulls_and_offsets() -> None:
    moments = [None, datetime(2027, 7, 1, 12), None, datetime(2027, 1, 1, 0, 0, 1)]
    expected = [m and m.replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC) for m in moments]
    for unit in ("s", "ms", "us", "ns"):
        naive = pa.array(moments, pa.timestamp(unit))
        placed = localize(naive, "Europe/Paris")
        assert placed.type == pa.timestamp("us", tz="UTC")
        assert placed.to_pylist() == expected
        assert localize(naive.slice(1, 2), "Europe/Paris").to_pylist() == expected[1:3]
        assert local_naive(placed, "Europe/Paris").to_pylist() == moments


def test_nanoseconds_are_cut_downwards() -> None:
    assert localize(pa.array([-1, 1_999], pa.timestamp("ns")), "UTC").cast(pa.int64()).to_pylist() == [-1, 1]


def test_empty_and_all_null_arrays() -> None:
    for array in (pa.array([], pa.timestamp("us")), pa.nulls(3, pa.timestamp("us"))):
        assert localize(array, "Asia/Gaza").to_pylist() == array.to_pylist()
    assert to_local(np.zeros(0, np.int64), "Asia/Gaza").tolist() == []


def test_refusals() -> None:
    with pytest.raises(TypeMismatch):
        localize(pa.array([0], pa.timestamp("us", tz="UTC")), "UTC")
    with pytest.raises(TypeMismatch):
        local_naive(pa.array([0], pa.timestamp("us")), "UTC")
    with pytest.raises(NumberOverflow):
        localize(pa.array([2**62], pa.timestamp("s")), "UTC")


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Shanghai", "Asia/Shanghai"),
        ("europe/paris", "Europe/Paris"),
        ("Europe/Pariss", "Europe/Paris"),
        ("New York", "America/New_York"),
    ],
)
def test_an_unknown_zone_is_named_with_suggestions(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        to_local(np.array([0], np.int64), name)
    assert caught.value.name == name
    assert suggestion in caught.value.suggestions
    assert suggestion in caught.value.help


@pytest.mark.parametrize("name", ["", "../etc/passwd", "/etc/passwd", "localtime", "right/UTC", "Europe", "a\0b"])
def test_names_that_are_paths_or_mean_this_machine_are_unknown(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone_table(name, 2020, 2029)


def test_tables_are_shared_and_cannot_be_written() -> None:
    table = zone_table("Europe/Paris", 2020, 2029)
    assert zone_table("Europe/Paris", 2020, 2029) is table
    with pytest.raises(ValueError, match="read-only"):
        table.offsets[0] = 0
