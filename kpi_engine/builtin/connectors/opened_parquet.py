"""A Parquet file as pyarrow opens it, without what it makes anew for every file of one form."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

_PATHS = "paths"


class OpenedParquet(pq.ParquetFile):
    """A file whose table of column paths is taken from, or put into, what files of its form `share`.

    pyarrow makes that table when it opens a file, which takes as long as all else. With None there is none: enough to
    look at the footer, and not to read. A pyarrow that makes it elsewhere does so for every file, as before.
    """

    def __init__(self, source: Any, share: dict[str, Any] | None, **options: Any) -> None:
        self._share = share
        super().__init__(source, **options)

    def _build_nested_paths(self) -> Any:
        if self._share is None:
            return {}
        if _PATHS not in self._share:
            self._share[_PATHS] = super()._build_nested_paths()
        return self._share[_PATHS]
