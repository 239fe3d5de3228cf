"""What `kpi init` writes: a first project that works as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError

_CONFIG = """\
name = "my shop"
as_of = "data"              # the last day of the data; "now" once new data arrives every day

[connections.default]
connector = "files"
path = "data"               # the `table:` of every source is looked for in here
"""

_README = """\
# my shop

Metrics are defined in `metrics.kpi`, tables lie in `data/`, and `tests/` holds examples with the results expected.
Try `kpi list`, then `kpi eval revenue conversion --by channel --grain month`; `kpi test` runs the examples.
"""

_METRICS = """\
# A first project: two tables and five metrics.
# Check it with `kpi check`, then ask: kpi eval revenue conversion --by channel --grain month

calendar
  timezone: "Europe/Berlin"
  currency: EUR

# A source is a table with a meaning: what a row is, when it happened, what its columns hold.
source orders
  table: "orders.csv"
  key: order_id
  time: ordered_at
  column order_id: text
  column ordered_at: timestamp
  column visitor_id: text -> visitor
  column channel: text
  column status: text
  column total: currency(EUR)
  column is_paid: boolean = status = "paid"

source visits
  table: "visits.csv"
  key: visit_id
  time: started_at
  column visit_id: text
  column started_at: timestamp
  column visitor_id: text -> visitor
  column channel: text

# An entity has ids and no table of its own. Visitors are counted in visits.
entity visitor
  counted_in: visits

# A metric is a name and an expression.
revenue = sum(orders.total where is_paid)
  better: higher
  description: "What customers paid"

order_count = count(orders where is_paid)
  better: higher
  description: "Orders that were paid"

average_order_value = revenue / order_count
  better: higher
  description: "Revenue per paid order"

# Two tables, each counted on its own time.
conversion = count(orders) / count(distinct visitors)
  unit: percent
  better: higher
  description: "Orders per visitor"

revenue_growth = growth(revenue)
  unit: percent
  better: higher
  description: "Revenue against the period before"
