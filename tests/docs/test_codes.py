"""Every code of a diagnostic has a page whose wrong example yields that code alone, and whose right one yields none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.config.codes import CODES, CONNECT_CODES, LINT_CODES
from runner.model.diagnostic import Severity
from tests.docs.code_pages import FOLDER, page, shown
from tests.postgres import Database, Servers

OFFLINE = [code for code in CODES if code not in CONNECT_CODES]


@pytest.fixture(scope="module")
def environ(server: Servers, minimal_role: str) -> Iterator[dict[str, str]]:
    """The environment of a home whose target `main` is a real server, as a role with few rights."""
    with server.fresh_database() as database:
        yield named(database, minimal_role)


def named(database: Database, role: str) -> dict[str, str]:
    options = database.options(role)
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    return {f"DATABASE_{names[key]}": value for key, value in options.items() if key in names}


def test_every_code_has_a_page_and_no_page_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_the_page_begins_with_what_the_code_means(code: str) -> None:
    lines = page(code).text.splitlines()
    assert lines[0] == f"# {code}"
    assert lines[2].startswith(CODES[code])


@pytest.mark.parametrize("code", OFFLINE)
def test_the_wrong_example_yields_this_code_and_no_other(code: str, tmp_path: Path) -> None:
    found = page(code).wrong.validated(tmp_path / "home", {}, connect=False)
    assert {item.code for item in found.diagnostics} == {code}
    assert shown(found) == page(code).said, "python -m tests.docs.code_pages writes what is said anew"
    advice = {item.severity for item in found.diagnostics} == {Severity.WARNING}
    assert ("A warning: the home is used as it is." in page(code).text) is advice
    assert advice or code not in LINT_CODES


@pytest.mark.parametrize("code", OFFLINE)
def test_the_right_example_yields_nothing(code: str, tmp_path: Path) -> None:
    assert shown(page(code).right.validated(tmp_path / "home", {}, connect=False)) == ""


@pytest.mark.parametrize("code", CONNECT_CODES)
def test_what_only_a_server_can_tell(code: str, tmp_path: Path, environ: dict[str, str]) -> None:
    found = page(code).wrong.validated(tmp_path / "wrong", environ, connect=True)
    assert {item.code for item in found.diagnostics} == {code}
    assert shown(found).replace(environ["DATABASE_USER"], "runner") == page(code).said
    assert shown(page(code).right.validated(tmp_path / "right", environ, connect=True)) == ""
