from __future__ import annotations

import pytest
from hypothesis import example, given, settings, strategies as st

from runner.errors import ExpressionError
from runner.expr import in_words, parse
from runner.expr.lexer import MAX_LENGTH
from runner.expr.parser import MAX_DEPTH
from runner.expr.tree import Compare, Literal, Logic, Not, PercentOf
from runner.model.quantity import Dimension

WRITTEN = """\
dead_rows > 100000
dead_rows > 100_000 and dead_rows > 20% of live_rows
dead_rows > 10% of (live_rows + dead_rows)
table_size between 10GB and 50GB
hit < 99%
lag_ms > 30s
connections > 80% of max_connections
max_connections - connections < 10
state = 'idle in transaction' and lag > 5min
relname not in ('audit_log', 'events')
relname matches '^(orders|payments)$'
has_pk is false
age(last_vacuum) > 7d
last_vacuum is null or age(last_vacuum) > 7d
xid_age > 75% of 2_000_000_000
rows == 0
rows <> 0
sum(table_size) > 1TB
count(dead_rows > 100000) >= 3
any(not has_pk)
max(lag) > 1min
delta(db_size) > 1GB
db_size > 2 * previous.db_size
growth(db_size, 7d) > 20%
rate(wal_bytes, 1h) > 1GB
zscore(connections, 14d) > 4 and connections > 50
changed(version)
connections > 3 * at(connections, 7d)
coalesce(dead_rows, 0) > 0
not (used > 95%)
dead_rows > params.max_dead_rows
after.dead_rows > 10% of before.dead_rows and before.dead_rows > 10000
acme.score(a, 'b') > 0.5
DEAD_ROWS > 5 AND NOT x IS NOT NULL
x not between 1 and 2
name = 'it''s'
true
lag > 5 min"""


@pytest.mark.parametrize("text", WRITTEN.splitlines())
def test_what_operators_write_parses_and_is_said_in_words_that_parse_again(text: str) -> None:
    words = in_words(parse(text)).replace(",0", "0")
    assert parse(text).text == text
    assert in_words(parse(words)).replace(",0", "0") == words


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("5", 5, Dimension.NUMBER),
        ("1_000_000", 1_000_000, Dimension.NUMBER),
        ("1e6", 1_000_000, Dimension.NUMBER),
        ("10GB", 10 * 1024**3, Dimension.BYTES),
        ("1.5kB", 1536, Dimension.BYTES),
        ("1 KiB", 1024, Dimension.BYTES),
        ("5min", 300, Dimension.SECONDS),
        ("5m", 300, Dimension.SECONDS),
        ("2d", 172_800, Dimension.SECONDS),
        ("'a b'", "a b", Dimension.TEXT),
        ("false", False, Dimension.BOOL),
    ],
)
def test_literals_are_in_base_units(text: str, value: object, dimension: Dimension) -> None:
    tree = parse(text).tree
    assert isinstance(tree, Literal)
    assert (tree.value, tree.dimension) == (value, dimension)


def test_precedence() -> None:
    tree = parse("not a > 1 or b = 2 and c < 3").tree
    assert isinstance(tree, Logic)
    assert tree.operator == "or"
    assert isinstance(tree.parts[0], Not)
    assert isinstance(tree.parts[1], Logic)
    share = parse("x > 10% of a + b").tree
    assert isinstance(share, Compare)
    assert not isinstance(share.right, PercentOf)


