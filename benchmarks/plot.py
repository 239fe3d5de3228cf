"""A picture of the results: on a line for each question, how many times as long as kpi_engine each other way takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

import layers
from questions import QUESTIONS, REFRESH
from records import Key, Results
from refresh import STORED
from workloads import DUCKDB, ENGINE, POLARS

_WIDTH, _LEFT, _RIGHT, _TOP, _LINE, _BOTTOM = 960, 400, 30, 84, 34, 56
_COLORS: Final = {
    DUCKDB: "#b8860b",
    POLARS: "#1f6fb5",
    layers.SIDEMANTIC: "#8a4baf",
    layers.BORING: "#2d8a57",
    layers.METRICFLOW: "#c2413b",
}
_TICKS: Final = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64, 128)


def write(results: Results, orders: int) -> None:
    """Write the SVG beside the results."""
    rows = list(_rows(results, orders))
    values = [value for _, found in rows for value in found.values()]
    if values:
        low = min(tick for tick in _TICKS if tick * 2 > min(0.5, *values))
        high = max(tick for tick in _TICKS if tick / 2 < max(2, *values))
        path = results.path.with_suffix(".svg")
        path.write_text("\n".join(_drawing(rows, _title(results, orders), low, high)) + "\n", encoding="utf-8")


def _rows(results: Results, orders: int) -> Iterator[tuple[str, dict[str, float]]]:
    """The title of each question, and each way's time by ours."""
    for name, question in QUESTIONS.items():
        found: dict[str, float] = {}
        for way in _COLORS:
            kind = "peers" if way in layers.INABILITY else "process"
            size = results.largest(kind) if kind == "peers" else orders
            ours, other = (results.get(Key(kind, name, each, size)) for each in (ENGINE, way))
            if ours is not None and other is not None:
                found[way] = results.seconds(other) / results.seconds(ours)
        if found:
            yield question.title, found
    orders = results.largest("refresh")
    ours = results.get(Key("refresh", REFRESH, STORED, orders))
    if ours is not None:
        others = {way: results.get(Key("refresh", REFRESH, way, orders)) for way in (DUCKDB, POLARS)}
        seconds = results.seconds(ours)
        found = {way: results.seconds(each) / seconds for way, each in others.items() if each is not None}
        yield "the whole scorecard after a day was appended", found


def _title(results: Results, orders: int) -> str:
    """What is shown; the layers and the refresh may have been measured on other sizes."""
    measure = "CPU seconds" if results.shared else "seconds"
    sizes = {"layers": results.largest("peers"), "the appended day": results.largest("refresh")}
    others = "".join(f", {name} {size / 1e6:g}" for name, size in sizes.items() if size not in (0, orders))
    return f"{measure} of others by those of kpi_engine, own process; {orders / 1e6:g} million orders{others}"


def _drawing(rows: list[tuple[str, dict[str, float]]], title: str, low: float, high: float) -> Iterator[str]:
    height = _TOP + _LINE * len(rows) + _BOTTOM
    bottom = height - _BOTTOM

    def x_of(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * math.log(value / low) / math.log(high / low)

    frame = f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>'
    yield f'<rect width="{_WIDTH}" height="{height}" fill="white"/>'
    yield f'<text x="16" y="26" font-size="15" font-weight="bold">{title}</text>'
    yield from _legend()
    for tick in (tick for tick in _TICKS if low <= tick <= high):
        x, mark = x_of(tick), f"{tick:g}" if tick >= 1 else f"1/{1 / tick:g}"
        color, width = ("#444", 1.6) if tick == 1 else ("#ddd", 1)
        yield f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{bottom}" stroke="{color}" stroke-width="{width}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#444">{mark} x</text>'
    middle = x_of(1)
    yield f'<text x="{middle - 8:.1f}" y="{bottom + 40}" text-anchor="end" fill="#444">← others are faster</text>'
    yield f'<text x="{middle + 8:.1f}" y="{bottom + 40}" fill="#444">kpi_engine is faster →</text>'
    for number, (name, found) in enumerate(rows):
        y = _TOP + _LINE * number + _LINE / 2
        yield f'<text x="{_LEFT - 14}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(name))}</text>'
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#eee"/>'
        for way, value in found.items():
            color = f'fill="{_COLORS[way]}" fill-opacity="0.85" stroke="white"'
            told = f"<title>{way}: {value:.2f} x</title>"
            yield f'<circle cx="{x_of(value):.1f}" cy="{y:.1f}" r="6" {color}>{told}</circle>'
    yield "</svg>"


def _legend() -> Iterator[str]:
    x = 16.0
    for way, color in _COLORS.items():
        yield f'<circle cx="{x + 6:.0f}" cy="50" r="6" fill="{color}"/><text x="{x + 18:.0f}" y="54">{way}</text>'
        x += 46 + 7 * len(way)


def _short(title: str) -> str:
    """A title that fits on the left."""
    return title if len(title) <= 60 else f"{title[:58].rstrip(' ,')} …"
