"""Questions bound to a catalogue, and the constructs that are bound but not evaluated yet."""

from __future__ import annotations

import datetime

import pytest

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.expression import Apply, Constant, Field
from kpi_engine.ir.question import Order, Question
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.types import BOOLEAN, DATE, TIMESTAMP
from kpi_engine.parse import parse_expression
from kpi_engine.resolve import bind_question

from .checking import REGISTRY, asked
from .shop import shop

METRICS = """
revenue = sum(orders.total)
order_count = count(orders where is_valid)
conversion = order_count / count(visits)
roas = revenue / sum(ad_spend.cost)
yoy = growth(revenue, 1 year)
mom = growth(revenue)
daily = avg(growth(revenue) per day)
ytd = todate(revenue, year)
share = order_count / total(order_count, channel)
loose = count(approx distinct visitors)
five = 5
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return shop(METRICS)


def refused(catalog: Catalog, question: Question) -> list[str]:
    with pytest.raises(KpiError) as caught:
        asked(catalog, question)
    assert caught.value.exit_code is ExitCode.USAGE
    assert all(each.exit_code is ExitCode.USAGE for each in caught.value.diagnostics)
    return [each.code for each in caught.value.diagnostics]


def test_a_bound_question_has_everything_asked(catalog: Catalog) -> None:
    question = Question(
        ("conversion", "revenue", "conversion"),
        ("channel",),
        "month",
        'channel = "web"',
        "2027-01",
        "2027-03",
        "2027-04-01",
        True,
        ("period:desc", "revenue"),
        10,
    )
    found = asked(catalog, question)
    assert [each.name for each in found.metrics] == ["conversion", "revenue"]
    assert found.sources == ("orders", "visits")
    assert found.order_by == (Order("period", True), Order("revenue", False))
    assert (found.grain, found.start, found.end, found.as_of) == (
        "month",
        "2027-01",
        "2027-03",
        "2027-04-01",
    )
    assert (found.skip_empty, found.limit) == (True, 10)
    (channel,) = found.dimensions
    assert channel.on("visits") == Field("channel", channel.type)
    (condition,) = found.where
    assert condition.dimensions == {"channel"}


def test_a_question_refuses_the_metrics_it_does_not_know_together(catalog: Catalog) -> None:
    assert refused(catalog, Question(("revenu", "rois"))) == ["E502", "E502"]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        (Question(("mom",)), ["E505"]),
        (Question(("mom",), grain="month"), []),
        (Question(("yoy",)), []),
        (Question(("roas",), grain="hour"), ["E506"]),
        (Question(("revenue",), grain="hour"), []),
        (Question(("revenue",), grain="fortnight"), ["E504"]),
        (Question(("ytd",), grain="year"), []),
        (Question(("conversion",), ("country",)), ["E501"]),
        (Question(("revenue",), ("country",)), []),
        (Question(("revenue",), ("revenue",)), ["E513"]),
        (Question(("five",)), ["E511"]),
        (Question(("five", "revenue")), []),
        (Question(()), ["E511"]),
        (Question(("revenue",), start="2027-13", end="2027-14"), ["E508", "E508"]),
        (Question(("revenue",), start="2027-02", end="2027-01"), ["E508"]),
        (Question(("revenue",), start="2027-01-15", end="2027-01-15"), []),
        (Question(("revenue",), as_of="data"), []),
        (Question(("revenue",), order_by=("revenue:down",)), ["E509"]),
        (Question(("revenue",), order_by=("period",)), ["E509"]),
        (Question(("revenue",), limit=0), ["E510"]),
        (Question(("share",), where='channel = "a" or is_valid'), ["E512"]),
        (Question(("share",), where='channel = "a" and is_valid'), []),
        (Question(("conversion",), where='customers.country = "DE"'), ["E514"]),
        (Question(("conversion",), where="weekday = 1"), []),
        (Question(("revenue",), where="visits.started_at > 2027"), ["E514"]),
        (Question(("revenue",), where="order_lines.quantity > 1"), ["E310"]),
        (Question(("revenue",), where='lower(customers.country) = "de"'), []),
        (Question(("revenue",), where="revenue > 5"), ["E301"]),
        (Question(("revenue",), ("zzz", "channel")), ["E503"]),
        (Question(("loose",)), []),
    ],
)
def test_legality(catalog: Catalog, question: Question, wanted: list[str]) -> None:
    if wanted:
        assert refused(catalog, question) == wanted
    else:
        asked(catalog, question)


def test_what_is_only_explained_is_notrefused(catalog: Catalog) -> None:
    bound = bind_question(catalog, Question(("loose",)), None, REGISTRY, evaluated=False)
    assert bound.metrics[0].name == "loose"


def test_the_proposal_names_the_missing_link(catalog: Catalog) -> None:
    with pytest.raises(KpiError) as caught:
        asked(catalog, Question(("roas",), ("category",)))
    (error,) = caught.value.diagnostics
    assert "orders has no way to products" in error.message
    assert "total(roas, category)" in error.help
    assert "common dimensions: channel, weekday" in error.help


# ---------------------------------------------------------------------------------------- periods

UTC = datetime.UTC
MARCH = datetime.datetime(2027, 2, 28, 16, tzinfo=UTC)
APRIL = datetime.datetime(2027, 3, 31, 16, tzinfo=UTC)


def comparisons(catalog: Catalog, where: str) -> object:
    (conjunct,) = asked(catalog, Question(("revenue",), where=where)).where
    return simple(conjunct.on("orders"))


def simple(node: object) -> object:
    """An expression as nested tuples."""
    if isinstance(node, Apply):
        return (node.operation, *(simple(each) for each in node.arguments))
    return node.column if isinstance(node, Field) else node.value if isinstance(node, Constant) else node


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("ordered_at = 2027-03", ("and", ("greater_equal", MARCH), ("less", APRIL))),
        ("ordered_at != 2027-03", ("or", ("less", MARCH), ("greater_equal", APRIL))),
        ("ordered_at < 2027-03", ("less", MARCH)),
        ("ordered_at >= 2027-03", ("greater_equal", MARCH)),
        ("ordered_at > 2027-03", ("greater_equal", APRIL)),
        ("ordered_at <= 2027-03", ("less", APRIL)),
        ("2027-03 > ordered_at", ("less", MARCH)),
        ("2027-03 <= ordered_at", ("greater_equal", MARCH)),
    ],
)
def test_periods_become_bounds(catalog: Catalog, where: str, wanted: tuple[object, ...]) -> None:
    def with_column(node: tuple[object, ...]) -> tuple[object, ...]:
        operation, *rest = node
        if operation in ("and", "or"):
            return (operation, *(with_column(each) for each in rest))  # type: ignore[arg-type]
        return (operation, "ordered_at", *rest)

    assert comparisons(catalog, where) == with_column(wanted)


def test_periods_beside_dates_become_days(catalog: Catalog) -> None:
    (conjunct,) = asked(catalog, Question(("revenue",), where="day in [2027-03-15, 2026]")).where
    bound = conjunct.on("orders")
    assert simple(bound) == (
        "or",
        (
            "and",
            ("greater_equal", "day", datetime.date(2027, 3, 15)),
            ("less", "day", datetime.date(2027, 3, 16)),
        ),
        (
            "and",
            ("greater_equal", "day", datetime.date(2026, 1, 1)),
            ("less", "day", datetime.date(2027, 1, 1)),
        ),
    )
    assert bound.type == BOOLEAN


def test_a_bare_year_is_a_period_beside_a_time(catalog: Catalog) -> None:
    year = datetime.datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert comparisons(catalog, "ordered_at >= 2027") == ("greater_equal", "ordered_at", year)
    assert comparisons(catalog, "year(ordered_at) >= 2027") == (
        "greater_equal",
        ("year", "ordered_at"),
        2027,
    )


def test_bounds_have_the_type_of_the_column(catalog: Catalog) -> None:
    for column, type in (("ordered_at", TIMESTAMP), ("day", DATE)):
        (conjunct,) = asked(catalog, Question(("revenue",), where=f"{column} < 2027-03")).where
        bound = conjunct.on("orders")
        assert isinstance(bound, Apply)
        assert bound.arguments[1].type == type


def test_where_is_parsed_before() -> None:
    catalog = shop("x = count(orders)")
    tree = parse_expression(SourceText("--where", "is_valid"))
    assert len(bind_question(catalog, Question(("x",)), tree, REGISTRY).where) == 1
