"""Whether a folder lies on another machine, where locks and renames may not be what they are on a disk of one's own."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TABLE = Path("/proc/mounts")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "beegfs", "gpfs", "glusterfs", "davfs"}
    | {f"fuse.{name}" for name in ("sshfs", "s3fs", "rclone", "gcsfuse", "goofys", "glusterfs", "ceph", "juicefs")}
)
"""File systems of several machines. `9p` is none of them: it is how virtual machines see the disk of their own host."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_file_system(folder: Path) -> str | None:
    """The type of the network file system that a folder lies on; None if it lies on none, or the system cannot say."""
    try:
        table = _TABLE.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    found = type_at(os.path.realpath(folder), table)
    return found if found in _NETWORK else None


def type_at(path: str, table: str) -> str | None:
    """The type of the file system that holds a path, by a table as Linux writes it.

    >>> type_at("/home/ann/shop", "/dev/vda / ext4 rw 0 0\\nfiles:/ /home nfs4 rw 0 0\\n")
    'nfs4'
    """
    best, found = "", None
    for line in table.splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        place = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), words[1])
        inside = path == place or path.startswith(place.rstrip("/") + "/")
        # Of two that are mounted at one place the later one is seen.
        if inside and len(place) >= len(best):
            best, found = place, words[2]
    return found
