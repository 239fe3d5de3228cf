"""`python -m kpi_engine`: the command line."""

from __future__ import annotations

import sys

from kpi_engine.cli import main

sys.exit(main())
