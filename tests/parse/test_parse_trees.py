"""What texts mean, against trees written out by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_expression, parse_file, show_tree

DATA = Path(__file__).parent.parent / "data"


def name(text: str) -> tree.Name:
    return tree.Name(text)


def path(text: str) -> tree.Path:
    return tree.Path(tuple(tree.Name(part) for part in text.split(".")))


def number(text: str) -> tree.Number:
    return tree.Number(Decimal(text))


def call(function: str, *arguments: tree.Argument) -> tree.Call:
    return tree.Call(path(function), arguments)


def parse(text: str) -> tree.Expr:
    return parse_expression(SourceText("text", text))


def declare(text: str) -> tree.AnyDeclaration:
    file, problems = parse_file(SourceText("text", text))
    assert problems == ()
    (declaration,) = file.declarations
    return declaration


def test_the_line_that_everyone_writes() -> None:
    assert declare("conversion = count(orders)/count(distinct visitors)") == tree.Metric(
        name("conversion"),
        tree.Binary(
            "/",
            call("count", tree.Argument(path("orders"))),
            call("count", tree.Argument(path("visitors"), ("distinct",))),
        ),
    )


def test_arithmetic_binds_as_in_school() -> None:
    a, b, c, d = (path(letter) for letter in "abcd")
    assert parse("a - b - c * -d") == tree.Binary("-", tree.Binary("-", a, b), tree.Binary("*", c, tree.Unary("-", d)))
    assert parse("a / (b + c)") == tree.Binary("/", a, tree.Group(tree.Binary("+", b, c)))
    assert parse("5000-20") == tree.Binary("-", number("5000"), number("20"))


def test_conditions_bind_loosest_and_are_flat() -> None:
    a, b, c, d = (path(letter) for letter in "abcd")
    assert parse("a or b and not c and d or a = b + 1") == tree.Logical(
        "or",
        (
            a,
            tree.Logical("and", (b, tree.Unary("not", c), d)),
            tree.Compare("=", a, tree.Binary("+", b, number("1"))),
        ),
    )
    assert parse("a or (b or c)") == tree.Logical("or", (a, tree.Group(tree.Logical("or", (b, c)))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1_000.50", number("1000.50")),
        ("2.5%", tree.Percent(Decimal("0.025"))),
        ("2 points", tree.Points(Decimal(2))),
        ("7 days", tree.DurationLiteral(Decimal(7), "day")),
        ("1.5  hour", tree.DurationLiteral(Decimal("1.5"), "hour")),
        ("2027-Q1", tree.PeriodLiteral("2027-Q1")),
        ("2027-03-15T13", tree.PeriodLiteral("2027-03-15T13")),
        ("FY2027", tree.PeriodLiteral("FY2027")),
        (r'"a\"b\\c\n\t"', tree.Text('a"b\\c\n\t')),
        ("true", tree.Boolean(True)),
        ("null", tree.Null()),
        ("[]", tree.ListItems(())),
        ('["a", 1]', tree.ListItems((tree.Text("a"), number("1")))),
        ("f()", call("f")),
        ("a is not null", tree.IsNull(path("a"), True)),
        ("a is  null", tree.IsNull(path("a"), False)),
        ("a not\n in [1]", tree.In(path("a"), tree.ListItems((number("1"),)), True)),
        ("a.b.c", path("a.b.c")),
        ("`when`.`a b`", tree.Path((name("when"), name("a b")))),
        ("previous", path("previous")),
        ("end - start", tree.Binary("-", path("end"), path("start"))),
    ],
)
def test_small_forms(text: str, expected: tree.Expr) -> None:
    assert parse(text) == expected


def test_a_percentage_keeps_all_of_its_digits() -> None:
    found = parse("12345678901234567890123456789012345.678%")
    assert isinstance(found, tree.Percent)
    assert found.value == Decimal("123456789012345678901234567890123.45678")


def test_cases_hold_their_arms() -> None:
    assert parse('case when a > 1 then "x" when b then "y" else "z" end') == tree.Case(
        (
            tree.When(tree.Compare(">", path("a"), number("1")), tree.Text("x")),
            tree.When(path("b"), tree.Text("y")),
        ),
        tree.Text("z"),
    )
    assert parse("case when a then end end") == tree.Case((tree.When(path("a"), path("end")),), None)


def test_clauses_in_the_order_written() -> None:
    assert parse("count(a where b at end)") == call(
        "count", tree.Argument(path("a"), (), (tree.Where(path("b")), tree.AtPoint("end")))
    )
    assert parse("sum(n per all (k, l) having c dated by t.u)") == call(
        "sum",
        tree.Argument(
            path("n"),
            (),
            (tree.Per((name("k"), name("l")), True), tree.Having(path("c")), tree.DatedBy(path("t.u"))),
        ),
    )
    assert parse("last(s on k within 30 days)") == call(
        "last",
        tree.Argument(path("s"), (), (tree.On((name("k"),)), tree.Within(tree.DurationLiteral(Decimal(30), "day")))),
    )
    assert parse("(m where a)") == tree.Group(path("m"), (tree.Where(path("a")),))


def test_followed_by_keeps_its_own_condition() -> None:
    day = tree.DurationLiteral(Decimal(1), "day")
    first = tree.FollowedBy(path("b"), (name("k"),), path("c"), day, False)
    second = tree.FollowedBy(path("d"), (), None, day, True)
    assert parse("count(approx distinct a followed by b on k where c within 1 day not followed by d within 1 day)") == (
        call("count", tree.Argument(path("a"), ("approx", "distinct"), (first, second)))
    )


def test_a_source_with_columns_of_every_form() -> None:
    found = declare(
        'source orders\n  table: "o.csv"\n  column id\n  column total: currency(CNY) = net + tax\n'
        '  column buyer: text -> customers as b from "Buyer ID"\n  column day: date from "d" format "%d"\n'
        '  column visitor_id -> visitor\n  description: "a" "b"\n'
    )
    assert found == tree.Source(
        name("orders"),
        None,
        (
            tree.Column(name("id")),
            tree.Column(
                name("total"),
                tree.TypeName(name("currency"), name("CNY")),
                origin=tree.Binary("+", path("net"), path("tax")),
            ),
            tree.Column(
                name("buyer"),
                tree.TypeName(name("text")),
                path("customers"),
                name("b"),
                tree.StoredAs(tree.Text("Buyer ID")),
            ),
            tree.Column(
                name("day"), tree.TypeName(name("date")), origin=tree.StoredAs(tree.Text("d"), tree.Text("%d"))
            ),
            tree.Column(name("visitor_id"), target=path("visitor")),
        ),
        properties=(
            tree.Property(name("table"), tree.Text("o.csv")),
            tree.Property(name("description"), tree.Text("ab")),
        ),
    )


def test_goals() -> None:
    file, problems = parse_file(
        SourceText(
            "goals",
            "goal a\n  increase m by 2% relative during next quarter from 2026-11-22 versus 1 year earlier\n"
            "goal b\n  decrease m by 2 points during 2027 versus previous\n"
            "goal c\n  keep m <= 30 minutes during every week\n",
        )
    )
    assert problems == ()
    first, second, third = (declaration.aim for declaration in file.declarations if isinstance(declaration, tree.Goal))
    assert first == tree.ChangeAim(
        "increase",
        path("m"),
        tree.Percent(Decimal("0.02")),
        True,
        tree.GoalSpan("next", name("quarter"), tree.PeriodLiteral("2026-11-22")),
        tree.Baseline("earlier", duration=tree.DurationLiteral(Decimal(1), "year")),
    )
    assert second == tree.ChangeAim(
        "decrease",
        path("m"),
        tree.Points(Decimal(2)),
        False,
        tree.GoalSpan("period", period=tree.PeriodLiteral("2027")),
        tree.Baseline("previous"),
    )
    assert third == tree.KeepAim(
        tree.Compare("<=", path("m"), tree.DurationLiteral(Decimal(30), "minute")),
        tree.GoalSpan("every", name("week")),
    )


def test_packs_and_maps() -> None:
    file, problems = parse_file(SourceText("team", (DATA / "team.kpi").read_text("utf-8")))
    assert problems == ()
    assert file.declarations[1] == tree.Use(path("marketing"), name("mkt"))
    mapped = file.declarations[3]
    assert isinstance(mapped, tree.Map)
    assert (mapped.logical, mapped.physical) == (path("sales.orders"), tree.Text("erp.t_order_header"))
    assert [assignment.name.text for assignment in mapped.assignments] == ["order_id", "ordered_at", "total", "status"]
    assert mapped.columns == (
        tree.Column(name("store"), tree.TypeName(name("text")), origin=tree.StoredAs(tree.Text("shop_no"))),
    )
    override = file.declarations[4]
    assert isinstance(override, tree.Override) and override.target == path("sales.average_order_value")


def test_every_declaration_of_a_large_file() -> None:
    text = (DATA / "all_kpis.kpi").read_text("utf-8")
    file, problems = parse_file(SourceText("all", text))
    assert problems == ()
    starts = [line for line in text.split("\n") if line and line[0] not in " #"]
    assert len(file.declarations) == len(starts)
    metrics = [
        line.split(" = ")[0] for line in starts if " = " in line.split("(")[0] and " " not in line.split(" = ")[0]
    ]
    assert [d.name.text for d in file.declarations if isinstance(d, tree.Metric)] == metrics


def test_spans_are_the_authors_words() -> None:
    text = "x = sum(orders.total where a = 1) / 2  # note\n  unit: percent\n"
    file, _ = parse_file(SourceText("text", text))
    (metric,) = file.declarations
    assert isinstance(metric, tree.Metric) and isinstance(metric.value, tree.Binary)
    assert metric.span.text == text.rstrip("\n")
    assert metric.name.span.text == "x"
    assert metric.value.span.text == "sum(orders.total where a = 1) / 2"
    assert metric.value.operator_span.text == "/"
    assert isinstance(metric.value.left, tree.Call)
    (argument,) = metric.value.left.arguments
    assert argument.span.text == "orders.total where a = 1"
    assert argument.clauses[0].span.text == "where a = 1"
    assert metric.properties[0].span.text == "unit: percent"
    assert str(metric.properties[0].key.span) == "text:2:3"


def test_names_compare_in_their_composed_form() -> None:
    composed, decomposed = "caf\u00e9 = count(orders)", "cafe\u0301 = count(orders)"
    assert declare(composed) == declare(decomposed)
    assert declare("`cafe\u0301` = count(orders)") == declare(composed)


@pytest.mark.parametrize(
    "word",
    [
        "\u9500\u552e\u989d",
        "\u0639\u062f\u062f",
        "\u0917\u094d\u0930\u093e\u0939\u0915",
        "\u0e25\u0e39\u0e01\u0e04\u0e49\u0e32",
        "Gr\u00f6\u00dfe_2",
    ],
)
def test_names_of_every_script(word: str) -> None:
    found = declare(f"{word} = count({word})")
    assert isinstance(found, tree.Metric) and found.name.text == word


def test_byte_order_mark_and_line_ends_of_windows_mean_nothing() -> None:
    plain = 'x = count(orders  # one\n  where a)\n  unit: percent\n\ny = "t"\n'
    expected, _ = parse_file(SourceText("plain", plain))
    found, problems = parse_file(SourceText("windows", "\ufeff" + plain.replace("\n", "\r\n")))
    assert problems == ()
    assert found == expected
    assert found.declarations[0].span.start == 1


def test_a_declaration_may_close_brackets_in_column_1() -> None:
    assert declare("x = count(\n  orders\n)\n  unit: percent") == declare("x = count(orders)\n  unit: percent")


def test_tabs_indent() -> None:
    assert declare("x = a\n\tunit: percent") == declare("x = a\n  unit: percent")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "\ufeff", "  \t\n  # more\n"])
def test_files_without_declarations(text: str) -> None:
    file, problems = parse_file(SourceText("empty", text))
    assert (file.declarations, problems) == ((), ())


def test_good_declarations_survive_broken_ones() -> None:
    file, problems = parse_file(SourceText("text", "a = 1\nb = (\nc = 3\nd == 4\ne = 5\n"))
    assert [d.name.text for d in file.declarations if isinstance(d, tree.Metric)] == ["a", "c", "e"]
    assert [(problem.code, problem.span.line) for problem in problems] == [("E101", 2), ("E102", 4)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E134"),
        ("a =", "E157"),
        ("a b", "E183"),
        ("a where b", "E177"),
        ("x: web", "E190"),
        ("(a", "E101"),
        ("a, b", "E181"),
        ("set x", "E183"),
        ("a\n  unit: percent", "E190"),
    ],
)
def test_bare_expressions_raise(text: str, code: str) -> None:
    with pytest.raises(KpiError) as caught:
        parse(text)
    assert [problem.code for problem in caught.value.diagnostics] == [code]


def test_a_tree_is_shown_completely() -> None:
    shown = show_tree(
        declare(
            'source `my orders` = (incidents where state in ["a", "b"])\n  column total: currency(CNY)\n  key: [a, b]\n'
        )
    )
    assert shown.split("\n") == [
        "Source `my orders`",
        "  value: Group",
        "    body: Path incidents",
        "    clauses: Where",
        "      condition: In",
        "        operand: Path state",
        "        items: ListItems",
        "          items: Text a",
        "          items: Text b",
        "  columns: Column total",
        "    type: TypeName currency parameter=CNY",
        "  properties: Property key",
        "    value: ListItems",
        "      items: Path a",
        "      items: Path b",
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a.b", "`a.b`"),
        ('"a"', "a"),
        ('"true"', "true"),
        ("true", "false"),
        ("1", "1%"),
        ("a in [b]", "a not in [b]"),
        ("f(a)", "f(distinct a)"),
        ("sum(a per k)", "sum(a per all k)"),
        ("a + b + c", "a + (b + c)"),
        ("case when a then b end", "case when a then b else b end"),
        ("f(a followed by b where c within 1 day)", "f(a where c followed by b within 1 day)"),
        ("last(a on k)", "last(a on (k, l))"),
    ],
)
def test_different_trees_are_shown_differently(left: str, right: str) -> None:
    assert parse(left) != parse(right)
    assert show_tree(parse(left)) != show_tree(parse(right))
