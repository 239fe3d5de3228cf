"""The operations on files that the store is made of, one method each: tests record them, and let any of them fail."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from pathlib import Path

from kpi_engine.ir.dataclass import dataclass

_CLOSED_TO_OTHERS = 0o600
_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""Nothing inside the store is a link: one that somebody put there is not followed."""


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What the store needs to know of a file: bytes, when it was last touched (nanoseconds), whose it is, its kind."""

    size: int
    touched: int
    owner: int
    regular: bool
    folder: bool


class Disk:
    """The operating system. Every method raises `OSError` as the call below it does."""

    def create(self, path: Path) -> int:
        """Open a new file to write, for its owner alone; FileExistsError if there is one."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, _CLOSED_TO_OTHERS)

    def open(self, path: Path) -> int:
        """Open a file to read."""
        # A pipe that somebody put there must not keep the reader waiting.
        return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN)

    def open_lock(self, path: Path) -> int:
        """Open the file that writers lock; it is made if there is none."""
        return os.open(path, os.O_RDWR | os.O_CREAT | _PLAIN, _CLOSED_TO_OTHERS)

    def try_lock(self, descriptor: int) -> bool:
        """Whether this process now has the lock, until the file is closed; never waits."""
        if sys.platform == "win32":
            raise OSError("files cannot be locked on this system")
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        """Write, and say how many bytes were taken; it may be fewer."""
        return os.write(descriptor, content)

    def read(self, descriptor: int, size: int) -> bytes:
        """Read at most so many bytes."""
        return os.read(descriptor, size)

    def seek(self, descriptor: int, offset: int) -> None:
        """Go to a place counted from the file's start."""
        os.lseek(descriptor, offset, os.SEEK_SET)

    def truncate(self, descriptor: int) -> None:
        """Make the file empty."""
        os.ftruncate(descriptor, 0)

    def length(self, descriptor: int) -> int:
        """The bytes of an open file."""
        return os.fstat(descriptor).st_size

    def sync(self, descriptor: int) -> None:
        """Return when what was written is on the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close, and give a lock back."""
        os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in one step."""
        old.replace(new)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name, in one step; FileExistsError if it is taken."""
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def make_folder(self, path: Path) -> None:
        """Make one folder, for its owner alone."""
        path.mkdir(mode=0o700)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder that is empty."""
        path.rmdir()

    def sync_folder(self, path: Path) -> None:
        """Return when the names in a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, in no order."""
        return [each.name for each in folder.iterdir()]

    def status(self, path: Path) -> FileStatus:
        """What is known of a file; links are not followed."""
        found = path.lstat()
        return FileStatus(
            found.st_size, found.st_mtime_ns, found.st_uid, stat.S_ISREG(found.st_mode), stat.S_ISDIR(found.st_mode)
        )

    def touch(self, path: Path, when: int) -> None:
        """Say when a file was last of use, in nanoseconds since 1970."""
        if os.utime in os.supports_follow_symlinks:
            os.utime(path, ns=(when, when), follow_symlinks=False)
        else:
            os.utime(path, ns=(when, when))

    def free(self, folder: Path) -> int:
        """The bytes that may still be written to the disk of a folder."""
        return shutil.disk_usage(folder).free

    def now(self) -> int:
        """The time, in nanoseconds since 1970."""
        return time.time_ns()
