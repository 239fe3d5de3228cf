"""Tables in an object store: a server on this machine that speaks S3; keys by reference only, never shown."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine.cli import main
from kpi_engine.ir.diagnostic import KpiError

CANARY = "canary-that-nobody-may-see"
DEFINITIONS = """\
source orders
  table: "{table}"
  time: day
  column day: date

n = count(orders)
s = sum(orders.n)
"""
SETTINGS = """\
as_of = "data"
[connections.default]
path = "s3://lake/shop"
endpoint = "{endpoint}"
region = "us-east-1"
access_key = "env:KPI_TEST_ACCESS_KEY"
secret_key = "file:keys/secret"
"""
Ask = Callable[..., list[dict[str, Any]]]


def parquet(number: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [number]}), sink)
    return sink.getvalue()


OBJECTS = {
    "shop/orders/day=2026-01-01/x.parquet": parquet(1),
    "shop/orders/day=2026-01-02/x.parquet": parquet(2),
    "shop/orders/day=2026-01-03/x.parquet": parquet(4),
    "shop/orders/_log/x.parquet": b"",
    "shop/lines.csv": b"day,n\n2026-01-05,8\n",
    "shop/two.csv": b"",
    "shop/two.jsonl": b"",
    "other/lines.jsonl": b'{"day": "2026-01-05", "n": 16}\n',
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a server with one bucket, `lake`."""
    server_module = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        fill(f"{host}:{port}")
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def store_at(address: str) -> Any:
    """The store as others write it."""
    from pyarrow.fs import S3FileSystem

    return S3FileSystem(
        access_key="k", secret_key="s", endpoint_override=address, scheme="http", region="us-east-1",
        allow_bucket_creation=True,
    )  # fmt: skip


def fill(address: str) -> None:
    store = store_at(address)
    store.create_dir("lake")
    for path, content in OBJECTS.items():
        with store.open_output_stream(f"lake/{path}") as stream:
            stream.write(content)


@pytest.fixture
def project(tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("KPI_TEST_ACCESS_KEY", CANARY)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "secret").write_text(f"{CANARY}\n")
    (tmp_path / "kpi.toml").write_text(SETTINGS.format(endpoint=endpoint))
    return tmp_path


def ask(project: Path, table: str, *metrics: str, **question: Any) -> tuple[list[dict[str, Any]], Any]:
    (project / "orders.kpi").write_text(DEFINITIONS.format(table=table))
    result = kpi_engine.open(project).eval(metrics or ("n", "s"), **question)
    return result.table.to_pylist(), result.stats


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("orders", {"n": 3, "s": 7}),
        ("orders/*/*.parquet", {"n": 3, "s": 7}),
        ("orders/**", {"n": 3, "s": 7}),
        ("s3://lake/shop/orders/day=2026-01-0[12]/x.parquet", {"n": 2, "s": 3}),
        ("orders/day=2026-01-0?/?.parquet", {"n": 3, "s": 7}),
        ("orders/day=2026-01-03/x.parquet", {"n": 1, "s": 4}),
        ("lines", {"n": 1, "s": 8}),
        ("s3://lake/other/lines.jsonl", {"n": 1, "s": 16}),
    ],
)
def test_tables_of_a_bucket(project: Path, table: str, expected: dict[str, int]) -> None:
    columns = {"lines": "  column n: integer\n"}.get(table, "")
    (project / "orders.kpi").write_text(
        DEFINITIONS.format(table=table).replace("  column day: date\n", f"  column day: date\n{columns}")
    )
    assert kpi_engine.open(project).eval(["n", "s"]).table.to_pylist() == [expected]


def test_objects_are_ruled_out_by_their_folders(project: Path) -> None:
    rows, stats = ask(project, "orders", "s", where="day = 2026-01-02")
    assert rows == [{"s": 2}]
    assert stats.sources["orders"].fragments_read == 1
    rows, stats = ask(project, "orders", "s", start="2026-01-03", end="2026-01-03")
    assert rows == [{"s": 4}] and stats.sources["orders"].fragments_read == 1


