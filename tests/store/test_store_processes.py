"""Several processes at one store: nobody's record is lost, and who reads meanwhile reads nothing wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .stores import content, quick
from .writers import unsealed

ROOT = Path(__file__).resolve().parents[2]

SAVE_EACH = """
import sys
from pathlib import Path
from kpi_engine.ir.stored import NewRecord
from kpi_engine.store import FolderStore
folder, label, count = sys.argv[1:]
store = FolderStore(Path(folder), limit=1 << 30, patience=60)
sys.stdin.read(1)
for number in range(int(count)):
    assert store.save([NewRecord(label, str(number), {"bytes": b"x" * 1000})]), store.notes
"""

SAVE_PAIRS = """
import sys
from pathlib import Path
from kpi_engine.ir.stored import NewRecord
from kpi_engine.store import FolderStore
from store.writers import sealed
store = FolderStore(Path(sys.argv[1]), limit=1 << 30, grace=float(sys.argv[2]))
for number in range(25):
    old = [each.name for each in store.records("pair")]
    pair = [NewRecord("pair", str(number), {"bytes": sealed(number, size)}) for size in (100, 50_000)]
    assert store.save(pair, old), store.notes
"""


def start(program: str, *words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)


def test_two_processes_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    folder, count = tmp_path / "state", 15
    writers = [start(SAVE_EACH, folder, label, count) for label in ("orders", "visits")]
    for each in writers:
        each.communicate(b"!")
    assert [each.returncode for each in writers] == [0, 0]
    store = quick(folder)
    for label in ("orders", "visits"):
        assert [header for header, _ in content(store, label)] == [str(number) for number in range(count)]
    assert not store.notes and not list(folder.glob("tmp-*"))


def test_who_reads_while_others_write_reads_whole_saves(tmp_path: Path) -> None:
    """With the usual grace everything that is listed can be read as well; without any it may be gone, never wrong."""
    for grace, may_be_gone in ((900, False), (0, True)):
        folder = tmp_path / str(grace)
        writer = start(SAVE_PAIRS, folder, grace)
        looks, before = 0, -1
        while writer.poll() is None or not looks:
            store = quick(folder)
            found = content(store, "pair")
            headers = [int(header) for header, _ in found]
            assert not store.notes
            if not found and before < 0:
                assert not writer.poll(), "the writer failed"
                continue
            looks += 1
            if len(found) != 2:
                assert may_be_gone
                continue
            assert headers[0] == headers[1] >= before, "a pair is seen as a whole, and never an older one again"
            before = headers[0]
            for header, blobs in found:
                blob = dict(blobs)["bytes"]
                assert unsealed(blob) == int(header) if blob is not None else may_be_gone
        assert writer.wait() == 0 and looks > 3
        writer.communicate()
        assert [header for header, _ in content(quick(folder), "pair")] == ["24", "24"]
