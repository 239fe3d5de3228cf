"""A process of its own that decodes ORC: what a damaged file does to the decoder ends here, not in the user's program.

It runs as a script and needs pyarrow alone. Frames go both ways, each a length of eight bytes and as many bytes. The
process says `b"ready"`, then answers requests (JSON: a file's `size`, a `stripe` or null for the schema, `columns`).
While it answers it asks for bytes of the file (`b"?"`, offset and length as two int64) and is given them; the answer
is `b"!"` and an Arrow stream, or `b"-"` and what is wrong, as text.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from typing import IO

import pyarrow as pa

LENGTH = struct.Struct("<q")
RANGE = struct.Struct("<qq")


def send(stream: IO[bytes], *parts: bytes) -> None:
    """One frame made of some parts."""
    stream.write(LENGTH.pack(sum(map(len, parts))))
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next frame; None where the other side has gone.

    >>> pipe = io.BytesIO()
    >>> send(pipe, b"!", b"rows"), pipe.seek(0), receive(pipe), receive(pipe)
    (None, 0, b'!rows', None)
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    frame = stream.read(length)
    return frame if len(frame) == length else None


class AskedFile(io.RawIOBase):
    """A file of `size` bytes that the other side holds."""

    def __init__(self, source: IO[bytes], sink: IO[bytes], size: int) -> None:
        super().__init__()
        self._source, self._sink, self._size = source, sink, size
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position of the next byte to be read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes; fewer at the end of the file."""
        rest = max(self._size - self._position, 0)
        length = rest if size is None or size < 0 else min(size, rest)
        send(self._sink, b"?", RANGE.pack(self._position, length))
        found = receive(self._source)
        if found is None:
            raise EOFError
        self._position += len(found)
        return found


def answer(request: bytes, source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer one request."""
    # Only the process itself pays for loading the decoder; who talks to it imports this module, too.
    from pyarrow import orc

    wanted = json.loads(request)
    try:
        opened = orc.ORCFile(pa.PythonFile(AskedFile(source, sink, wanted["size"]), mode="r"))
        found = opened.schema.with_metadata({b"stripes": str(opened.nstripes).encode()})
        batches = []
        if wanted["stripe"] is not None:
            batch = opened.read_stripe(wanted["stripe"], columns=wanted["columns"])
            batch.validate(full=True)
            found, batches = batch.schema, [batch]
        stream = pa.BufferOutputStream()
        with pa.ipc.new_stream(stream, found) as writer:
            for batch in batches:
                writer.write_batch(batch)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        send(sink, b"-", (str(error) or type(error).__name__).encode())
    else:
        send(sink, b"!", stream.getvalue())


def main(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer requests for as long as there are any."""
    send(sink, b"ready")
    while (request := receive(source)) is not None:
        answer(request, source, sink)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
