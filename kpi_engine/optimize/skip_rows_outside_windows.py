"""A scan whose queries share one time column reads only fragments that can hold rows inside their windows.

Safe because a row before the earliest start and after the latest end lies in no bucket that a leaf reads. Not safe
where some window has no start (`cumulative`, `before`): then there is only an end. Not safe over two time columns: a
row outside the windows by one may lie inside by the other.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.plan import Plan, Scan


def skip_rows_outside_windows(plan: Plan) -> Plan:
    """Apply the rule."""
    return replace(plan, scans=tuple(_narrow(plan, scan) for scan in plan.scans))


def _narrow(plan: Plan, scan: Scan) -> Scan:
    queries = [plan.queries[number] for number in scan.queries]
    times = {query.time for query in queries}
    (time,) = times if len(times) == 1 else (None,)
    if time is None or not all(query.edges for query in queries):
        return scan
    starts = [query.complete_from for query in queries]
    bounded = [start for start in starts if start is not None]
    end = max(query.edges[-1] for query in queries)
    start = min(bounded) if len(bounded) == len(starts) else None
    return replace(scan, start=None if start is None else (time, start), end=(time, end))
