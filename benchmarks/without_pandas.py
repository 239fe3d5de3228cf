"""pandas hidden, as if it were not installed; run as a program, this is `kpi` without pandas.

pyarrow imports pandas where it is installed, with the first value that it makes of a Python object. Nothing here needs
it, and it takes longer to import than all the rest together.
"""

from __future__ import annotations

import sys


class WithoutPandas:
    """Finds pandas before anybody else, and says that it is not there."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Nothing for other names, so that they are looked for as ever."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden")


def hide_pandas() -> None:
    """From now on in this process."""
    sys.meta_path.insert(0, WithoutPandas())


if __name__ == "__main__":
    hide_pandas()

    from kpi_engine.cli import command

    command()
