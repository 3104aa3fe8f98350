"""Env files and `${…}`: what is replaced, what stays, and what is secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.api import SecretSource
from runner.config.document import parse
from runner.config.environment import Environment, is_secret_name, load_environment
from runner.config.interpolate import Interpolator
from runner.config.nodes import value_of
from runner.errors import SinkError
from runner.model.node import MappingNode
from runner.model.secret import Secret


def interpolate(yaml: str, home: Path = Path("/"), **environ: str) -> tuple[object, Interpolator]:
    root = parse(yaml, "f.yaml").root
    assert isinstance(root, MappingNode)
    sources = {
        "vault": SecretSource(scheme="vault", read=lambda name: f"secret of {name}"),
        "broken": SecretSource(scheme="broken", read=lambda _: 1 / 0),  # type: ignore[arg-type, return-value]
        "closed": SecretSource(scheme="closed", read=_closed),
    }
    interpolator = Interpolator(environment=Environment(real=environ), home=home, sources=sources)
    return value_of(interpolator.node(root)), interpolator


def _closed(_: str) -> str:
    raise SinkError("the vault is sealed", hint="unseal it")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${HOST}", "db1"),
        ("http://${HOST}:${PORT}/", "http://db1:5433/"),
        ("${NOPE:-localhost}", "localhost"),
        ("${NOPE:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("${HOST:?set it}", "db1"),
        ("$${HOST}", "${HOST}"),
        ("$HOST $1 $$", "$HOST $1 $$"),
        ("${WILD}", "a: b # c\n- d"),
    ],
)
def test_references(written: str, value: str) -> None:
    found, interpolator = interpolate(f"a: '{written}'\n", HOST="db1", PORT="5433", EMPTY="", WILD="a: b # c\n- d")
    assert found == {"a": value}
    assert interpolator.diagnostics == []


@pytest.mark.parametrize(
    ("yaml", "code", "column", "message"),
    [
        ("a: x ${NOPE} y\n", "unset-variable", 6, "`NOPE` is not set"),
        ("a: '${NOPE:?put it into .env}'\n", "unset-variable", 5, "`NOPE` is not set: put it into .env"),
        ("a: ${EMPTY:?}\n", "unset-variable", 4, "`EMPTY` is not set"),
        ("a: x${\n", "bad-reference", 5, "this `${` is not closed"),
        ("a: ${1x}\n", "bad-reference", 4, "`${1x}` cannot be read"),
        ("a: '${valt:x}'\n", "secret-unreadable", 5, "there is no source of secrets `valt`"),
        ("a: '${broken:x}'\n", "secret-unreadable", 5, "`broken` could not give `x`: ZeroDivisionError: division by zero"),
        ("a: '${closed:x}'\n", "secret-unreadable", 5, "the vault is sealed"),
        ("a: '${file:missing}'\n", "secret-unreadable", 5, "/missing cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(yaml: str, code: str, column: int, message: str) -> None:
    _, interpolator = interpolate(yaml, EMPTY="")
    (item,) = interpolator.diagnostics
    assert (item.code, item.span.column, item.message) == (code, column, message)
    assert item.hint


def test_an_unset_name_suggests_and_names_the_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_HOST=db\n")
    environment = load_environment(tmp_path, [".env", "more.env"], {})
    interpolator = Interpolator(environment=environment, home=tmp_path)
    root = parse("a: ${DATABSE_HOST}\n", "f.yaml").root
    assert root is not None
    interpolator.node(root)
    assert interpolator.diagnostics[0].hint == (
        "did you mean `DATABASE_HOST`? (looked in the environment, .env, more.env (does not exist))"
    )


def test_secrets_fill_a_value_or_are_remembered(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("from-file\n")
    yaml = """
a: ${file:pw}
b: ${API_TOKEN}
c: https://x/${API_TOKEN}
d: ${vault:one}
password: literal
url: postgresql://u:in-url@h
host: ${HOST}
"""
    found, interpolator = interpolate(yaml, tmp_path, API_TOKEN="tok-en", HOST="db1")
    assert found == {
        "a": Secret("from-file"),
        "b": Secret("tok-en"),
        "c": "https://x/tok-en",
        "d": Secret("secret of one"),
        "password": Secret("literal"),
        "url": "postgresql://u:in-url@h",
        "host": "db1",
    }
    assert {"from-file", "tok-en", "secret of one", "literal", "in-url"} == {
        secret.reveal() for secret in interpolator.secrets
    }


@pytest.mark.parametrize(
    ("name", "secret"),
    [("DB_PASSWORD", True), ("API_KEY", True), ("client_secret", True), ("TOKEN_X", True), ("KEYBOARD", False)],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_env_files(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text('# note\nexport A=1\nB="two words"\nC=$A\n\nD=a\n')
    (tmp_path / "b.env").write_text("D=b\nE=b\n")
    environment = load_environment(tmp_path, ["a.env", "b.env"], {"E": "real"})
    assert {name: environment.get(name) for name in "ABCDEF"} == {
        "A": "1", "B": "two words", "C": "$A", "D": "b", "E": "real", "F": None,
    }  # fmt: skip
    assert environment.diagnostics == ()


def test_a_broken_line_of_an_env_file_is_named_but_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB='hunter2\nhunter2 oops\nC=3\n")
    environment = load_environment(tmp_path, [".env"], {})
    assert environment.diagnostics
    assert all(item.span.file == ".env" and "hunter2" not in str(item) for item in environment.diagnostics)


def test_an_env_file_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert [item.code for item in load_environment(tmp_path, [".env"], {}).diagnostics] == ["file-unreadable"]


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-this-name/.env", "\0"])
def test_an_env_file_with_an_impossible_name(tmp_path: Path, name: str) -> None:
    environment = load_environment(tmp_path, [name], {})
    assert environment.from_files == {}
    assert len(environment.looked_at) == 1