"""

_CASES = """\
# Cancelled orders are no revenue
A case gives small tables, a question, and the answer worked out by hand. `kpi test` runs it.
---- data orders
ordered_at, status, total
2025-01-05 10:38, paid, 40.00
2025-01-09 12:00, cancelled, 99.00
2025-01-31 23:59, paid, 10.00
---- query revenue, order_count, average_order_value
---- result
revenue  order_count  average_order_value
50.00    2            25
====
# Growth from a month without orders is empty
---- data orders
ordered_at, status, total
2025-01-10 12:00, paid, 100.00
2025-03-10 12:00, paid, 50.00
2025-04-10 12:00, paid, 75.00
---- query revenue, revenue_growth grain month as of 2025-05-01
---- result
period      revenue  revenue_growth
2025-01-01  100.00   null
2025-02-01  0        -100%
2025-03-01  50.00    null
2025-04-01  75.00    50%
====
# Visitors are counted once, and without visitors there is no conversion
---- data orders
ordered_at, channel
2025-01-05 10:38, search
2025-01-06 09:00, shop
---- data visits
started_at, channel, visitor_id
2025-01-05 10:00, search, v1
2025-01-05 18:00, search, v1
2025-01-05 11:00, search, v2
---- query conversion by channel
---- result
channel  conversion
search   50%
shop     null
"""

_ORDERS = """\
order_id,ordered_at,visitor_id,channel,status,total
A1001,2025-01-05 10:38:00,v13,search,paid,39.95
A1002,2025-01-07 15:46:00,v02,search,paid,39.95
A1003,2025-01-08 11:08:00,v14,social,paid,12.50
A1004,2025-01-08 23:11:00,v03,social,paid,24.00
A1005,2025-01-11 11:47:00,v02,social,paid,19.90
A1006,2025-01-16 09:17:00,v07,newsletter,cancelled,39.95
A1007,2025-01-17 09:04:00,v03,search,paid,19.90
A1008,2025-01-19 11:19:00,v16,social,paid,39.95
A1009,2025-01-21 18:43:00,v06,search,paid,59.00
A1010,2025-01-22 08:52:00,v10,social,paid,120.00
A1011,2025-01-23 14:45:00,v15,newsletter,paid,74.50
A1012,2025-01-26 10:06:00,v11,search,paid,120.00
A1013,2025-01-28 10:56:00,v02,search,paid,74.50
A1014,2025-01-30 09:10:00,v11,newsletter,paid,120.00
A1015,2025-02-01 13:34:00,v16,social,paid,59.00
A1016,2025-02-02 08:14:00,v03,newsletter,paid,120.00
A1017,2025-02-03 23:13:00,v03,search,paid,74.50
A1018,2025-02-07 18:34:00,v12,search,paid,12.50
A1019,2025-02-09 10:48:00,v06,search,cancelled,19.90
A1020,2025-02-11 11:07:00,v07,newsletter,paid,39.95
A1021,2025-02-13 20:03:00,v16,search,paid,120.00
A1022,2025-02-18 12:02:00,v08,search,paid,120.00
A1023,2025-02-21 12:09:00,v05,social,cancelled,39.95
A1024,2025-02-25 14:11:00,v17,search,paid,19.90
"""

_VISITS = """\
visit_id,started_at,visitor_id,channel
V001,2025-01-05 10:09:00,v13,search
V002,2025-01-06 08:01:00,v18,search
V003,2025-01-07 15:38:00,v02,search
V004,2025-01-08 10:43:00,v14,social
V005,2025-01-08 22:58:00,v03,social
V006,2025-01-09 10:50:00,v04,search
V007,2025-01-11 11:30:00,v02,social
V008,2025-01-11 22:44:00,v02,search
V009,2025-01-13 10:10:00,v05,search
V010,2025-01-15 09:29:00,v18,search
V011,2025-01-16 09:06:00,v07,newsletter
V012,2025-01-17 08:41:00,v03,search
V013,2025-01-19 10:54:00,v16,social
V014,2025-01-20 15:23:00,v15,newsletter
V015,2025-01-21 18:38:00,v06,search
V016,2025-01-22 08:14:00,v10,social
V017,2025-01-23 14:00:00,v15,newsletter
V018,2025-01-25 12:04:00,v04,social
V019,2025-01-26 09:52:00,v11,search
V020,2025-01-28 10:18:00,v02,search
V021,2025-01-30 08:54:00,v11,newsletter
V022,2025-02-01 13:16:00,v16,social
V023,2025-02-02 08:09:00,v03,newsletter
V024,2025-02-03 22:53:00,v03,search
V025,2025-02-06 09:12:00,v15,newsletter
V026,2025-02-07 18:08:00,v12,search
V027,2025-02-09 10:30:00,v06,search
V028,2025-02-11 10:33:00,v07,newsletter
V029,2025-02-12 09:20:00,v08,social
V030,2025-02-13 19:18:00,v16,search
V031,2025-02-14 13:46:00,v13,newsletter
V032,2025-02-15 09:38:00,v14,newsletter
V033,2025-02-16 20:00:00,v13,search
V034,2025-02-17 13:05:00,v06,search
V035,2025-02-18 11:47:00,v08,search
V036,2025-02-20 09:40:00,v06,newsletter
V037,2025-02-21 11:40:00,v05,social
V038,2025-02-23 09:03:00,v11,search
V039,2025-02-25 13:57:00,v17,search
V040,2025-02-28 09:54:00,v18,social
"""

FILES = {
    "kpi.toml": _CONFIG,
    "metrics.kpi": _METRICS,
    "tests/metrics.kpitest": _CASES,
    "README.md": _README,
    "data/orders.csv": _ORDERS,
    "data/visits.csv": _VISITS,
}
"""The starter project by path."""


def write_starter(folder: Path) -> tuple[Path, ...]:
    """Write the starter project into `folder` and return the files; KpiError as `write_new`."""
    return write_new(folder, FILES)


def write_new(folder: Path, files: Mapping[str, str]) -> tuple[Path, ...]:
    """Write texts by their paths below `folder` and return the files.

    Nothing is ever overwritten: KpiError E710 names every file that is in the way, and then nothing is written;
    E711 if the system refuses.
    """
    check_free(folder, files)
    targets = {folder / name: text for name, text in files.items()}
    try:
        for target, text in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        message = f"cannot write {error.filename or folder}: {(error.strerror or str(error)).lower()}"
        raise KpiError(Diagnostic("E711", message, exit_code=ExitCode.USAGE)) from error
    return tuple(targets)


def check_free(folder: Path, names: Iterable[str]) -> None:
    """KpiError E710 that names every file which is in the way of new ones below `folder`."""
    there = [str(target) for name in names if (target := folder / name).exists() or target.is_symlink()]
    if there:
        verb = "exists" if len(there) == 1 else "exist"
        message = f"{', '.join(there)} {verb} already: nothing was written"
        help = "choose an empty folder, or move what is there"
        raise KpiError(Diagnostic("E710", message, help=help, exit_code=ExitCode.USAGE))
