"""The demo shop: a small project with two years of data, made on the spot.

`write(directory)` is all there is to it. The definitions are files for people to read (`definitions/` in the
repository); the data is generated, the same on every run.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["definitions", "write"]


def definitions() -> Path:
    """The folder with the demo's kpi.toml and `*.kpi` files: inside the package, or at the checkout's root."""
    here = Path(__file__).resolve().parent
    inside = here / "definitions"
    return inside if inside.is_dir() else here.parents[1] / "definitions"


def write(directory: Path) -> None:
    """Write the demo project into `directory`: kpi.toml and definitions at its top, tables in `data/`.

    The directory is made if need be. Writing again over the demo gives the same files.

    Raises:
        FileExistsError: a file of the same name is there with other content; nothing is written then.
    """
    from kpi_engine.demo import generate  # NumPy and pyarrow are loaded only when the demo is written

    directory = Path(directory)
    source = definitions()
    texts = {path.relative_to(source): path.read_bytes() for path in sorted(source.rglob("*")) if _ships(path)}
    for name, content in texts.items():
        target = directory / name
        if target.exists() and target.read_bytes() != content:
            raise FileExistsError(f"{target} exists and is not the demo's: choose an empty directory")
    for name, content in texts.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    generate.write_data(directory / "data")


def _ships(path: Path) -> bool:
    """Whether a file of the definitions folder is part of the demo (and not data or state made beside it)."""
    return path.is_file() and path.suffix in {".toml", ".kpi", ".kpitest", ".md"}
