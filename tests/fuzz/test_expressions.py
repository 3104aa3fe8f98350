"""What holds for every text that could be a threshold, and for every threshold that could be written."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings, strategies as st

from runner.errors import ExpressionError
from runner.expr import Environment, Expression, Scope, Unknown, analyse, facts, in_words, parse, quantity, truth, value
from runner.expr.lexer import MAX_LENGTH
from runner.model.history import HistoryNeed
from tests.expr.sample import KINDS, NOW, PARAMS, ROWS, SERIES, past

NUMBERS = st.sampled_from(["0", "1", "100_000", "0.5", "1e3", "10GB", "5min", "80%", "3 d", "20% of live_rows"])
NAMES = st.sampled_from(
    [*KINDS, "previous.size", "params.limit", "params.count", "rows", "true", "'orders'", "nothing"]
)
CALLS = st.sampled_from([
    "sum(size)", "avg(dead_rows)", "count(has_pk)", "any(not has_pk)", "max(lag)", "delta(size)", "rate(dead_rows, 1h)",
    "growth(size, 5d)", "at(size, 7d)", "zscore(size, 14d)", "eta(size, 15GB)", "changed(table)", "age(last_vacuum)",
    "coalesce(missing, 5)", "round(size, 2)", "length(table)", "stddev_over(size, 3d)", "least(size, 1GB)", "nullif(size, 0)",
])  # fmt: skip
VALUES = st.recursive(
    NUMBERS | NAMES | CALLS,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
    ),
    max_leaves=6,
)
TESTS = st.one_of(
    st.builds("{} {} {}".format, VALUES, st.sampled_from([">", ">=", "<", "<=", "=", "!=", "<>", "=="]), VALUES),
    st.builds("{} {} {} and {}".format, VALUES, st.sampled_from(["between", "not between"]), VALUES, VALUES),
    st.builds("{} {} ({}, {})".format, VALUES, st.sampled_from(["in", "not in"]), VALUES, VALUES),
    st.builds("{} {}".format, VALUES, st.sampled_from(["is null", "is not null", "is true", "is not false"])),
    st.builds("{} matches '{}'".format, VALUES, st.sampled_from(["^o", "(a|b)+$", "[0-9]{2,}"])),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND", "Or"]), inner),
        st.builds("not ({})".format, inner), st.builds("({})".format, inner),
    ),
    max_leaves=6,
)  # fmt: skip


def environment(tree: Expression) -> Environment:
    rows = [{name: quantity(item, KINDS[name]) for name, item in row.items()} for row in ROWS]
    return Environment(row=rows[0], rows=rows, past=past(answered(tree)), series=SERIES, params=PARAMS, now=NOW)


def answered(tree: Expression) -> frozenset[HistoryNeed]:
    """The needs that the sample's store has an answer for."""
    return frozenset(need for need in facts(tree).needs if need.column in {"size", "dead_rows", "table"})


@settings(max_examples=400, deadline=None)
@given(CONDITIONS)
def test_every_condition_that_the_grammar_makes_is_parsed_checked_and_judged(text: str) -> None:
    tree = parse(text)
    for known in (True, False):
        for problem in analyse(tree, Scope(columns=KINDS, known=known, params=PARAMS)).problems:
            assert 0 <= problem.start < problem.end <= len(text)
            assert problem.message
    assert in_words(tree)
    judged = truth(tree, environment(tree))
    assert judged is True or judged is False or (isinstance(judged, Unknown) and judged.reason)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS)
def test_a_condition_and_its_opposite_never_agree(text: str) -> None:
    tree, opposite = parse(text), parse(f"not ({text})")
    one, other = truth(tree, environment(tree)), truth(opposite, environment(opposite))
    assert (one is True) == (other is False)
    assert (one is False) == (other is True)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from([" ", "  ", "\n", "\t"]))
def test_spaces_mean_nothing(text: str, space: str) -> None:
    wide = parse(f"{space}{text.replace(' ', space)}{space}")
    found, expected = (value(tree, environment(wide)) for tree in (wide, parse(text)))
    if isinstance(found, Unknown) and isinstance(expected, Unknown):
        # A reason repeats what is written.
        found, expected = (" ".join(each.reason.split()) for each in (found, expected))
    assert found == expected


def read(text: str) -> Expression | ExpressionError:
    try:
        return parse(text)
    except ExpressionError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.one_of(
                NUMBERS,
                NAMES,
                CALLS,
                st.sampled_from(
                    ["(", ")", "and", "or", "not", "between", "in", "is", ",", ".", "%", "of", "'", '"', ">"]
                ),
            ),
            max_size=14,
        ).map(" ".join),
    )
)
@example("x " * (MAX_LENGTH // 2 + 1))
@example("(" * 60 + "1" + ")" * 60)
@example("- " * 100 + "1")
@example("1" + " + 1" * 200)
@example("9" * 401)
@example("1e400 > 0")
@example("x matches '(?P<a'")
@example("x matches '" + "(" * 500 + "'")
def test_every_text_is_an_expression_or_is_refused_with_a_place_and_a_sentence(text: str) -> None:
    tree = read(text)
    if isinstance(tree, ExpressionError):
        assert 0 <= tree.start <= tree.end <= max(1, len(text) + 1)
        assert tree.message
        return
    assert len(text) <= MAX_LENGTH
    analyse(tree, Scope(columns=KINDS, known=False, params=PARAMS))
    truth(tree, environment(tree))


@pytest.mark.parametrize(
    "text",
    [
        "dead_rows * " * 47 + "dead_rows > 1",
        "size + " * 47 + "size > 1",
        "dead_rows between 1 and 2" + " and true" * 100,
    ],
)
def test_long_chains_are_fine(text: str) -> None:
    tree = parse(text)
    assert truth(tree, environment(tree)) in (True, False)
