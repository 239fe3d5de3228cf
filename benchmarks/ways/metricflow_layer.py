"""Questions for MetricFlow on DuckDB, as far as its kinds of metrics express them; metricflow/ is the dbt project.

The project is built once for a folder of data, by `prepare`, which is not measured.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from questions import HERE, Question

Rows = list[tuple[Any, ...]]
_BY: Final = {"channel": {"scorecard": "order__channel", "visitors": "visit__channel", "conversion": "shared_channel"}}


def answer(question: Question, data: Path) -> Rows:
    """The rows of the answer: keys, then metrics in order."""
    os.chdir(_project(data))
    logging.disable(logging.CRITICAL)

    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

    configuration = CLIConfiguration()
    configuration.setup()
    keys = [f"metric_time__{question.grain}", *(_BY[name][question.name] for name in question.by)]
    request = MetricFlowQueryRequest.create_with_random_request_id(
        metric_names=list(question.metrics), group_by_names=keys
    )
    table = configuration.mf.query(request).result_df
    names = [each.lower() for each in table.column_names]
    order = [names.index(name) for name in (*keys, *question.metrics)]
    return [tuple(row[position] for position in order) for row in table.rows]


def prepare(data: Path) -> None:
    """Build the dbt project beside the data: views over its files, and the manifest."""
    folder = _project(data)
    if not (folder / "shop.duckdb").exists():
        shutil.copytree(HERE / "metricflow", folder, dirs_exist_ok=True)
        dbt = Path(sys.executable).with_name("dbt")
        subprocess.run([str(dbt), "run", "--quiet"], cwd=folder, check=True)


def _project(data: Path) -> Path:
    """The folder of the dbt project, told to all that read it."""
    folder = data.resolve() / "metricflow"
    os.environ |= {"SHOP_DATA": str(data.resolve()), "SHOP_WORK": str(folder), "DBT_PROFILES_DIR": str(folder)}
    os.environ |= {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return folder
