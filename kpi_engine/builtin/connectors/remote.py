"""Which names are of an object store; a project with files alone does not load what speaks to one."""

from __future__ import annotations

SCHEME = "s3://"


def is_remote(name: str) -> bool:
    """Whether a table or a folder is in an object store.

    >>> is_remote("s3://lake/orders"), is_remote("orders/*.parquet")
    (True, False)
    """
    return name.startswith(SCHEME)
