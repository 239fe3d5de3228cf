"""What must not change an answer does not, bit for bit; and what must change it does so by the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import kpi_engine.optimize

from .asking import ask_engine
from .examples import EXAMPLES
from .formulas import CONDITIONS, Formula, aggregates
from .shop import Shop, shops
from .test_against_reference import Question, handed_over, questions, splits

CHANNELS = ("web", "shop", "fax", None)
FACTS = ("orders", "visits", "lines")

Tables = dict[str, Any]


def relation(share: float) -> Callable[..., Any]:
    """Settings of a test that looks at a share of the examples."""
    return settings(
        max_examples=max(1, int(EXAMPLES * share)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def tables_of(shop: Shop) -> Tables:
    """The shop in Arrow."""
    return {name: shop.table(name) for name in shop.rows}


def definitions_of(shop: Shop, formulas: Mapping[str, str]) -> str:
    """The shop's definitions and some metrics."""
    return shop.definitions + "\n" + "".join(f"{name} = {text}\n" for name, text in formulas.items())


def ask(shop: Shop, tables: Tables, formulas: Mapping[str, str], **arguments: Any) -> pa.Table:
    """The engine's answer as a table."""
    asked = {"metrics": tuple(formulas), "as_of": "2019-03-01", **arguments}
    shop = shop.for_text(f"{formulas} {arguments}")
    tables = {name: table for name, table in tables.items() if name in shop.rows}
    return ask_engine(definitions_of(shop, formulas), tables, asked).table


def asked(shop: Shop, question: Question, tables: Tables) -> pa.Table:
    """The answer to a random question."""
    formulas = {name: formula.text for name, formula in question.formulas.items()}
    return ask(shop, tables, formulas, **question.arguments)


def assert_equal(found: pa.Table, expected: pa.Table) -> None:
    """The same columns, types, rows, order and bits."""
    assert found.schema.equals(expected.schema, check_metadata=True)
    assert found.to_pylist() == expected.to_pylist()
    assert repr(found.to_pylist()) == repr(expected.to_pylist())


# ------------------------------------------------------------------------------------- how the rows come in


