"""All measure queries of one source share one pass over its rows.

Safe because queries only read. The pass decodes the union of their columns once, and equal expressions are computed
once for each batch.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.plan import Plan, Scan, only_placing


def scan_each_source_once(plan: Plan) -> Plan:
    """Apply the rule."""
    by_source: dict[str, list[Scan]] = {}
    for scan in plan.scans:
        by_source.setdefault(scan.source, []).append(scan)
    scans = tuple(
        Scan(
            source,
            tuple(number for scan in scans for number in scan.queries),
            tuple(sorted({column for scan in scans for column in scan.columns})),
            placing=only_placing(scans),
        )
        for source, scans in by_source.items()
    )
    return replace(plan, scans=scans)
