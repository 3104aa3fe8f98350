"""What sinks are given in secret is sent and appears nowhere else: not on a stream, in the store, a log or a crash file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.support import Said, runner
from tests.net.receiver import Receiver, Request, Stream, reply
from tests.sinks.mailbox import Mailbox, serving

WORDS = {
    name: f"pl@nted/{name.lower()}#42" for name in ("IN_URL", "QUERY", "HEADER", "SIGNS", "MAIL", "PROGRAM", "DSN")
}
SETTINGS = """
version: 1
allow: [command]
env_files: [.env]
sinks:
  hook:
    type: webhook
    url: {hook}
    headers: {{Authorization: "Bearer ${{HOOK_TOKEN}}", X-Own: "{HEADER}"}}
    secret: "${{HOOK_SECRET}}"
  mail: {{type: smtp, host: 127.0.0.1, port: {mail}, security: none, user: ana, password: "{MAIL}", from: a@x.org, to: b@x.org}}
  pager: {{type: command, run: [sh, -c, "env >&2; exit 1"], env: {{PAGE_TOKEN: "${{PAGE_TOKEN}}"}}}}
  kept: {{type: table, dsn: "postgresql://ana:{DSN}@127.0.0.1:1/x"}}
"""
JOB = "command: note\nschedule: hourly\nrun: ['true']\n"


def echo(request: Request, _stream: Stream) -> bytes:
    """Refuses, and repeats all that it was given."""
    said = [request.target, *request.headers.values(), request.body.decode()]
    return reply(503, "\n".join(said).encode())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    (folder / "checks.d").mkdir(parents=True)
    (folder / "checks.d" / "notes.yaml").write_text(JOB)
    with ExitStack() as stack:
        hook = stack.enter_context(Receiver(echo))
        box = Mailbox(passwords={"ana": "another"})
        port = stack.enter_context(serving(box))
        url = f"{hook.url}/{quote(WORDS['IN_URL'], safe='')}?token={quote(WORDS['QUERY'], safe='')}"
        given = {name: word for name, word in WORDS.items() if name in ("HEADER", "MAIL")}
        (folder / "runner.yaml").write_text(
            SETTINGS.format(hook=json.dumps(url), mail=port, DSN=quote(WORDS["DSN"], safe=""), **given)
        )
        tokens = {"HOOK_TOKEN": WORDS["HEADER"], "HOOK_SECRET": WORDS["SIGNS"], "PAGE_TOKEN": WORDS["PROGRAM"]}
        (folder / ".env").write_text("".join(f"{name}='{word}'\n" for name, word in tokens.items()))
        yield folder


def test_no_secret_of_a_sink_is_shown_or_kept(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = [runner(*words, home=home) for words in (
        ["run-due", "--now", "2026-03-04T02:55Z"], ["run-due", "--now", "2026-03-04T03:00Z"],
        ["run-due", "--now", "2026-03-04T04:00Z"], ["sinks", "list"], ["sinks", "test", "hook"], ["sinks", "test", "mail"],
        ["sinks", "test", "pager"], ["sinks", "test", "kept"], ["status", "--all"], ["history", "--json"], ["doctor"],
        ["validate"], ["plan"], ["explain", "note"],
    )]  # fmt: skip
    told = "".join(item.all for item in said)
    for expected in ("answered 503 Service Unavailable", "refuses the login of ana: 535", "ended with exit code 1"):
        assert expected in told

    def bug(*_: object, **__: object) -> None:
        raise ValueError(" ".join(WORDS.values()))

    monkeypatch.setattr("runner.cli.commands.list.following", bug)
    said.append(runner("list", home=home))
    assert said[-1].code == 70
    assert shown(home, tmp_path, said) == []


def shown(home: Path, tmp_path: Path, said: list[Said]) -> list[str]:
    """Where which secret can be read, in whatever way it is written."""
    ours = {home / "runner.yaml", home / ".env"}
    found = {f"call {number}": item.all.encode() for number, item in enumerate(said)}
    found |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path not in ours}
    return [f"{name} in {place}" for name in WORDS for place, data in found.items() if written(name, data)]


def written(name: str, data: bytes) -> bool:
    word = WORDS[name]
    forms = (word, quote(word, safe=""), json.dumps(word)[1:-1], base64.b64encode(word.encode()).decode())
    return any(form.encode() in data for form in forms)