@relation(0.08)
@given(shop=shops(), question=questions(), split=splits(), seed=st.integers(0, 99))
def test_order_and_split_of_rows(
    shop: Shop, question: Question, split: tuple[str, int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tables = tables_of(shop)
    expected = asked(shop, question, tables)
    for name in FACTS:
        order = list(range(tables[name].num_rows))
        Random(seed).shuffle(order)
        folder = tmp_path_factory.mktemp("fragments") if split[0] == "files" else Path()
        tables[name] = handed_over(tables[name].take(pa.array(order, pa.int64())), split, folder)
    assert_equal(asked(shop, question, tables), expected)


def _retyped(table: pa.Table, types: Mapping[pa.DataType, pa.DataType]) -> pa.Table:
    for place, column in enumerate(table.schema):
        if column.type in types:
            table = table.set_column(place, column.name, table[column.name].cast(types[column.type]))
    return table


RETYPED: tuple[Mapping[pa.DataType, pa.DataType], ...] = (
    {pa.string(): pa.dictionary(pa.int32(), pa.string())},
    {pa.string(): pa.dictionary(pa.int8(), pa.large_string())},
    {pa.string(): pa.large_string()},
    {pa.string(): pa.string_view()},
    {pa.int64(): pa.int32(), pa.decimal128(12, 2): pa.decimal256(40, 2)},
    {pa.int64(): pa.int8(), pa.decimal128(9, 2): pa.decimal128(30, 4)},
    {pa.timestamp("us"): pa.timestamp("ns"), pa.timestamp("us", "UTC"): pa.timestamp("ns", "UTC")},
    {pa.timestamp("us", "UTC"): pa.timestamp("us", "Asia/Tokyo"), pa.date32(): pa.date64()},
)


@relation(0.08)
@given(shop=shops(), question=questions(), types=st.sampled_from(RETYPED))
def test_types_of_storage(shop: Shop, question: Question, types: Mapping[pa.DataType, pa.DataType]) -> None:
    # A type with more digits may show in the answer's type, but in no value.
    tables = tables_of(shop)
    expected = asked(shop, question, tables).to_pylist()
    retyped = {name: _retyped(table, types) for name, table in tables.items()}
    assert asked(shop, question, retyped).to_pylist() == expected


@relation(0.03)
@given(shop=shops(), question=questions(), unit=st.sampled_from(["s", "ms"]))
def test_coarser_units_of_time(shop: Shop, question: Question, unit: str) -> None:
    orders = [{**row, "at": row["at"] and row["at"].replace(microsecond=0)} for row in shop.rows["orders"]]
    whole = replace(shop, rows={**shop.rows, "orders": orders})
    tables = tables_of(whole)
    expected = asked(whole, question, tables)
    kind = tables["orders"].schema.field("at").type
    retyped = {**tables, "orders": _retyped(tables["orders"], {kind: pa.timestamp(unit, kind.tz)})}
    assert_equal(asked(whole, question, retyped), expected)


@relation(0.03)
@given(shop=shops(), question=questions(), size=st.integers(1, 4))
def test_row_groups(shop: Shop, question: Question, size: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    tables = tables_of(shop)
    expected = asked(shop, question, tables)
    folder = tmp_path_factory.mktemp("groups")
    for name in FACTS:
        pq.write_table(tables[name], folder / f"{name}.parquet", row_group_size=size)
        tables[name] = ds.dataset(folder / f"{name}.parquet", format="parquet")
    assert_equal(asked(shop, question, tables), expected)


# ---------------------------------------------------------------------------------- how the engine goes about it


@relation(0.07)
@given(shop=shops(), question=questions(), split=st.sampled_from([("table", 1), ("batches", 3)]))
def test_without_the_optimiser(shop: Shop, question: Question, split: tuple[str, int]) -> None:
    tables = {name: handed_over(table, split, Path()) for name, table in tables_of(shop).items()}
    expected = asked(shop, question, tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kpi_engine.optimize, "RULES", ())
        assert_equal(asked(shop, question, tables), expected)


@relation(0.01)
@given(shop=shops(), question=questions(), split=splits())
def test_repeated_runs(
    shop: Shop, question: Question, split: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    tables = {
        name: handed_over(table, split, tmp_path_factory.mktemp("runs")) for name, table in tables_of(shop).items()
    }
    expected = asked(shop, question, tables)
    for _ in range(5):
        assert_equal(asked(shop, question, tables), expected)


# ---------------------------------------------------------------------------------------- what the rules demand


@relation(0.04)
@given(shop=shops(), question=questions())
def test_a_filter_equals_its_group(shop: Shop, question: Question) -> None:
    texts = {name: formula.text for name, formula in question.formulas.items()}
    # A `total` drops a filter on its dimension, which is the very difference between a filter and a group.
    assume(not any("total(" in text for text in texts.values()))
    arguments = {key: value for key, value in question.arguments.items() if key not in ("by", "where", "skip_empty")}
    tables = tables_of(shop)
    groups: dict[str | None, list[dict[str, Any]]] = {}
    for row in ask(shop, tables, texts, **arguments, by=("channel",)).to_pylist():
        groups.setdefault(row.pop("channel"), []).append(row)
    for channel, rows in groups.items():
        condition = "channel is null" if channel is None else f'channel = "{channel}"'
        assert ask(shop, tables, texts, **arguments, where=condition).to_pylist() == rows


ADDITIVE = ("count({0})", "sum({1})", "count({1})")
NUMBERS = {"orders": ("orders.quantity", "orders.net"), "visits": ("visits.pages",), "lines": ("lines.units * price",)}


@relation(0.06)
@given(shop=shops(), data=st.data(), grain=st.sampled_from([None, "day", "month", "week"]))
def test_parts_add_up(shop: Shop, data: st.DataObject, grain: str | None) -> None:
    source = data.draw(st.sampled_from(FACTS))
    form = data.draw(st.sampled_from(ADDITIVE))
    text = form.format(source, data.draw(st.sampled_from(NUMBERS[source])))
    window = data.draw(st.sampled_from(["{}", "rolling({}, 28 days)", "cumulative({})"]))
    condition = data.draw(st.sampled_from(CONDITIONS[source]))
    formulas = {
        "whole": window.format(text),
        "kept": window.format(f"{text[:-1]} where {condition})"),
        "left": window.format(f"{text[:-1]} where not ({condition}))"),
        "unknown": window.format(f"{text[:-1]} where ({condition}) is null)"),
    }
    arguments = {} if grain is None else {"grain": grain, "start": "2018-10-20", "end": "2018-11-10"}
    tables = tables_of(shop)
    rows = ask(shop, tables, formulas, **arguments).to_pylist()
    parts = ask(shop, tables, {"whole": formulas["whole"]}, by=("channel",), **arguments).to_pylist()
    for row in rows:
        pieces = [row["kept"], row["left"], row["unknown"]]
        assert _added(pieces) == _added([row["whole"]])
        groups = [part["whole"] for part in parts if part.get("period") == row.get("period")]
        if groups:
            assert _added(groups) == _added([row["whole"]])


def _added(values: list[Any]) -> Any:
    """The sum of what there is: a part whose rows are all null has no sum."""
    return sum(value for value in values if value is not None)


@relation(0.06)
@given(shop=shops(), data=st.data(), grain=st.sampled_from([None, "month"]))
def test_conditions_that_change_nothing(shop: Shop, data: st.DataObject, grain: str | None) -> None:
    source = data.draw(st.sampled_from(FACTS))
    formula = data.draw(aggregates((source,)).filter(lambda each: " where " not in each.text))
    condition = data.draw(st.sampled_from(CONDITIONS[source]))
    forms = ("{}", "({}) and true", "({}) or false", "not not ({})", "true and ({}) and ({})", "({}) or ({}) and false")
    formulas = {}
    for number, form in enumerate(forms):
        written = form.format(*[condition] * form.count("{}"))
        formulas[f"m{number}"] = _with_condition(formula, written)
    arguments = {} if grain is None else {"grain": grain}
    for row in ask(shop, tables_of(shop), formulas, by=("channel",), **arguments).to_pylist():
        assert len({repr(row[name]) for name in formulas}) == 1


def _with_condition(formula: Formula, condition: str) -> str:
    """The aggregate with a condition behind its first argument."""
    head, bracket, rest = formula.text.partition("(")
    argument, *further = rest[:-1].split(", ")
    argument, dated, column = argument.partition(" dated by ")
    return head + bracket + ", ".join([f"{argument} where {condition}{dated}{column}", *further]) + ")"


@relation(0.04)
@given(shop=shops(), data=st.data(), grain=st.sampled_from([None, "month"]))
def test_every_row_twice(shop: Shop, data: st.DataObject, grain: str | None) -> None:
    # Lines refer to orders by their key, which is unique no longer.
    formula = data.draw(aggregates(("orders", "visits")).filter(lambda each: "stddev" not in each.text))
    assume("variance" not in formula.text and "percentile" not in formula.text)
    once = tables_of(shop)
    twice = {**once, **{name: pa.concat_tables([once[name]] * 2) for name in ("orders", "visits")}}
    doubles = formula.text.startswith(("sum(", "count(")) and "distinct" not in formula.text
    arguments = {} if grain is None else {"grain": grain}
    before, after = (ask(shop, tables, {"m": formula.text}, **arguments).to_pylist() for tables in (once, twice))
    for row in before:
        if doubles and row["m"] is not None:
            row["m"] *= 2
    assert after == before


@relation(0.03)
@given(shop=shops(), text=st.sampled_from(["count(orders)", "sum(orders.amount)", "count(visits where pages > 2)"]))
def test_days_make_months(shop: Shop, text: str) -> None:
    arguments = {"by": ("channel",), "start": "2018-09", "end": "2018-12"}
    tables = tables_of(shop)
    months = ask(shop, tables, {"m": text}, grain="month", **arguments).to_pylist()
    days = ask(shop, tables, {"m": text}, grain="day", **arguments).to_pylist()
    for row in months:
        inside = [
            day["m"]
            for day in days
            if day["channel"] == row["channel"] and day["period"].replace(day=1) == row["period"]
        ]
        assert _added(inside) == _added([row["m"]])


@relation(0.03)
@given(shop=shops(), question=questions())
def test_names_of_values_do_not_matter(shop: Shop, question: Question) -> None:
    texts = " ".join(formula.text for formula in question.formulas.values())
    # Such metrics look at the texts themselves.
    assume(
        not re.search(r'label|"|extreme|min\(orders.ch|max\(orders.ch', texts + str(question.arguments.get("where")))
    )
    assume("label" not in question.arguments.get("by", ()))
    renamed = {"web": "Ω", "shop": "", "fax": "null"}
    rows = {
        name: [{**row, "channel": renamed.get(row["channel"])} if "channel" in row else row for row in table]
        for name, table in shop.rows.items()
    }
    before = asked(shop, question, tables_of(shop)).to_pylist()
    other = replace(shop, rows=rows)
    after = asked(other, question, tables_of(other)).to_pylist()
    for row in before:
        if "channel" in row:
            row["channel"] = renamed.get(row["channel"])
    assert sorted(map(repr, after)) == sorted(map(repr, before))
