"""A key in every slot of a configuration, and no trace of it in anything that leaves the engine."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from kpi_engine.extend.secrets import NoSecret, Secret, cleared, follow

from .conftest import Project

CANARY = "canary-51c0ffee-hunter2"
CONNECTOR = """
import logging
import sys

import pyarrow as pa

from kpi_engine.extend.arrow_tables import table_schema
from kpi_engine.extend.scans import stream_scan

SCHEMA = pa.schema([("day", pa.date32())])


class Login:
    def __init__(self, settings):
        self.settings = settings
        self.mode = dict(settings.options)["mode"]

    def tables(self):
        return ["visits"]

    def schema(self, table):
        self.fail("schema")
        return table_schema(SCHEMA)

    def scan(self, request):
        self.fail("scan")
        return stream_scan(request, SCHEMA, self.rows)

    def rows(self):
        self.fail("rows")
        yield pa.RecordBatch.from_pylist([], schema=SCHEMA)

    def fail(self, where):
        token = self.settings.secret("token")
        logging.getLogger("driver").debug("as %s", token)
        if self.mode == "told" and where == "scan":
            from kpi_engine.extend.rows import data_error
            raise data_error("E605", "visits", f"cannot log in with {token.reveal()!r}")
        if self.mode == where:
            try:
                raise OSError(f"401 for key {token.reveal()}")
            except OSError as error:
                raise ConnectionError(f"cannot log in with {token.reveal()!r}") from error
"""
DEFINITIONS = """\
source visits
  connection: shop
  time: day
  column day: date

v = count(visits)
"""


@pytest.mark.parametrize(
    ("reference", "mode"),
    [
        ("env", "schema"),
        ("env", "scan"),
        ("file", "rows"),
        ("env", "told"),
        ("env", "none"),
        ("wrong env", "rows"),
        ("wrong file", "none"),
    ],
)
def test_a_key_is_in_no_output(
    project: Project, mode: str, reference: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", CANARY)
    (project.folder / "token.txt").write_text(CANARY + "\n")
    points = {"connectors": {"login": "login_connector:Login"}}
    project.provide("kpi-login", points=points, modules={"login_connector.py": CONNECTOR})
    target = {"env": "env:SHOP_TOKEN", "file": "file:token.txt"}.get(reference, f"{reference[6:]}:NO_SUCH_THING")
    project.configure(f'[connections.shop]\nconnector = "login"\nmode = "{mode}"\ntoken = "{target}"\n')
    project.define("revenue = sum(orders.total)\n")
    (project.folder / "m.kpi").write_text(DEFINITIONS)
    said = []
    for words in (
        ("eval", "v"),
        ("--debug", "-vv", "eval", "v"),
        ("--errors", "json", "eval", "v"),
        ("check", "--data"),
        ("plugins", "list"),
        ("plugins", "doctor"),
        ("describe", "v"),
        ("explain", "v"),
        ("values", "visits.day"),
    ):
        code, out, err = project.kpi(*words)
        assert code in (0, 1, 3, 4), err
        said += [out, err]
    text = "\n".join([*said, caplog.text])
    assert CANARY not in text
    if mode != "none" or reference.startswith("wrong"):
        assert "E628" in text or "E624" in text or "E605" in text
    if mode != "none" and not reference.startswith("wrong"):
        assert "cannot log in with '***'" in text
    written = [each for each in project.folder.rglob("*") if each.is_file() and each.name != "token.txt"]
    assert not [each for each in written if CANARY.encode() in each.read_bytes()]


@pytest.mark.parametrize("key", ["token", "password", "api_key", "dsn"])
def test_a_key_that_is_written_out_is_refused_and_not_repeated(project: Project, key: str) -> None:
    for written in (f'"{CANARY}"', f"['{CANARY}']", f'{{ value = "{CANARY}" }}'):
        project.configure(f'[connections.shop]\nconnector = "login"\n{key} = {written}\n')
        for words in (("eval", "revenue"), ("--debug", "check"), ("--errors", "json", "plugins", "list")):
            code, out, err = project.kpi(*words)
            assert code == 3
            assert "must be a reference" in out + err
            assert CANARY not in out + err


def test_a_secret_hides_itself() -> None:
    secret = Secret(CANARY)
    for text in (repr(secret), str(secret), f"{secret}", f"{[secret]}", json.dumps(str(secret))):
        assert CANARY not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    assert cleared(f"a {CANARY} b") == "a *** b"
    assert secret.reveal() == CANARY


def test_references_are_followed_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("abc\n")
    monkeypatch.setenv("EMPTY", "")
    assert follow("file:key", tmp_path).reveal() == "abc"
    for reference in ("abc", "env:", "env:EMPTY", "env:NO_SUCH", "file:none", "http://x"):
        with pytest.raises(NoSecret):
            follow(reference, tmp_path)
