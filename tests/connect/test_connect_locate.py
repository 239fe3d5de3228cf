"""Names of tables to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kpi_engine.builtin.connectors import make_connector
from kpi_engine.builtin.connectors.formats_by_name import ENDINGS
from kpi_engine.builtin.connectors.locate import locate
from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import INTEGER

A = {"a": INTEGER}


def csv(value: int) -> str:
    return f"a\n{value}\n"


@pytest.mark.parametrize("name", ["orders.csv", "orders", "./orders.csv", "ord*.csv", "o?ders.csv", "**/orders.csv"])
def test_one_file(read: Any, name: str) -> None:
    read.write("orders.csv", csv(1))
    assert read(name, A).column("a") == [1]


def test_an_absolute_path(read: Any) -> None:
    path = read.write("elsewhere/orders.csv", csv(1))
    assert read(str(path), A).column("a") == [1]
    assert read(str(path.parent / "*.csv"), A).column("a") == [1]


def test_files_of_a_folder_in_order(read: Any) -> None:
    for number in (10, 9, 2):
        read.write(f"orders/{number:02}.csv", csv(number))
    read.write("orders/old/01.csv", csv(1))
    assert read("orders", A).column("a") == [2, 9, 10, 1]
    assert read("orders/", A).column("a") == [2, 9, 10, 1]
    assert read("orders/*.csv", A).column("a") == [2, 9, 10]
    assert read("orders/**/*.csv", A).column("a") == [2, 9, 10, 1]


def test_a_list_keeps_its_order_and_reads_each_file_once(read: Any) -> None:
    for number in (1, 2, 3):
        read.write(f"{number}.csv", csv(number))
    assert read(["3.csv", "1.csv", "*.csv"], A).column("a") == [3, 1, 2]


def test_what_is_passed_over_is_noted(read: Any) -> None:
    read.write("orders/1.csv", csv(1))
    read.write("orders/_SUCCESS", "")
    read.write("orders/.1.csv.crc", "")
    read.write("orders/notes.docx", "")
    found = read("orders", A)
    assert found.column("a") == [1]
    assert sorted(found.scan.notes) == [
        "orders/.1.csv.crc is hidden, because its name begins with . or _; not read",
        "orders/_SUCCESS is hidden, because its name begins with . or _; not read",
        "orders/notes.docx is no data file by its ending; not read",
    ]


def test_names_with_brackets_and_dots(read: Any) -> None:
    read.write("shop.orders.csv", csv(1))
    read.write("orders [2027].csv", csv(2))
    assert read("shop.orders", A).column("a") == [1]
    assert read("orders [2027].csv", A).column("a") == [2]


def test_tables_of_a_folder(read: Any) -> None:
    read.write("orders.csv", csv(1))
    read.write("visits/2027.csv", csv(1))
    read.write("empty/readme.md", "")
    read.write(".hidden.csv", csv(1))
    read.write("notes.docx", "")
    assert make_connector(ConnectionSettings("default", folder=str(read.folder))).tables() == ("orders", "visits")  # type: ignore[attr-defined]


def test_problems(read: Any) -> None:
    read.write("orders.csv", csv(1))
    read.write("visits.csv", csv(1))
    read.write("visits.tsv", csv(1))
    read.write("empty/readme.md", "")
    read.write("mixed/1.csv", csv(1))
    read.write("mixed/2.arrow", "")
    read.write("data.xyz", "")
    folder = read.folder

    def problem(name: str, **options: object) -> str:
        return str(read.problem(lambda: read(name, A, options=options)))

    assert problem("ordrs") == "ordrs: E601: there is no table `ordrs` (did you mean `orders`?)"
    assert problem("orders.parquet") == (
        "orders.parquet: E601: there is no table `orders.parquet` (did you mean `orders`?)"
    )
    assert problem("zzz") == (
        f"zzz: E601: there is no table `zzz`"
        f" (the folder `{folder}` holds: data.xyz, empty, mixed, orders, orders.csv, visits, visits.csv, visits.tsv)"
    )
    assert problem("mixd/1.csv") == "mixd/1.csv: E601: there is no table `mixd/1.csv`: there is no folder `mixd`"
    assert problem("mixd/*.csv") == "mixd/*.csv: E601: no file matches `mixd/*.csv`: there is no folder `mixd`"
    assert problem("visits") == (
        'visits: E602: `visits` could be any of visits.csv, visits.tsv (write which one, as `table: "visits.csv"`)'
    )
    assert problem("data.xyz") == (
        "data.xyz: E603: the file's ending does not say its format (write `format:` with one of parquet, csv, arrow,"
        " json, orc, xlsx)"
    )
    assert problem("orders", format="cvs") == (
        "orders: E603: `cvs` is not a format that can be read (did you mean `csv`?)"
    )
    assert problem("mixed") == (
        "mixed/1.csv: E603: one table mixes formats: mixed/1.csv (csv), mixed/2.arrow (arrow)"
        " (name the files of one format by a glob, as `orders/*.parquet`)"
    )
    assert problem("empty") == (
        f"empty: E604: the folder `empty` holds no data files (it should hold files ending in {', '.join(ENDINGS)})"
    )
    assert ": E601: the name of the table is empty" in problem("")


def test_a_folder_that_does_not_exist(read: Any) -> None:
    read.folder = read.folder / "nowhere"
    assert "E601: there is no folder" in read.problem(lambda: read("orders", A))


def test_connectors_by_name(read: Any) -> None:
    settings = ConnectionSettings("default", connector="fils")
    assert read.problem(lambda: make_connector(settings)) == (
        "connection default: E621: there is no connector `fils` (did you mean `files`?)"
    )


@pytest.mark.parametrize(
    "pattern", ["*.csv", "*", "?.csv", "[a-c]*.csv", "[!a]*.csv", "A*", "a.csv*", "*.c*v", "b/*.csv"]
)
def test_a_pattern_finds_what_paths_find(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "t"
    (folder / "d.csv").mkdir(parents=True)
    (folder / "b").mkdir()
    for name in ("a.csv", "A.csv", "b.csv", "c d.csv", "a.csvx", "x[1].csv", "b/z.csv"):
        (folder / name).write_text(csv(1))
    (folder / "link.csv").symlink_to(folder / "b" / "z.csv")
    (folder / "linked").symlink_to(folder / "b")
    (folder / "gone.csv").symlink_to(folder / "nothing")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    wanted = sorted(str(path) for path in (tmp_path / "t").glob(pattern) if path.is_file())
    found = locate(tmp_path, [f"t/{pattern}"], "csv")
    assert [str(tmp_path / file.shown) for file in found.files] == wanted


@pytest.mark.parametrize("pattern", ["t/*.csv", "t/**/*.csv", "t"])
def test_links_to_files_outside_are_refused(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.csv").write_text(csv(2))
    folder = tmp_path / "root" / "t"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(csv(1))
    assert [file.shown for file in locate(tmp_path / "root", [pattern], None).files] == ["t/a.csv"]
    (folder / "b.csv").symlink_to(tmp_path / "other" / "b.csv")
    with pytest.raises(KpiError, match="E617"):
        locate(tmp_path / "root", [pattern], None)
    assert len(locate(tmp_path / "root", [pattern], None, [tmp_path / "other"]).files) == 2
