"""The engine, packs and connectors as users get them: built as wheels, installed by pip into a fresh environment.

The environment shares the heavy packages (Arrow and others) with the running one; the engine and its plugins are its
own, and everything is asked through the `kpi` that pip made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ("numpy", "pluggy", "pyarrow", "rich", "typer")
"""What the engine depends on; what these depend on is shared, too."""

SHOP = """\
calendar
  currency: EUR

use sales
  version: ">=1.1"
use zoo

map sales.orders to "orders.csv"
map zoo.visits to "visits.csv"

source tickets
  connection: desk
  time: created_on
  column created_on: date

ticket_count = count(tickets)
sold = tickets_sold
"""
PLAIN = 'calendar\n  currency: EUR\n\nuse sales\n\nmap sales.orders to "orders.csv"\n'
TABLES = {
    "orders.csv": "order_id,ordered_at,status,total\na,2026-03-01 09:00,ok,12.50\nb,2026-03-02 10:00,cancelled,9.00\n",
    "visits.csv": "started_at,visitor_id,pages\n2026-03-01 10:00,v,3\n2026-03-01 11:00,v,4\n",
    "pages/tickets-1.json": '[{"id": 1, "created_on": "2026-03-01"}]',
}
CONNECTION = '[connections.desk]\nconnector = "helpdesk"\npath = "pages"\n'
ADDED = ("kpi-sales", "kpi-zoo", "kpi-helpdesk")


def shared_files() -> dict[str, Path]:
    """The files and folders in site-packages of everything shared, by name."""
    waiting, seen = list(SHARED), set[str]()
    found: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # wanted on other systems only
        for file in distribution.files or ():
            if file.parts[0] not in ("..", "__pycache__"):
                found.setdefault(file.parts[0], Path(str(distribution.locate_file(file.parts[0]))))
        for text in distribution.requires or ():
            if "extra ==" not in text:
                waiting.append(re.split(r"[^A-Za-z0-9._-]", text)[0])
    return found


class Installation:
    """A fresh environment, wheels, and a folder for projects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self._home = folder / "environment"
        venv.create(self._home, symlinks=True)  # without pip: that of the running environment works in it
        self.python = self._home / "bin" / "python"
        for name, path in shared_files().items():
            (self._packages / name).symlink_to(path)

    @property
    def _packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", vars={"base": str(self._home), "platbase": str(self._home)}))

    def _ran(self, *command: object, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KPI_", "PYTHON", "PIP_"))}
        words = [str(each) for each in command]
        return subprocess.run(words, cwd=at or self.folder, env=kept, capture_output=True, text=True, check=False)

    def build(self, *projects: Path) -> None:
        """Wheels of these projects, without a network."""
        for project in projects:
            done = self._ran(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", self.wheels, at=project)
            assert done.returncode == 0, done.stderr

    def _pip(self, *words: object) -> None:
        done = self._ran(sys.executable, "-m", "pip", "--python", self.python, *words)
        assert done.returncode == 0, done.stderr

    def install(self, *names: str) -> None:
        """Install wheels by the names of their distributions."""
        files = [next(self.wheels.glob(f"{name.replace('-', '_')}-*.whl")) for name in names]
        # Modules are compiled when they are first imported: most are not, here.
        self._pip("install", "--quiet", "--no-deps", "--no-index", "--no-compile", *files)

    def uninstall(self, *names: str) -> None:
        """Take distributions out again; nothing of them is left."""
        self._pip("uninstall", "--quiet", "--yes", *names)
        left = [each.name for name in names for each in self._packages.glob(f"{name.replace('-', '_')}*")]
        assert left == []

    def kpi(self, *words: str, at: Path) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        done = self._ran(self.python.parent / "kpi", *words, at=at)
        return done.returncode, done.stdout, done.stderr

    def written_in(self) -> str:
        """The folder of the engine that is imported there."""
        return self._ran(self.python, "-c", "import kpi_engine; print(kpi_engine.__file__)").stdout


def write_project(folder: Path, definitions: str, toml: str = "") -> Path:
    """A project with the tables."""
    (folder / "pages").mkdir(parents=True)
    (folder / "kpi.toml").write_text(f'as_of = "data"\n[connections.default]\npath = "."\n{toml}', "utf-8")
    (folder / "shop.kpi").write_text(definitions, "utf-8")
    for table, text in TABLES.items():
        (folder / table).write_text(text, "utf-8")
    return folder


def newer_sales(folder: Path) -> Path:
    """The sales pack one minor step on, with a metric more."""
    shutil.copytree(ROOT / "plugins" / "kpi-sales", folder)
    for file in (folder / "pyproject.toml", folder / "kpi_pack_sales" / "pack.toml"):
        file.write_text(file.read_text("utf-8").replace('version = "1.0.0"', 'version = "1.1.0"'), "utf-8")
    definitions = folder / "kpi_pack_sales" / "definitions" / "sales.kpi"
    definitions.write_text(definitions.read_text("utf-8") + "\ntickets_sold = 2 * order_count\n", "utf-8")
    return folder


@dataclass(frozen=True)
class Seen:
    """What a project saw of its plugins at one time: `kpi check`, `kpi plugins list`, an answer."""

    check: tuple[int, str, str]
    listed: Mapping[str, Mapping[str, object]]
    answer: tuple[int, str, str]


def seen(fresh: Installation, shop: Path) -> Seen:
    """Asks for all."""
    rows = json.loads(fresh.kpi("plugins", "list", "--json", at=shop)[1])
    asked = ("revenue", "sold", "zoo_pages_per_visit", "ticket_count")
    return Seen(
        fresh.kpi("check", "--format", "concise", at=shop),
        {row["name"]: row for row in rows},
        fresh.kpi("eval", *asked, at=shop),
    )


@dataclass(frozen=True)
class Story:
    """One environment from the engine alone to three plugins and back."""

    folder: Path
    engine: str
    alone: tuple[int, str, str]
    before: Seen
    during: Seen
    described: str
    printed: str
    after: Seen


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Installs the engine; then a newer sales pack, and a pack and a connector that it wrote; takes them out again."""
    folder = tmp_path_factory.mktemp("wheels")
    fresh = Installation(folder)
    fresh.build(ROOT)
    fresh.install("kpi-engine")
    shop = write_project(folder / "shop", SHOP, CONNECTION)
    plain = write_project(folder / "plain", PLAIN)
    alone, before = fresh.kpi("eval", "revenue", at=plain), seen(fresh, shop)
    for kind, name in (("pack", "zoo"), ("connector", "helpdesk")):
        code, _, err = fresh.kpi("plugins", "new", kind, name, at=folder)
        assert code == 0, err
    fresh.build(newer_sales(folder / "kpi-sales"), folder / "kpi-zoo", folder / "kpi-helpdesk")
    fresh.install(*ADDED)
    during, described = seen(fresh, shop), fresh.kpi("describe", "revenue", at=shop)[1]
    printed = fresh.kpi("plugins", "list", at=shop)[1]
    fresh.uninstall(*ADDED)
    return Story(folder, fresh.written_in(), alone, before, during, described, printed, seen(fresh, shop))


def test_the_wheel_alone_is_enough_for_the_packs_that_it_brings(story: Story) -> None:
    """And it is the wheel that answers, not the checkout beside it."""
    assert story.engine.startswith(str(story.folder))
    assert story.alone[:2] == (0, "revenue\n12.50\n"), story.alone[2]
    rows = story.before.listed
    assert {name: (row["origin"], row["version"], row["status"]) for name, row in rows.items()} == {
        "sales": ("bundled", "1.0.0", "in use"),
        "marketing": ("bundled", "1.0.0", "available"),
        "care": ("bundled", "1.0.0", "available"),
        "zoo": ("", "", "not installed"),
        "helpdesk": ("", "", "not installed"),
    }


def test_what_is_installed_answers(story: Story) -> None:
    """Twice the one valid order, 3 and 4 pages of two visits, one ticket."""
    code, out, err = story.during.answer
    assert (code, out) == (0, "revenue,sold,zoo_pages_per_visit,ticket_count\n12.50,2,3.5,1\n"), err
    assert story.during.check[0] == 0


def test_an_installed_pack_takes_the_place_of_the_bundled_one(story: Story) -> None:
    """With its version, wherever packs are named."""
    sales = story.during.listed["sales"]
    assert (sales["distribution"], sales["version"], sales["status"]) == ("kpi-sales", "1.1.0", "in use")
    assert sales["hides"] == ["the bundled 1.0.0"]
    line = r"^pack sales +kpi-sales 1\.1\.0 +in use, instead of the bundled 1\.0\.0$"
    assert re.search(line, story.printed, re.MULTILINE)
    assert "sales 1.1.0" in story.described


def test_a_pack_and_a_connector_of_ones_own_are_listed(story: Story) -> None:
    """As `kpi plugins new` made them."""
    common = {"version": "0.1.0", "status": "in use", "cause": "", "used": True}
    zoo = {"kind": "pack", "distribution": "kpi-zoo", "origin": "installed"}
    helpdesk = {"kind": "connector", "distribution": "kpi-helpdesk", "api": "1"}
    assert story.during.listed["zoo"].items() >= {**common, **zoo}.items()
    assert story.during.listed["helpdesk"].items() >= {**common, **helpdesk}.items()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_project_says_what_it_misses_before_and_after(story: Story, when: str) -> None:
    """The pack that is nowhere, the version that the bundled one is not, the connector: each by name, with advice."""
    found: Seen = story.before if when == "before" else story.after
    code, out, _ = found.check
    assert code == 3
    assert "shop.kpi:6:5: error[E790]: there is no pack `zoo`" in out
    assert "shop.kpi:5:12: error[E796]: pack `sales` 1.0.0 is here, and >=1.1 is asked for" in out
    assert "shop.kpi:11:8: error[E621]: connection desk: there is no connector `helpdesk`" in out
    code, out, err = found.answer
    assert (code, out) == (3, "")
    assert "`pip install kpi-zoo`" in err


def test_nothing_stays(story: Story) -> None:
    """The list is that from before; no file is left (`uninstall` looks)."""
    assert story.after.listed == story.before.listed