def test_hidden_objects_are_noted(project: Path) -> None:
    _, stats = ask(project, "orders")
    hidden = "s3://lake/shop/orders/_log/x.parquet is hidden, because its name begins with . or _; not read"
    assert stats.notes == [hidden]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("linse", "s3://lake/shop/linse: E601: there is no object and no folder `s3://lake/shop/linse`"),
        ("two", "s3://lake/shop/two: E602: `s3://lake/shop/two` could be any of two.csv, two.jsonl"),
        ("none/*.csv", "s3://lake/shop/none/*.csv: E601: no object matches `s3://lake/shop/none/*.csv`"),
        ("s3://puddle/x.csv", "s3://puddle/x.csv: E601: there is no bucket `puddle`"),
        ("../x.csv", "s3://lake/shop/../x.csv: E601: `s3://lake/shop/../x.csv` names no bucket"),
        ("s3://*/x.csv", "s3://*/x.csv: E601: `s3://*/x.csv` has a pattern for a bucket"),
    ],
)
def test_problems(project: Path, table: str, message: str) -> None:
    with pytest.raises(KpiError) as caught:
        ask(project, table)
    assert str(caught.value).splitlines()[0] == message


def says(project: Path, capsys: pytest.CaptureFixture[str], settings: str) -> str:
    """What the command line says of other settings; the keys are not among it."""
    (project / "kpi.toml").write_text(settings)
    (project / "orders.kpi").write_text(DEFINITIONS.format(table="orders"))
    for words in (["check"], ["eval", "n", "--stats"], ["describe", "orders"], ["explain", "n", "--at", "catalog"]):
        main([*words, "--project", str(project)])
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
    return said.err


def test_keys_are_never_shown(
    project: Path, endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = SETTINGS.format(endpoint=endpoint)
    says(project, capsys, good)
    written = says(project, capsys, good.replace("env:KPI_TEST_ACCESS_KEY", CANARY))
    assert "E704" in written and "`access_key` must be a reference, not the key itself" in written
    assert "E703" in says(project, capsys, good + f'acess_key = "{CANARY}"\n')
    assert "E702" in says(project, capsys, good + f'session_token = "{CANARY}\n')
    missing = says(project, capsys, good.replace("KPI_TEST_ACCESS_KEY", "KPI_TEST_NO_KEY"))
    assert "E624" in missing and "the environment has no variable KPI_TEST_NO_KEY" in missing
    assert "E624" in says(project, capsys, good.replace("keys/secret", "keys/none"))


def test_a_store_that_does_not_answer(project: Path, endpoint: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        (project / "kpi.toml").write_text(SETTINGS.format(endpoint="http://127.0.0.1:9"))
        with pytest.raises(KpiError) as caught:
            ask(project, "orders")
    assert str(caught.value).startswith("s3://lake/shop/orders: E625: the object store refuses: ")


def test_objects_are_read_again_when_they_change(project: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "orders.kpi").write_text(DEFINITIONS.format(table="s3://lake/other/days/**"))
    opened = kpi_engine.open(project, store=project / "state")

    clock = time.time_ns

    def asked() -> tuple[object, int]:
        answer = opened.eval("s")
        return answer.table.to_pylist()[0]["s"], answer.stats.sources["orders"].rows

    store = store_at(endpoint.removeprefix("http://"))
    days = "lake/other/days/day=2026-01-0{}/x.parquet"

    def write(day: int, number: int) -> None:
        with store.open_output_stream(days.format(day)) as stream:
            stream.write(parquet(number))

    write(1, 1)
    write(2, 2)
    assert [asked(), asked()] == [(3, 2), (3, 2)]  # they may change again within the same second
    monkeypatch.setattr(time, "time_ns", lambda: clock() + 90_000_000_000)
    assert [asked(), asked()] == [(3, 2), (3, 0)]
    time.sleep(1.1)
    write(2, 7)  # of the same size
    assert [asked(), asked()] == [(8, 1), (8, 0)]
    store.delete_file(days.format(2))
    assert asked() == (1, 0)
