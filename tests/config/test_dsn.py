"""Connection texts in every form, and that none of them is ever repeated."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings, strategies as st

from runner.config.dsn import parse_dsn, passwords_in
from runner.errors import ConfigurationError
from runner.model.secret import Secret


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("postgresql://", {}),
        ("postgres://db1", {"host": "db1"}),
        ("postgresql://db1:5433/shop", {"host": "db1", "port": "5433", "dbname": "shop"}),
        ("postgresql://u@db1/", {"user": "u", "host": "db1"}),
        ("postgresql://u:p%40ss%2Fw@db1/shop", {"user": "u", "password": Secret("p@ss/w"), "host": "db1", "dbname": "shop"}),
        ("postgresql://u:a@b@db1", {"user": "u", "password": Secret("a@b"), "host": "db1"}),
        ("postgresql://a:1,b:2/x?target_session_attrs=read-write",
         {"host": "a,b", "port": "1,2", "dbname": "x", "target_session_attrs": "read-write"}),
        ("postgresql://[::1]:5432/x", {"host": "::1", "port": "5432", "dbname": "x"}),
        ("postgresql://%2Fvar%2Frun%2Fpg/x", {"host": "/var/run/pg", "dbname": "x"}),
        ("postgresql:///x?host=/tmp&user=u&password=s", {"dbname": "x", "host": "/tmp", "user": "u", "password": Secret("s")}),
        ("postgresql://db/x?ssl=true", {"host": "db", "dbname": "x", "sslmode": "require"}),
        ("host=db1 user=u", {"host": "db1", "user": "u"}),
        (r"password = 'it\'s \\ me'  dbname=x", {"password": Secret(r"it's \ me"), "dbname": "x"}),
        (r"password=a\ b port=5", {"password": Secret("a b"), "port": "5"}),
        ("dbname=", {"dbname": ""}),
    ],
)  # fmt: skip
def test_forms_of_libpq(text: str, options: dict[str, object]) -> None:
    assert parse_dsn(text) == options


@pytest.mark.parametrize(
    "text",
    [
        "", "hunter2", "host=db password='hunter2", "password=hunter2 oops", "postgresql://u:hunter2%zz@db",
        "postgresql://u:hunter2@db:port/x", "postgresql://db/x?hunter2=1", "postgresql://db/x?hunter2",
        "hunter2=1", "postgresql://u:hunter2%ff@db", "postgresql://u:hunter2%00@db", "password=hunter2'x",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_dsn(text)
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"
    assert caught.value.hint


def test_a_misspelled_keyword_has_a_suggestion() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_dsn("hots=db")
    assert caught.value.hint == "did you mean `host`?"


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_raises_anything_else(text: str) -> None:
    for form in (text, f"postgresql://{text}"):
        with suppress(ConfigurationError):
            parse_dsn(form)


def test_passwords_of_urls_are_found_as_written_and_decoded() -> None:
    assert passwords_in("https://u:p%40ss@host/x and redis://:pw@h") == ["p%40ss", "p@ss", "pw"]
    assert passwords_in("https://host/x:y@z") == []
