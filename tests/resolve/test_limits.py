"""Large and circular definitions end with a message, not with an exhausted stack."""

from __future__ import annotations

from .shop import codes, shop


def test_long_chains_of_metrics_bind_in_any_order() -> None:
    chain = ["m0 = count(orders)", *(f"m{i} = m{i - 1} + 1" for i in range(1, 100))]
    assert "m99" in shop("\n".join(reversed(chain))).metrics


def test_two_hundred_references_are_the_most() -> None:
    chain = [f"m{i} = m{i - 1} + 1" for i in range(1, 202)]
    assert codes("\n".join(["m0 = count(orders)", *chain[:200]])) == []
    assert codes("\n".join(["m0 = count(orders)", *chain])) == ["E217"]


def test_doubling_is_seen_before_it_is_written_out() -> None:
    doubling = [f"m{i} = m{i - 1} * m{i - 1}" for i in range(1, 40)]
    assert codes("\n".join(["m0 = count(orders)", *doubling])) == ["E217"]
    assert codes(f"x = {'change(' * 40}count(orders){', 1 year)' * 40}") == ["E217"]


def test_long_circles_are_found() -> None:
    assert codes("\n".join(f"m{i} = m{(i + 1) % 300} + 1" for i in range(300))) == ["E217"]
    assert codes("\n".join(f"m{i} = m{(i + 1) % 5} + 1" for i in range(5))) == ["E210"]


def test_long_chains_of_columns_bind_in_any_order() -> None:
    columns = "".join(f"  column c{i}: integer = c{i + 1} + 1\n" for i in range(150))
    text = f"source chain\n  time: at\n  column at: date\n{columns}  column c150: integer\n"
    assert "x" in shop(text + "x = sum(chain.c0)").metrics


def test_long_formulas_bind() -> None:
    assert codes("x = " + " + ".join(["count(orders)"] * 200)) == []
    assert codes("x = sum(orders.cost" + " - cost" * 200 + ")") == []
    assert codes("x = count(orders where " + " and ".join(["pieces > 1"] * 300) + ")") == []


def test_deep_brackets_bind() -> None:
    assert codes(f"x = {'round(' * 55}count(orders){')' * 55}") == []
    assert codes(f"x = {'rolling(' * 55}count(orders){', 1 day)' * 55}") == []