@pytest.mark.parametrize(
    ("text", "said", "hint", "where"),
    [
        ("", "empty", "dead_rows > 100_000", ""),
        ("a > 1 && b > 2", "`&&`", "`and`", "&&"),
        ("a > 1 || b > 2", "`||`", "`or`", "||"),
        ("!a", "`!`", "`not`", "!"),
        ("a => 5", "`=>`", "`>=`", "=>"),
        ("a > = 5", "together", "`>=`", "> ="),
        ("a = null", "nothing equals null", "`is null`", "= null"),
        ("a != NULL", "nothing equals null", "`is not null`", "!= NULL"),
        ("> 5", "left of `>`", "`dead_rows > 5`", ">"),
        ("a > ", "missing after `>`", "5", ">"),
        ("a > 100 000", "no spaces", "100000 or 100_000", "100 000"),
        ("a > 100,000", "no commas", "100000 or 100_000", "100,000"),
        ("a > 5M", "`M`", "5MB (size), 5min (minutes) or 5_000_000", "5M"),
        ("a > 5k", "`k`", "5kB (size) or 5_000", "5k"),
        ("a > 10Gb", "`Gb`", "10GB", "10Gb"),
        ("a > 10 gb", "`gb`", "10GB", "10 gb"),
        ("a > 5mins", "`mins`", "5min", "5mins"),
        ("a > 3 days", "`days`", "3d", "3 days"),
        ("a > 2 months", "`months`", "30d", "2 months"),
        ("a > 1h 30min", "two quantities", "1h + 30min", "1h 30"),
        ("1 < a < 5", "chained", "between", "<"),
        ("a > 80 of b", "share", "80% of", "80 of"),
        ("a > 80% b", "share", "of", "% b"),
        ("a > .5", "begins with a digit", "0.5", ".5"),
        ("a like 'x%'", "`like`", "matches", "like"),
        ("a adn b", "`adn`", "`and`", "adn"),
        ("a % 2 = 0", "remainder", "% of", "%"),
        ("(a > 5", "never closed", ")", "("),
        ("a > 5)", "closes nothing", "remove", ")"),
        ("a not > 5", "`not`", "not between", "not"),
        ("a is 5", "`is`", "`=`", "5"),
        ("a matches b", "pattern", "matches '^orders'", "b"),
        ("a matches '['", "regular expression", "backslash", "'['"),
        ("a matches 'x{99999999999}'", "regular expression", "backslash", "'x{99999999999}'"),
        ("a in 'x'", "`(`", "parentheses", "'x'"),
        ("t.dead_rows > 5", "`t.`", "`dead_rows`", "t.dead_rows"),
        ("prev.size > 5", "`prev.`", "`previous.size`", "prev.size"),
        ("'abc", "no end", "'", "'"),
        ("a > 1__0", "not a number", "100_000", "1__0"),
        ("a > 1e999999", "too large", "digits", "1e999999"),
        ("count(*) > 5", "`*`", "`rows`", "*"),
        ("null > 5", "`null`", "is null", "null"),
        ("a > 5; drop", "`;`", "without", ";"),
        ("a > {{ b }}", "`{{`", "templates", "{{"),
        ("a > \u201cx\u201d", "no meaning", "straight", "\u201c"),
    ],
)
def test_mistakes_get_answers(text: str, said: str, hint: str, where: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    error = caught.value
    assert said in error.message
    assert hint in error.hint
    assert text[error.start : error.end].strip() == where
    assert error.code.startswith("expression-")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "(" * 900 + "1" + ")" * 900,
        "not " * 900 + "a",
        "-" * 900 + "1",
        "1" + " + 1" * 900,
        "f(" * 900,
        "5% of " * 500 + "a",
        "a" * (MAX_LENGTH + 1),
    ],
)
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.code == "expression-limit"


def test_long_lists_and_chains_of_and_are_no_depth() -> None:
    parse(" or ".join(f"a = {number}" for number in range(MAX_DEPTH * 4)))
    parse(f"a in ({', '.join(str(number) for number in range(MAX_DEPTH * 4))})")


WORDS = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "between",
        "in",
        "matches",
        "is",
        "null",
        "true",
        "false",
        "rows",
        "of",
        "previous",
        ".",
        "params",
        "(",
        ")",
        ",",
        ">",
        ">=",
        "=",
        "<",
        "+",
        "-",
        "*",
        "/",
        "%",
        "5",
        "1.5",
        "10GB",
        "5min",
        "'a'",
        '"b"',
        "x",
        "delta",
        "sum",
        "eta",
        "7d",
        "&&",
        "!",
        "1e5",
        "_",
        "5M",
        "'",
        "[",
        "\\",
        "\x00",
        "é",
        "٣",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join), st.lists(WORDS).map("".join)))
@settings(max_examples=400, deadline=None)
@example("a matches '[[a]'")
@example("x" + "\u0000")
def test_any_text_parses_or_is_an_expression_error_inside_the_text(text: str) -> None:
    caught: ExpressionError | None = None
    try:
        assert in_words(parse(text))
    except ExpressionError as error:
        caught = error
    if caught is not None:
        assert 0 <= caught.start < caught.end <= max(len(text), caught.start + 1)
        assert caught.message
