"""The log of a service desk: one row an update, as a ticket system's history table is exported.

A ticket has an update each time that anything changes, and each update repeats the whole ticket; deletions are updates
with the operation `D`. Days are written as `31-Jul-18`, instants as local time of Berlin without an offset, also in the
night in which the clock repeats an hour. Updates do not stand in order, `?` is nobody, and many tickets are still open
at the end of the year.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
AS_OF = "2019-01-01"
COLUMNS = ["Number", "Op", "Updated", "Version", "State", "Group", "Priority", "Opened", "Closed", "Reopened"]
GROUPS = ["Netz", "Büro", "Server", "?"]
PRIORITIES = ["1 - Critical", "2 - High", "3 - Moderate", "4 - Low"]

Row = dict[str, str]


def write(folder: Path) -> None:
    """Write `updates.txt` into a folder; every call writes the same bytes."""
    choose = random.Random(31)
    rows = [row for number in range(420) for row in _history(choose, number)]
    choose.shuffle(rows)
    with (folder / "updates.txt").open("w", encoding="utf-16", newline="") as file:
        file.write("Exported on 02-Jan-19\r\n")
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


def _history(choose: random.Random, number: int) -> list[Row]:
    """All updates of a ticket, of which each begins where the one before ended."""
    opened = dt.datetime(2018, 6, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=choose.randrange(212 * 86_400))
    if number % 10 == 0:  # around the hour that the clock repeats
        opened = dt.datetime(2018, 10, 27, 22, tzinfo=dt.UTC) + dt.timedelta(seconds=choose.randrange(4 * 3600))
    row = {
        "Number": f"INC{number:07}",
        "Op": "I",
        "State": "New",
        "Group": choose.choice(GROUPS),
        "Priority": choose.choice(PRIORITIES),
        "Opened": _day(opened),
        "Closed": "",
        "Reopened": "0",
    }
    found, at, state = [{**row, "Updated": _instant(opened), "Version": "0"}], opened, "New"
    for version in range(1, choose.randrange(2, 12)):
        at += dt.timedelta(seconds=int(choose.expovariate(1 / 50_000)) + 60)
        if at >= dt.datetime(2018, 12, 31, 23, tzinfo=dt.UTC):
            break
        state = _next_state(choose, state)
        row = {**row, "Op": "U", "State": state, "Closed": _day(at) if state == "Closed" else ""}
        if choose.random() < 0.3:
            row["Group"] = choose.choice(GROUPS)
        if choose.random() < 0.1:
            row["Priority"] = PRIORITIES[0]
        if state == "Reopened":
            row["Reopened"] = str(int(row["Reopened"]) + 1)
        if choose.random() < 0.02:
            row["Op"] = "D"
        found.append({**row, "Updated": _instant(at), "Version": str(version)})
        if state == "Closed" or row["Op"] == "D":
            break
    return found


def _next_state(choose: random.Random, state: str) -> str:
    following = {
        "New": ["Active", "Active", "Resolved"],
        "Active": ["Active", "Awaiting user", "Resolved"],
        "Awaiting user": ["Active", "Resolved"],
        "Resolved": ["Closed", "Closed", "Reopened"],
        "Reopened": ["Active", "Resolved"],
    }
    return choose.choice(following[state])


def _instant(at: dt.datetime) -> str:
    return f"{at.astimezone(ZONE):%d-%b-%y %I:%M:%S %p}"


def _day(at: dt.datetime) -> str:
    return f"{at.astimezone(ZONE):%d-%b-%y}"


def read(folder: Path) -> list[tuple[object, ...]]:
    """The rows as a program of its own reads them, in the order of the file.

    Each is (position, number, op, instant, local, version, state, group, priority, opened, closed, reopened): the
    instant as UTC (of a repeated hour the first one), the local time as it is written.
    """
    lines = (folder / "updates.txt").read_text(encoding="utf-16").splitlines()[1:]
    return [_typed(position, row) for position, row in enumerate(csv.DictReader(lines, delimiter="\t"))]


def _typed(position: int, row: Row) -> tuple[object, ...]:
    local = dt.datetime.strptime(row["Updated"], "%d-%b-%y %I:%M:%S %p")
    return (
        position,
        row["Number"],
        row["Op"],
        local.replace(tzinfo=ZONE).astimezone(dt.UTC).replace(tzinfo=None),
        local,
        int(row["Version"]),
        row["State"],
        None if row["Group"] == "?" else row["Group"],
        row["Priority"],
        _date(row["Opened"]),
        _date(row["Closed"]),
        int(row["Reopened"]),
    )


def _date(text: str) -> dt.date | None:
    return dt.datetime.strptime(text, "%d-%b-%y").date() if text else None
