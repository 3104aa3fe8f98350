"""What is said to be impossible never happens: random conditions against random rows."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from runner.compile.lint.regions import Claim, contradict
from runner.expr import Environment, parse, truth
from runner.expr.values import quantity

numbers = st.integers(-3, 3).map(lambda number: f"({number})")
terms = st.sampled_from(["x", "y", "x + y", "- x", "2 * x"])
signs = st.sampled_from([">", ">=", "<", "<=", "=", "!="])
words = st.sampled_from(["''", "'a'", "'b'"])
atoms = st.one_of(
    st.tuples(terms, signs, numbers).map(" ".join),
    st.tuples(numbers, signs, terms).map(" ".join),
    st.tuples(numbers, signs, numbers).map(" ".join),
    st.tuples(terms, signs, terms).map(" ".join),
    st.tuples(terms, st.sampled_from(["between", "not between"]), numbers, st.just("and"), numbers).map(" ".join),
    st.tuples(terms, st.sampled_from(["in", "not in"]), numbers, numbers).map(
        lambda t: f"{t[0]} {t[1]} ({t[2]}, {t[3]})"
    ),
    st.tuples(st.just("s"), signs, words).map(" ".join),
    st.sampled_from(
        ["f", "f is true", "f is not true", "x is null", "x is not null", "true", "false", "s matches 'a'"]
    ),
    st.tuples(signs, st.sampled_from(["50", "100", "150"])).map(lambda t: f"n {t[0]} {t[1]}% of n"),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=6,
)
cells = st.one_of(st.none(), st.integers(-4, 4))
rows = st.fixed_dictionaries(
    {
        "x": cells,
        "y": cells,
        "n": st.integers(1, 3),
        "s": st.sampled_from(["", "a", "b", "c", None]),
        "f": st.sampled_from([True, False, None]),
    }
)


@settings(max_examples=400, deadline=None)
@given(conditions, conditions, st.booleans(), st.lists(rows, min_size=1, max_size=12))
def test_a_contradiction_has_no_witness(first: str, second: str, holds: bool, table: list[dict[str, object]]) -> None:
    one, other = parse(first), parse(second)
    if not contradict(Claim(one), Claim(other, holds=holds)):
        return
    for row in table:
        environment = Environment(row={name: quantity(cell, None, name) for name, cell in row.items()})
        assert not (truth(one, environment) is True and truth(other, environment) is holds), row


def test_a_share_is_exact() -> None:
    assert contradict(Claim(parse("a / b > 10%")), Claim(parse("a / b < 10%")))
    assert not contradict(Claim(parse("x > 0.1")), Claim(parse("x < 0.100000000001")))


def test_too_many_cases_are_left_alone() -> None:
    many = " and ".join(f"(x > {number} or y > {number})" for number in range(12))
    assert not contradict(Claim(parse(f"({many}) and x < 0 and y < 0")))
